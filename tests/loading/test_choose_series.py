"""dbo.ChooseSeries: it chooses as the loader does, says what it would change, and moves what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from lungdb.dicom.series_rule import Extent, choose_series, parse_rule, why_not_chosen
from tests.dicom.test_series_rule import WRONG, default_rule
from tests.support.databases import contents, copy_to, refused, rows, target_of

STUDIES = 120
RULES = (
    "", "prefer=slices", "thickness=0.5-1", "thickness=1-2.5;kernels=B3*,STANDARD>C,I50f;prefer=slices",
    "kernels=b_soft_b>lung*,fc0*", default_rule(),
)  # fmt: skip
_INSERT = (
    "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
    "spacing_z, monoenergetic_kev, slice_thickness, convolution_kernel, content_sha256, is_study_choice, study_date, "
    "date_rule) VALUES (?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?, 0x00, 0, ?, ?);"
)


def _draw(chance: np.random.Generator, study: int, series: int) -> Extent:
    """Draw a series of few different values, so that many are alike in some; hundredths lie about halves, too."""

    def one(*values: Any) -> Any:
        return values[chance.integers(len(values))]

    return Extent(
        f"1.{study}.{series * one(1, 10, 7)}{series}",
        one(None, 0.5, 1.0, 1.004, 1.005, 1.255, 2.5, 5.0),
        int(one(20, 40, 100, 200, 401)),
        one(None, None, None, 70.0),
        one(None, 0.6, 1.0, 2.505, 3.0),
        one(
            None, "B30f", "B31f\\2", "B80f", "STANDARD", "C", "I50f\\3", "LUNG", "B_SOFT_B", "BxSOFT_B", "fc08", "[B3]"
        ),
    )


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Extent]]:
    """Series of STUDIES studies, drawn once."""
    chance = np.random.default_rng(15)
    return {
        f"1.{study}": [_draw(chance, study, series) for series in range(1, 2 + int(chance.integers(6)))]
        for study in range(STUDIES)
    }


@pytest.fixture
def many(installed_file: Path, tmp_path: Path, drawn: dict[str, list[Extent]]) -> Iterator[Connection]:
    """Give a database of these series, each study of a patient of its own, without choices and primary scans."""
    with closing(connect(target_of(copy_to(tmp_path, installed_file)))) as connection:
        run(connection, "BEGIN TRANSACTION;")
        for index, (study, series) in enumerate(drawn.items()):
            run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (f"p{study}", index))
            for one in series:
                extent = (one.number_images, one.spacing_z, one.monoenergetic_kev, one.slice_thickness, one.kernel)
                run(connection, _INSERT, (f"p{study}", 0, one.series_uid, study, *extent, None, None))
        run(connection, "COMMIT TRANSACTION;")
        yield connection


def test_t_sql_and_the_loader_choose_alike(many: Connection, drawn: dict[str, list[Extent]]) -> None:
    """Over random series and six rules, and give the same reasons."""
    for text in RULES:
        rule = parse_rule(text)
        run(many, "EXECUTE dbo.ChooseSeries @SeriesRule = ?, @Apply = 1;", (text,))
        chosen = dict(rows(many, "SELECT study_uid, series_uid FROM dbo.scans WHERE is_study_choice = 1;"))
        expected = {study: choose_series(series, rule) for study, series in drawn.items()}
        assert chosen == {study: one.series_uid for study, one in expected.items()}
        reasons = dict(rows(many, "SELECT series_uid, reason FROM dbo.series_choices WHERE is_study_choice = 0;"))
        assert reasons == {
            one.series_uid: why_not_chosen(one, expected[study], series, rule)
            for study, series in drawn.items()
            for one in series
            if one != expected[study]
        }


def test_nothing_changes_unless_it_is_applied(many: Connection) -> None:
    """What is said beforehand is what is done; done once, nothing is left to do."""
    before = contents(many)
    told = rows(many, "EXECUTE dbo.ChooseSeries;")
    assert contents(many) == before
    assert len(told) == STUDIES
    done = rows(many, "EXECUTE dbo.ChooseSeries @Apply = 1;")
    assert [row[:4] for row in done] == [row[:4] for row in told]
    assert {row[4] for row in done} == {"changed"}
    assert rows(many, "EXECUTE dbo.ChooseSeries;") == []


def test_primary_scans_move_to_newest_studies_only_when_asked(installed: Connection) -> None:
    """A patient with two dated studies of two series, one with two that nothing orders."""
    for index, (patient, days) in enumerate((("dated", ("2019-01-01", "2020-01-01")), ("undated", (None, None)))):
        run(installed, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (patient, index))
        for study, day in enumerate(days):
            for kernel in ("B30f", "B80f"):
                primary = study == 0 and kernel == "B80f"
                uid = f"{patient}.{study}.{kernel}"
                shown = (10, 1.0, None, 1.0, kernel, day, "kept" if day else None)
                run(installed, _INSERT, (patient, int(primary), uid, f"{patient}.{study}", *shown))
    choices = "SELECT series_uid FROM dbo.scans WHERE is_study_choice = 1 ORDER BY series_uid;"
    primaries = "SELECT series_uid FROM dbo.scans WHERE is_primary = 1 ORDER BY series_uid;"
    run(installed, "EXECUTE dbo.RefreshWorklist; EXECUTE dbo.ChooseSeries @Apply = 1;")
    assert rows(installed, choices) == [
        ("dated.0.B80f",), ("dated.1.B30f",), ("undated.0.B80f",), ("undated.1.B30f",)
    ]  # fmt: skip
    assert rows(installed, primaries) == [("dated.0.B80f",), ("undated.0.B80f",)]
    run(installed, "EXECUTE dbo.ChooseSeries @Apply = 1, @FollowNewest = 1;")
    assert rows(installed, choices) == [
        ("dated.0.B30f",), ("dated.1.B30f",), ("undated.0.B30f",), ("undated.1.B30f",)
    ]  # fmt: skip
    assert rows(installed, primaries) == [("dated.1.B30f",), ("undated.0.B30f",)]
    assert rows(installed, "SELECT DISTINCT follows_newest FROM dbo.patients;") == [(True,)]
    shown = "SELECT s.series_uid FROM dbo.worklist AS w INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id ORDER BY 1;"
    assert rows(installed, shown) == rows(installed, primaries)


def test_primary_scans_that_follow_are_chosen_anew(installed: Connection) -> None:
    """Of patients who follow their newest study the rule says which scan is primary, and the worklist has it."""
    for index, (patient, follows) in enumerate((("before", 0), ("follows", 1))):
        insert = "INSERT INTO dbo.patients (patient_id, idx, follows_newest) VALUES (?, ?, ?);"
        run(installed, insert, (patient, index, follows))
        for kernel in ("B30f", "B80f"):
            shown = (10, 1.0, None, 1.0, kernel, "2020-01-01", "kept")
            run(installed, _INSERT, (patient, int(kernel == "B30f"), f"{patient}.{kernel}", f"{patient}.1", *shown))
    run(installed, "EXECUTE dbo.RefreshWorklist;")
    changes = rows(installed, "EXECUTE dbo.ChooseSeries @SeriesRule = N'kernels=B80*', @Apply = 1;")
    assert [row[:2] for row in changes] == [("study choice", 0), ("primary scan", 1), ("study choice", 1)]
    expected = [("before.B30f",), ("follows.B80f",)]
    for column in ("is_primary", "is_study_choice"):
        assert rows(installed, f"SELECT series_uid FROM dbo.scans WHERE {column} = 1 ORDER BY 1;") == expected
    shown = "SELECT s.series_uid FROM dbo.worklist AS w INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id ORDER BY 1;"
    assert rows(installed, shown) == expected


def test_what_is_no_rule_for_the_loader_is_none_here(installed: Connection) -> None:
    """Given or as the setting; the number and the way out are those of an argument that is not supported."""
    for text in WRONG:
        quoted = text.replace("'", "''")
        said = refused(installed, f"EXECUTE dbo.ChooseSeries @SeriesRule = N'{quoted}', @Apply = 1;", 50101)
        assert "Write it like thickness=0-2.5;kernels=" in said
    run(installed, "UPDATE dbo.settings SET value = N'soft' WHERE name = N'series_rule';")
    refused(installed, "EXECUTE dbo.ChooseSeries;", 50101)
    refused(installed, "EXECUTE dbo.ChooseSeries @SeriesRule = N'', @Apply = NULL;", 50101)
