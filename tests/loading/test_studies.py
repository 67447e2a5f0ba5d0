"""The order of a patient's studies: what the loader decides by is what the view shows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from lungdb.database import Connection, run
from lungdb.loading.studies import last_studies, stored_scans
from tests.support.databases import rows

PATIENTS = 150
_INSERT = (
    "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
    "content_sha256, study_date, acquisition_date, date_rule, study_year, study_order) "
    "VALUES (?, 0, ?, ?, 1, 1, 1, 0x00, ?, ?, ?, ?, ?);"
)


def draw_patients(connection: Connection) -> None:
    """Store patients of up to four studies, of which little or much is known, rightly or in contradiction."""
    chance = np.random.default_rng(8)

    def one(*values: Any) -> Any:
        return values[chance.integers(len(values))]

    days = (None, date(2019, 1, 1), date(2020, 1, 1), date(2020, 6, 1))
    run(connection, "BEGIN TRANSACTION;")
    for index in range(PATIENTS):
        run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (f"p{index}", index))
        for study in range(1 + int(chance.integers(4))):
            for series in range(1 + int(chance.integers(2))):
                known = (one(*days), one(*days), one(None, "kept", "kept", "shifted", "year"))
                uid = f"{index}.{study}"
                order = (one(None, None, 0, 1, 2), one(None, None, 0, 1))
                run(connection, _INSERT, (f"p{index}", f"{uid}.{series}", uid, *known, *order))
    run(connection, "COMMIT TRANSACTION;")


def test_the_loader_and_the_view_know_the_same_studies_to_be_followed(installed: Connection) -> None:
    """Of random patients; some have a study that is newest and some have none."""
    draw_patients(installed)
    seen = {(study, newest, followed) for study, newest, followed in rows(
        installed, "SELECT study_uid, is_newest, is_followed FROM dbo.patient_studies;"
    )}  # fmt: skip
    last = {study for index in range(PATIENTS) for study in last_studies(stored_scans(installed, f"p{index}"))}
    assert last == {study for study, _, followed in seen if not followed}
    assert {study for study, newest, _ in seen if newest} < last < {study for study, _, _ in seen}


def test_ages_by_shifted_dates_are_not_too_low_on_average(installed: Connection) -> None:
    """Of somebody born in 1960 and scanned on each day of 2020, with all shifts: 60 within a tenth of a year."""
    run(installed, "INSERT INTO dbo.patients (patient_id, idx, birth_year) VALUES (N'a', 0, 1960);")
    made = [date(2020, 1, 1) + timedelta(days=day) for day in range(0, 366, 30)]
    stored = [day - timedelta(days=shift) for day in made for shift in range(1, 366, 30)]
    run(installed, "BEGIN TRANSACTION;")
    for number, (day, rule) in enumerate([*((day, "shifted") for day in stored), *((day, "kept") for day in made)]):
        run(installed, _INSERT, ("a", str(number), "1", day, None, rule, None, None))
    run(installed, "COMMIT TRANSACTION;")
    ages = dict(rows(
        installed, "SELECT s.date_rule, AVG(CAST(c.age AS FLOAT)) FROM dbo.scans AS s "
        "INNER JOIN dbo.scan_columns AS c ON c.scan_id = s.scan_id GROUP BY s.date_rule;",
    ))  # fmt: skip
    assert ages["kept"] == 60
    assert abs(ages["shifted"] - 60) < 0.1
