"""What dbo.SimilarPatients calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb.errors import LungdbError, ProcedureError
from lungdb.learning.vectors import read_vector
from lungdb.procedures.checks import UNREADABLE, check_columns, whole_numbers


def similar_patients(patients: pd.DataFrame, vector: str, limit: int) -> tuple[pd.DataFrame, int, str]:
    """Find the scans whose vectors point most nearly where a vector does.

    Parameters
    ----------
    patients : DataFrame
        `scan_id`, `vector` (JSON), one row a scan.
    vector : str
        The vector to compare with, JSON.
    limit : int
        Scans to return.

    Returns
    -------
    result : DataFrame
        `scan_id` (int32) and `similarity` (float64, the cosine, −1…1), the most similar first.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50116 for a vector that cannot be read.
    """
    try:
        check_columns(patients, ("scan_id", "vector"))
        ids = whole_numbers(patients, "scan_id")
        vectors = np.stack([read_vector(text) for text in patients["vector"]]).astype(np.float64)
        wanted = read_vector(vector).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
        similarity = np.clip(vectors @ wanted / lengths, -1, 1)
        order = np.argsort(-similarity, kind="stable")[:limit]
        return pd.DataFrame({"scan_id": ids[order].astype(np.int32), "similarity": similarity[order]}), 0, ""
    except ProcedureError as refusal:
        return pd.DataFrame({"scan_id": np.zeros(0, np.int32), "similarity": np.zeros(0)}), refusal.number, refusal.message
    except LungdbError as refusal:
        return pd.DataFrame({"scan_id": np.zeros(0, np.int32), "similarity": np.zeros(0)}), UNREADABLE, str(refusal)
