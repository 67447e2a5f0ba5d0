"""Reading .safetensors: length of the header, JSON header, raw little-endian data.

Format: https://huggingface.co/docs/safetensors, section Format. The data must be covered by the tensors without gap
or overlap, so a file holds nothing that its header does not name.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.architectures.building import COUNTER
from lungdb.networks.weights.limits import Allowance, damaged, is_size
from lungdb.networks.weights.numbers import BYTES_PER_ELEMENT, raw_numbers, to_float32

_LENGTH = 8  # bytes of the header's length
_MOST_HEADER = 4 << 20  # the five networks need 0.1 MB
_MOST_DIGITS = 20


def is_safetensors(content: bytes) -> bool:
    """Tell by the header's length and its opening brace."""
    length = int.from_bytes(content[:_LENGTH], "little")
    return content[_LENGTH : _LENGTH + 1] == b"{" and length <= len(content) - _LENGTH


def read_safetensors(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Read a file's weights.

    Returns
    -------
    dict of name to float32 array
        float64, float16 and bfloat16 are converted; counters of batch normalisation are left out.

    Raises
    ------
    LungdbError
        When the header is no header, offsets and shapes contradict each other or the data, or a weight is not
        floating.
    """
    header, start = _header(content)
    allowance = Allowance(len(content))
    weights = {}
    expected = 0
    for name, entry in sorted(header.items(), key=lambda item: _begin(*item)):
        kind, shape, begin, end = _entry(name, entry)
        if begin != expected:
            raise damaged(f"the data of {name[:200]!r} begins at byte {begin} where {expected} is expected")
        count = allowance.take(name, shape)
        if end - begin != count * BYTES_PER_ELEMENT[kind]:
            raise damaged(f"the data of {name[:200]!r} has {end - begin} bytes, which is not its shape's number")
        if end > len(content) - start:
            raise damaged(f"the data of {name[:200]!r} ends after the file")
        expected = end
        if not name.endswith(COUNTER):
            raw = memoryview(content)[start + begin : start + end]
            weights[name] = to_float32(raw_numbers(raw, kind, name), kind).reshape(shape)
    if expected != len(content) - start:
        raise damaged(f"{len(content) - start - expected} bytes belong to no weight")
    return weights


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(content[:_LENGTH], "little")
    if length > min(_MOST_HEADER, len(content) - _LENGTH):
        raise damaged(f"its header claims {length} bytes")
    start = _LENGTH + length
    try:
        header = json.loads(
            content[_LENGTH:start].decode(),
            object_pairs_hook=_no_twins,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise damaged("its header is not the JSON of safetensors") from None
    if not isinstance(header, dict):
        raise damaged("its header is not a table of weights")
    header.pop("__metadata__", None)
    return header, start


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Give kind, shape, first byte and end of a weight."""
    if isinstance(entry, dict):
        kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if isinstance(kind, str) and isinstance(shape, list) and isinstance(offsets, list):
            if kind not in BYTES_PER_ELEMENT:
                raise LungdbError(
                    f"The weight {name[:200]!r} holds numbers of the kind {kind[:20]}. Save it as float32."
                )
            if len(offsets) == 2 and all(map(is_size, offsets)) and offsets[0] <= offsets[1]:
                return kind, tuple(shape), offsets[0], offsets[1]
    raise damaged(f"the entry of {name[:200]!r} is not dtype, shape and data_offsets")


def _begin(name: str, entry: Any) -> int:
    return _entry(name, entry)[2]


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError
    return table


def _integer(digits: str) -> int:
    # Reading a number of a million digits takes minutes.
    if len(digits) > _MOST_DIGITS:
        raise ValueError
    return int(digits)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError
