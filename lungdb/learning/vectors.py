"""Reading many feature vectors at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_vector


def read_vectors(texts: list[str]) -> tuple[list[NDArray[np.float32] | None], list[str]]:
    """Read each JSON array as float32[n]; gives None and why for one that cannot be read, an empty text otherwise."""
    vectors: list[NDArray[np.float32] | None] = []
    errors = []
    for text in texts:
        try:
            vectors.append(decode_vector(text))
            errors.append("")
        except LungdbError as error:
            vectors.append(None)
            errors.append(str(error))
    return vectors, errors
