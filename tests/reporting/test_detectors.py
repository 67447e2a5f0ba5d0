"""What detectors found and how they were measured, in the report of a model: the numbers of the tables."""

from __future__ import annotations

import cv2
import numpy as np

from lungdb.database import Connection, run
from lungdb.reporting.detectors import Measured, Rate, read_detectors
from lungdb.reporting.plots import draw_detectors
from tests.support.nodules import add_found, add_network, add_truth
from tests.support.pages import Report

EVALUATION = """
INSERT INTO dbo.nodule_evaluations (network_id, preprocessing, stages, dataset_version_id, least_readers,
    least_diameter, most_per_scan, seed, resamples, scans, test_scans, nodules, irrelevant, candidates, hits, repeated,
    ignored, false_alarms, beyond)
SELECT ?, N'volume', ?, MAX(dataset_version_id), 3, 3, 100, 1, 1000, 90, 20, 40, 5, 300, 31, 2, 3, 264, 0
FROM dbo.dataset_versions;
"""
POINT = """
INSERT INTO dbo.nodule_evaluation_points (nodule_evaluation_id, position, false_alarms_per_scan, sensitivity, low, high)
SELECT MAX(nodule_evaluation_id), ?, ?, ?, ?, ? FROM dbo.nodule_evaluations;
"""
RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)


def _measure(connection: Connection, network: int, found: list[float], stages: str | None = None) -> None:
    """Store an evaluation; the mean has an interval that is not defined."""
    run(connection, EVALUATION, (network, stages))
    run(connection, POINT, (0, None, float(np.mean(found)), None, None))
    for position, (rate, share) in enumerate(zip(RATES, found, strict=True), 1):
        run(connection, POINT, (position, rate, share, share - 0.05, share + 0.04))


def test_a_model_without_a_detector_has_no_section(unchanged: Report) -> None:
    """Nothing is said of nodules where none are."""
    assert "Nodules" not in unchanged().text


def test_what_was_found_and_measured_is_in_the_page(connection: Connection, make: Report) -> None:
    """Counts of candidates and marks, every rate with its interval, the newest evaluation first, a curve of each."""
    network = add_network(connection, "<detector>")
    for scan in (1, 1, 2):
        add_found(connection, scan, network, (scan, 0, 0), 6.0, 0.5)
    add_truth(connection, 3, (0, 0, 0), 6.0)
    add_truth(connection, 3, (9, 0, 0), 6.0, is_relevant=False)
    assert "Nodules" not in make().text
    run(connection, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
    _measure(connection, network, [0.11, 0.22, 0.33, 0.44, 0.55, 0.66, 0.77])
    _measure(connection, network, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "alarms:1")
    page = make()
    assert page.row("<detector>, version 1, volume: candidates") == ["2", "3"]
    assert page.row("Marked by readers, to be found") == ["1", "1"]
    assert "Readers also marked 1 findings that are not to be found." in page.text
    assert [row[1:] for row in page.rows if row[:1] == ["at 1/8 a scan"]] == [
        ["0.200", "0.150", "0.240"], ["0.110", "0.060", "0.150"],
    ]  # fmt: skip
    assert [row[1:] for row in page.rows if row[:1] == ["mean"]] == [
        ["0.500", "not defined", "not defined"], ["0.440", "not defined", "not defined"],
    ]  # fmt: skip
    assert page.text.index("with alarms:1, on all") < page.text.index("<detector>, version 1, on all")
    assert "90 scans, 20 of them of test patients; 40 nodules to be found, of which 31 have a candidate" in page.text
    curves = [image["alt"] for image in page.images() if "false alarms a scan" in str(image["alt"])]
    assert len(curves) == 2
    assert [one.mean.sensitivity for one in read_detectors(connection).measured] == [0.5, 0.44]


def test_a_curve_is_drawn_where_its_numbers_are(connection: Connection) -> None:
    """Each rate's mark lies as much higher as its share is; seen in the blue pixels of the picture."""
    rates = tuple(Rate(rate, share, None, None) for rate, share in zip(RATES, (0, 0, 0, 0, 1, 1, 1), strict=True))
    network = add_network(connection, "detector")
    run(connection, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
    _measure(connection, network, [0.5] * 7)
    [stored] = read_detectors(connection).measured
    flat, step = (
        cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR)
        for plot in draw_detectors([stored, _with(stored, rates)])
    )
    assert flat is not None
    assert step is not None
    flat_rows, step_rows = (_rows_of_blue(picture) for picture in (flat, step))
    middle = (step_rows.min() + step_rows.max()) / 2
    assert abs(np.median(flat_rows) - middle) < 6
    assert np.ptp(step_rows) > 400


def _with(measured: Measured, rates: tuple[Rate, ...]) -> Measured:
    return Measured(**{**measured.__dict__, "rates": rates})


def _rows_of_blue(picture: np.ndarray) -> np.ndarray:
    """Rows of the plot's upper part, without the legend, that have pixels of the line's colour, #0072B2."""
    is_blue = (np.abs(picture[:800].astype(int) - (0xB2, 0x72, 0x00)) < 12).all(axis=2)
    return np.nonzero(is_blue)[0]
