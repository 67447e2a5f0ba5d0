"""What a training run learnt from: scans, vectors and labels, counted and hashed, no patient named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lungdb.database import Connection, run

_SCANS = """
SELECT s.manufacturer, s.image_rows, s.image_cols, s.number_images, s.spacing_z, s.deidentification, s.content_sha256
FROM dbo.experiment_patients AS p
INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
WHERE p.experiment_id = ?;"""
_VECTORS = """
SELECT p.part, p.vector_sha256,
    CASE WHEN p.vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.vector)) THEN 1 ELSE 0 END AS as_stored
FROM dbo.experiment_patients AS p
INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id
INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id
LEFT JOIN dbo.pooled_features AS v
    ON v.scan_id = p.scan_id AND v.feature_set_id = c.feature_set_id AND v.pooling = c.pooling
WHERE p.experiment_id = ? AND p.vector_sha256 IS NOT NULL;"""
_LABELS = """
SELECT COALESCE(l.source, N'not recorded') AS source, COUNT(DISTINCT l.patient_id) AS patients
FROM (
    SELECT p.experiment_id, p.patient_id, o.source
    FROM dbo.experiment_patients AS p
    INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id AND e.horizon_days IS NULL
    INNER JOIN dbo.labels AS o ON o.patient_id = p.patient_id
    WHERE p.target IS NULL
    UNION ALL
    SELECT p.experiment_id, p.patient_id, o.source
    FROM dbo.experiment_patients AS p
    INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id
    INNER JOIN dbo.scan_labels AS o ON o.scan_id = p.scan_id AND o.horizon_days = e.horizon_days
    WHERE p.target IS NULL
    UNION ALL
    SELECT p.experiment_id, p.patient_id, o.source
    FROM dbo.experiment_patients AS p
    INNER JOIN dbo.numeric_labels AS o ON o.patient_id = p.patient_id
    WHERE p.target IS NOT NULL) AS l
WHERE l.experiment_id = ?
GROUP BY COALESCE(l.source, N'not recorded')
ORDER BY COUNT(DISTINCT l.patient_id) DESC, COALESCE(l.source, N'not recorded');"""


@dataclass(frozen=True)
class Scans:
    """The run's scans as they are stored now.

    Attributes
    ----------
    count : int
        Scans that are still there.
    manufacturers : dict
        Manufacturer to scans, the most frequent first.
    sizes : dict
        Rows × columns to scans, the most frequent first.
    slices : tuple or None
        Fewest and most of a scan.
    spacing : tuple or None
        Smallest and largest distance of slices in millimetres.
    deidentified : int
        Scans whose ids were taken out when they were loaded.
    digest : str
        SHA-256, in hex, over the sorted SHA-256 of the scans' content.
    """

    count: int
    manufacturers: dict[str, int]
    sizes: dict[str, int]
    slices: tuple[int, int] | None
    spacing: tuple[float, float] | None
    deidentified: int
    digest: str


@dataclass(frozen=True)
class Vectors:
    """A part's vectors: how many were recorded and are still stored unchanged, SHA-256 over their sorted own."""

    recorded: int
    unchanged: int
    digest: str


def read_scans(connection: Connection, experiment: int) -> Scans:
    """Describe the scans of a run."""
    (result,) = run(connection, _SCANS, (experiment,))
    makers, rows, columns, slices, spacings, methods, hashes = (
        zip(*result.rows, strict=True) if result.rows else ((),) * 7
    )
    known = [float(spacing) for spacing in spacings if spacing is not None]
    return Scans(
        count=len(result.rows),
        manufacturers=_counts([maker or "not recorded" for maker in makers]),
        sizes=_counts([f"{height} × {width}" for height, width in zip(rows, columns, strict=True)]),
        slices=(min(slices), max(slices)) if slices else None,
        spacing=(min(known), max(known)) if known else None,
        deidentified=sum(method is not None for method in methods),
        digest=_digest(list(hashes)),
    )


def read_vectors(connection: Connection, experiment: int) -> dict[str, Vectors]:
    """Count and hash the vectors of a run by part."""
    (result,) = run(connection, _VECTORS, (experiment,))
    found = {}
    for part in sorted({row[0] for row in result.rows}):
        rows = [row for row in result.rows if row[0] == part]
        found[part] = Vectors(len(rows), sum(row[2] for row in rows), _digest([row[1] for row in rows]))
    return found


def read_label_sources(connection: Connection, experiment: int) -> list[tuple[str, int]]:
    """Give where the labels of a run's patients come from, and of how many each."""
    (result,) = run(connection, _LABELS, (experiment,))
    return [(str(source), int(patients)) for source, patients in result.rows]


def _counts(values: list[str]) -> dict[str, int]:
    counts = {value: values.count(value) for value in set(values)}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _digest(hashes: list[bytes]) -> str:
    return hashlib.sha256(b"".join(sorted(hashes))).hexdigest()
