"""The form in which the Data Science Bowl 2017 took predictions: id,cancer."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.exporting.folder import write_whole
from lungdb.exporting.reading import Chosen, parts, rights

_MODEL = "lightgbm_sql"
_CLASSIFIER = """
DECLARE @Name NVARCHAR(128) = ?, @Version INT = ?;
SELECT TOP (1) classifier_id, version, task
FROM dbo.model_versions
WHERE name = @Name AND (version = @Version OR (@Version IS NULL AND is_served = 1))
ORDER BY version DESC;
"""
_SCORES = (
    "SELECT s.patient_id, s.is_primary, r.probability, r.prediction_id FROM dbo.predictions AS r "
    "INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id WHERE r.classifier_id = ? AND r.scan_id IN (?);"
)


def write_submission(connection: Connection, path: Path, chosen: Chosen) -> tuple[int, str]:
    """Write a line a patient: the id as it is stored, and the probability, 0 to 1, of the newest score.

    Of a patient with several scans the primary one counts, else the one with the newest score.

    Returns
    -------
    int, str
        Patients, and the model with its version.

    Raises
    ------
    LungdbError
        There is no champion or no such model, it predicts a number, or patients have no score; no file is written.
    """
    name = chosen.model or _MODEL
    with rights("models", "trainer"):
        found = run(connection, _CLASSIFIER, (name, chosen.version))[0].rows
    if not found:
        of = "has no version that its name stands for" if chosen.version is None else f"has no version {chosen.version}"
        raise LungdbError(
            f"The model '{name}' {of}. Name another with --model and --model-version; see dbo.model_versions."
        )
    classifier, version, task = found[0]
    if task == "regression":
        raise LungdbError(
            f"The model '{name}' predicts a number, and a submission needs probabilities. Name another one."
        )
    best: dict[str, tuple[bool, int, float]] = {}
    for part in parts(chosen.scans):
        sql = _SCORES.replace("IN (?)", f"IN ({', '.join('?' * len(part))})")
        with rights("scores of scans", "trainer"):
            rows = run(connection, sql, (classifier, *[scan.scan_id for scan in part]))[0].rows
        for patient, is_primary, probability, number in rows:
            best[patient] = max(best.get(patient, (False, 0, 0.0)), (bool(is_primary), number, probability))
    patients = sorted({scan.patient_id for scan in chosen.scans})
    _check_complete(patients, best, f"{name} version {version}")

    def write(other: Path) -> None:
        with other.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", "cancer"])
            writer.writerows([patient, repr(float(best[patient][2]))] for patient in patients)

    try:
        write_whole(path, write)
    except OSError as error:
        raise LungdbError(f"The file '{path}' cannot be written ({error.strerror}). Name another one.") from error
    return len(patients), f"{name} version {version}"


def _check_complete(patients: Sequence[str], best: dict[str, tuple[bool, int, float]], model: str) -> None:
    missing = sum(1 for patient in patients if patient not in best)
    if missing:
        raise LungdbError(
            f"{missing} of {len(patients)} patients have no score by {model}, so no submission is written. Score them "
            "with EXECUTE dbo.PredictPatients first, or name a data set of others with --dataset."
        )
