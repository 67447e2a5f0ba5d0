"""`lungdb load-scans` and what comes in parts: series that the rule would rather have, studies whose order is known."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli.load_scans import main
from tests.cli.test_load_scans import KEY
from tests.cli.test_load_studies import PRIMARY, load, write_study
from tests.support.asking import Query

pytestmark = pytest.mark.filterwarnings("ignore:.*VR UI:UserWarning")  # of pydicom, writing names as UIDs
ORDER = "SELECT study_uid, study_order FROM dbo.scans ORDER BY study_uid;"


def write_stack(folder: Path, kernel: str, slices: int, spacing: float) -> None:
    """Write a series of the study 1.1 of patient a."""
    header: dict[str, Any] = {"ConvolutionKernel": kernel, "SliceThickness": str(spacing)}
    for number in range(slices):
        place = {"ImagePositionPatient": [0, 0, number * spacing]}
        write_study(folder / str(number), "a", "1.1", slices=1, SeriesInstanceUID=f"1.1.{kernel}",
                    SOPInstanceUID=f"1.1.{kernel}.{number}", **header, **place)  # fmt: skip


def test_a_series_that_is_worse_than_the_choice_is_not_stored_after_it(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Beside the longest one 10 mm are too short; without it they would be the thinnest that is long enough."""
    write_stack(tmp_path / "dicom", "X", 6, 5.0)
    write_stack(tmp_path / "dicom", "Z", 15, 1.25)
    write_stack(tmp_path / "dicom", "Y", 10, 1.0)
    assert load(tmp_path / "dicom", target) == 0
    assert query("SELECT convolution_kernel FROM dbo.scans;") == [("Z",)]
    taken = "SELECT convolution_kernel, CAST(is_taken AS INT) FROM dbo.series_choices ORDER BY convolution_kernel;"
    assert query(taken) == [("X", 0), ("Y", 0), ("Z", 1)]


def test_a_patient_whose_id_differs_in_case_is_refused_in_every_study(
    tmp_path: Path, target: str, query: Query
) -> None:
    """And the load goes on."""
    write_study(tmp_path / "one", "a", "1.1")
    write_study(tmp_path / "two", "A", "1.2")
    assert load(tmp_path / "one", target) == 0
    assert load(tmp_path / "two", target) == 1
    assert query("SELECT reason FROM dbo.rejected_files;") == [("similar_patient_id",)]
    assert query("SELECT patient_id FROM dbo.scans;") == [("a",)]


def write_visits(folder: Path, days: tuple[float | None, ...]) -> None:
    """Write a study a day, in a folder of its own; the first has a kernel that the rule likes better."""
    for day in days:
        header = {} if day is None else {"LongitudinalTemporalOffsetFromEvent": day}
        kernel = "B30f" if day == 1 else "B80f"
        write_study(folder / str(day), "a", f"1.{day or 3.0}", None, ConvolutionKernel=kernel, **header)


def test_a_study_that_comes_alone_leaves_the_order_that_was_known(tmp_path: Path, target: str, query: Query) -> None:
    """Without a word of its time; the primary scan is none that is known to be followed."""
    write_visits(tmp_path / "two", (1.0, 2.0))
    write_visits(tmp_path / "one", (None,))
    assert load(tmp_path / "two", target) == 0
    assert query(PRIMARY) == [("a", "1.2.0")]
    assert load(tmp_path / "one", target) == 0
    assert query(ORDER) == [("1.1.0", 0), ("1.2.0", 1), ("1.3.0", None)]
    assert query(PRIMARY) != [("a", "1.1.0")]


@pytest.mark.parametrize("days", [(1.0, 2.0, 3.0), (3.0, 1.0, 2.0), (2.0, 3.0, 1.0)])
def test_studies_that_come_one_by_one_are_in_the_order_of_a_load_of_all(
    tmp_path: Path, target: str, query: Query, days: tuple[float, ...]
) -> None:
    """In whatever order they come; the newest has the primary scan, what days are counted from is kept as a hash."""
    write_visits(tmp_path, days)
    for day in days:
        assert load(tmp_path / str(day), target) == 0
    assert query(ORDER) == [("1.1.0", 0), ("1.2.0", 1), ("1.3.0", 2)]
    assert query(PRIMARY) == [("a", "1.3.0")]
    kinds = query("SELECT DISTINCT time_point_kind FROM dbo.scans;")
    assert kinds == [(hashlib.sha256(b"days from ").hexdigest()[:16],)]


def test_files_loaded_again_tell_the_time_of_scans_of_before(tmp_path: Path, target: str, query: Query) -> None:
    """A database that an earlier version filled gets the order when the files come again, one study at a time."""
    write_visits(tmp_path, (1.0, 2.0))
    for day in (1.0, 2.0):
        assert load(tmp_path / str(day), target) == 0
    query("UPDATE dbo.scans SET time_point = NULL, time_point_kind = NULL, study_order = NULL; SELECT 1;")
    for day in (2.0, 1.0):
        assert load(tmp_path / str(day), target) == 0
    assert query(ORDER) == [("1.1.0", 0), ("1.2.0", 1)]
    assert query(PRIMARY) == [("a", "1.2.0")]


@pytest.mark.parametrize(
    ("event", "first", "stored"),
    [("ENROLLMENT", -40.0, True), ("DATE OF BIRTH", 6000.0, False), ("DOB", 6000.0, False), ("", 33000.0, False)],
)
def test_without_the_key_a_time_point_tells_nothing_and_an_age_is_not_there(
    tmp_path: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch, event: str, first: float, stored: bool
) -> None:
    """The hash of what is counted is keyed; an offset that may be an age orders studies that come together only."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    for number, name in enumerate(("a", "b", "b")):
        offset = {"LongitudinalTemporalOffsetFromEvent": first + 9 * number, "LongitudinalTemporalEventType": event}
        write_study(tmp_path / "dicom", name, f"1.{number}", None, **offset)
    assert main([str(tmp_path / "dicom"), "-d", target]) == 0
    assert query("SELECT COUNT(*) FROM dbo.scans WHERE study_order = 1;") == [(1,)]
    found = query("SELECT DISTINCT time_point_kind FROM dbo.scans;")
    keyed = hmac.new(KEY.encode(), f"time point\0days from {event.upper()}".encode(), "sha256").hexdigest()[:16]
    assert found == [(keyed if stored else None,)]
    points = query("SELECT time_point FROM dbo.scans ORDER BY time_point;")
    assert points == ([(first,), (first + 9,), (first + 18,)] if stored else [(None,)] * 3)


@pytest.mark.parametrize("order", ["XYZ", "YXZ", "ZYX", "YZX"])
def test_all_series_of_a_study_end_with_one_choice_in_whatever_order_they_come(
    tmp_path: Path, target: str, query: Query, order: str
) -> None:
    """Where each is stored; that of a load of all, which is neither the longest nor the thinnest."""
    for kernel, slices, spacing in (("X", 6, 5.0), ("Z", 15, 1.25), ("Y", 10, 1.0)):
        write_stack(tmp_path / kernel, kernel, slices, spacing)
    for kernel in order:
        assert load(tmp_path / kernel, target, "--all-series") == 0
    chosen = "SELECT convolution_kernel FROM dbo.scans WHERE {} = 1;"
    assert query(chosen.format("is_study_choice")) == query(chosen.format("is_primary")) == [("Z",)]


@pytest.mark.parametrize("order", ["XZ", "ZX"])
def test_a_better_series_is_the_choice_whether_it_comes_first_or_last(
    tmp_path: Path, target: str, query: Query, order: str
) -> None:
    """The rule looks at what is stored and what comes; the worse one is stored only where it came first."""
    for kernel, slices, spacing in (("X", 6, 5.0), ("Z", 15, 1.25)):
        write_stack(tmp_path / kernel, kernel, slices, spacing)
    for kernel in order:
        assert load(tmp_path / kernel, target) == (1 if order == "ZX" and kernel == "X" else 0)
    assert query("SELECT convolution_kernel FROM dbo.scans WHERE is_study_choice = 1 AND is_primary = 1;") == [("Z",)]
    assert len(query("SELECT scan_id FROM dbo.scans;")) == (2 if order == "XZ" else 1)


@pytest.mark.parametrize(
    "other",
    [
        {"ClinicalTrialTimePointID": "2"},
        {"LongitudinalTemporalOffsetFromEvent": 2.0, "LongitudinalTemporalEventType": "BASELINE"},
    ],
)
def test_time_points_of_different_kinds_order_nothing(
    tmp_path: Path, target: str, query: Query, other: dict[str, Any]
) -> None:
    """Days from enrollment are neither visits nor days from another event."""
    days = {"LongitudinalTemporalOffsetFromEvent": 365.0, "LongitudinalTemporalEventType": "ENROLLMENT"}
    for number, header in enumerate((days, other)):
        write_study(tmp_path / "dicom", "a", f"1.{number}", None, **header)
    assert load(tmp_path / "dicom", target) == 0
    assert query(ORDER) == [("1.0", None), ("1.1", None)]


def test_a_wrong_study_year_is_corrected_with_replace_alone(tmp_path: Path, target: str, query: Query) -> None:
    """By the file that names another one; a scan that it does not name keeps its own."""
    write_study(tmp_path / "dicom", "a", "1.1")
    write_study(tmp_path / "dicom", "a", "1.2")
    years = tmp_path / "years.csv"
    years.write_text("study_yr,study_uid\n2,1.1\n1,1.2\n")
    assert load(tmp_path / "dicom", target, "--study-years", str(years)) == 0
    assert query(PRIMARY) == [("a", "1.1")]
    years.write_text("study_yr,study_uid\n0,1.1\n")
    found = []
    for options in (("--study-years", str(years)), ("--replace",), ("--study-years", str(years), "--replace")):
        assert load(tmp_path / "dicom", target, *options) == 0
        found.append(query("SELECT study_year FROM dbo.scans ORDER BY study_uid;"))
    assert found == [[(2,), (1,)], [(2,), (1,)], [(0,), (1,)]]
    assert query(PRIMARY) == [("a", "1.2")]
