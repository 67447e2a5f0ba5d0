"""CNTK's mean files: the mean picture of the training pictures in OpenCV's XML.

CNTK's ImageReader reads it (MeanTransformer in Source/Readers/ImageReader/ImageTransformers.cpp): `MeanImg` is a matrix
of Row × Col × Channel numbers, the channels of a pixel side by side, blue first.
"""

from __future__ import annotations

import xml.parsers.expat
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CHANNELS

MOST_BYTES = 1 << 25
"""Of a mean file: 224 × 224 pixels take 2 MB."""

_MOST_SIDE = 1024
_MATRIX = "MeanImg"
_KINDS = {f"{count}{letter}" for count in ("", str(CHANNELS)) for letter in "fd"}
_WANTED = {"Channel", "Row", "Col", f"{_MATRIX}/rows", f"{_MATRIX}/cols", f"{_MATRIX}/dt", f"{_MATRIX}/data"}


def read_mean_file(content: bytes) -> NDArray[np.float32]:
    """Read a mean file.

    Returns
    -------
    float32[3, rows, cols]
        On 0…255, blue first.

    Raises
    ------
    LungdbError
        The bytes are no such file, or its sizes and numbers contradict each other.
    """
    if len(content) > MOST_BYTES:
        raise _unusable(f"it has {len(content):,} bytes, more than {MOST_BYTES:,}")
    texts = _texts(content)
    if texts.keys() < _WANTED:
        raise _unusable(f"it lacks {', '.join(sorted(_WANTED - texts.keys()))}")
    channels, rows, cols, matrix_rows, matrix_cols = (
        _whole(texts[name]) for name in ("Channel", "Row", "Col", f"{_MATRIX}/rows", f"{_MATRIX}/cols")
    )
    kind = texts[f"{_MATRIX}/dt"].strip().strip('"')
    if kind not in _KINDS:
        raise _unusable(f"it holds numbers of the kind {kind[:20]!r}")
    if channels != CHANNELS or not 1 <= min(rows, cols) <= max(rows, cols) <= _MOST_SIDE:
        raise _unusable(f"it is a picture of {channels} channels and {rows} × {cols}")
    numbers = texts[f"{_MATRIX}/data"].split()
    of_a_pixel = CHANNELS if len(kind) > 1 else 1
    if not len(numbers) == matrix_rows * matrix_cols * of_a_pixel == channels * rows * cols:
        raise _unusable(f"it holds {len(numbers)} numbers, and {channels} × {rows} × {cols} are needed")
    try:
        values = np.array([float(number) for number in numbers], np.float32)
    except ValueError:
        raise _unusable("one of its values is no number") from None
    if not np.isfinite(values).all():
        raise _unusable("it holds infinity or NaN")
    return np.ascontiguousarray(values.reshape(rows, cols, channels).transpose(2, 0, 1))


def _texts(content: bytes) -> dict[str, str]:
    """Give the text of each element that is wanted, by its path below the root."""
    texts: dict[str, list[str]] = {}
    path: list[str] = []
    parser = xml.parsers.expat.ParserCreate()

    def start(name: str, _attributes: dict[str, str]) -> None:
        path.append(name)
        where = "/".join(path[1:])
        if where in _WANTED and where in texts:
            raise _unusable(f"it has {where} twice")
        texts.setdefault(where, [])

    def end(_name: str) -> None:
        path.pop()

    def text(data: str) -> None:
        where = "/".join(path[1:])
        if where in _WANTED:
            texts[where].append(data)

    def refuse(*_told: object) -> NoReturn:
        raise _unusable("it declares entities or a document type")  # a way to make a gigabyte of a kilobyte

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (xml.parsers.expat.ExpatError, ValueError, LookupError):
        raise _unusable("it is no XML") from None
    return {name: "".join(parts) for name, parts in texts.items() if name in _WANTED}


def _whole(text: str) -> int:
    stripped = text.strip()
    if not stripped.isascii() or not stripped.isdigit() or len(stripped) > len(str(MOST_BYTES)):
        raise _unusable(f"{stripped[:20]!r} is no size")
    return int(stripped)


def _unusable(what: str) -> LungdbError:
    return LungdbError(
        f"The mean file cannot be used: {what}. Give the XML file that CNTK's ImageReader reads, such as "
        "ImageNet1K_mean.xml."
    )
