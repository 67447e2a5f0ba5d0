"""Reading the vectors of a feature space, for the procedures that ask about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.vectors import read_vector


def read_space(texts: list[str]) -> NDArray[np.float32]:
    """Read vectors of one length, float32[scans, width], NaN where a value is missing.

    Raises
    ------
    LungdbError
        For a text that is no vector; ProcedureError 50110 when lengths differ.
    """
    vectors = [read_vector(text, may_miss=True) for text in texts]
    widths = sorted({vector.size for vector in vectors})
    if len(widths) > 1:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The vectors of one kind of features have {widths[0]} to {widths[-1]} numbers. Call GenerateFeatures with "
            "@Recompute = 1 for it.",
        )
    return np.stack(vectors) if vectors else np.empty((0, 0), dtype=np.float32)
