"""What the procedures of the job leave in the log of runs."""

from __future__ import annotations

from lungdb.database import Connection
from tests.support.databases import rows


def test_a_feature_run_has_its_scans_slices_time_memory_and_provider(trained: Connection) -> None:
    """As many scans and slices as the tables have; the script used some processor time and memory."""
    [(state, scans, slices, provider, cpu, peak, layer)] = rows(
        trained,
        "SELECT TOP (1) state, scans, slices, provider, cpu_seconds, peak_megabytes, JSON_VALUE(arguments, '$.layer') "
        "FROM dbo.run_log WHERE procedure_name = N'GenerateFeatures' ORDER BY run_id;",
    )
    counted = rows(trained, "SELECT COUNT(DISTINCT scan_id), COUNT(*) FROM dbo.scan_images;")
    assert (state, [(scans, slices)], provider, layer) == ("done", counted, "CPUExecutionProvider", "penultimate")
    assert cpu > 0
    assert peak > 10


def test_arguments_name_no_patient(trained: Connection) -> None:
    """No id of a patient is in the log, in arguments as in messages."""
    ids = [patient for (patient,) in rows(trained, "SELECT patient_id FROM dbo.patients;")]
    texts = rows(
        trained,
        "SELECT CONCAT(r.arguments, r.result, r.message, s.message) FROM dbo.runs AS r "
        "LEFT JOIN dbo.run_steps AS s ON s.run_id = r.run_id;",
    )
    assert ids
    assert texts
    assert [text for (text,) in texts if any(patient in text for patient in ids)] == []
