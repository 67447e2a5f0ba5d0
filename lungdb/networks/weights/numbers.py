"""The kinds of numbers in weights files, and those that become float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

BYTES_PER_ELEMENT = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""By safetensors' names."""

_FLOATING = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def raw_numbers(raw: bytes | memoryview, kind: str, name: str) -> NDArray[Any]:
    """Lay little-endian numbers out without copying, bfloat16 as uint16; LungdbError where they are not floating."""
    if kind not in _FLOATING:
        raise LungdbError(
            f"The weight {name!r} holds numbers of the kind {kind[:20]}. Save it as float32, float64, float16 or "
            "bfloat16."
        )
    return np.frombuffer(raw, _FLOATING[kind])


def to_float32(numbers: NDArray[Any], kind: str) -> NDArray[np.float32]:
    """Convert what `raw_numbers` gave, of any shape, to contiguous float32; a float64 that exceeds it is infinite."""
    if kind == "BF16":  # the upper half of a float32
        halves = numbers.astype(np.uint32, order="C") << np.uint32(16)
        return np.asarray(halves).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.require(numbers, np.float32, ["C", "A"])
