"""Reading files in the test's own process, the way a worker does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungdb.dicom.header import SliceHeader, read_headers
from lungdb.dicom.limits import Limits
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series, build_series
from lungdb.dicom.source import Rejection, Source
from lungdb.dicom.tasks import encode, inspect

LIMITS = Limits()


def read_header(path: Path) -> SliceHeader:
    """Read the header of a file of one slice."""
    found = inspect(Source(path), LIMITS)
    assert len(found) == 1
    assert isinstance(found[0], SliceHeader)
    return found[0]


def hounsfield(path: Path) -> NDArray[np.int16]:
    """Read the pixels of a file of one slice."""
    (one,) = read_hounsfield([read_header(path)], LIMITS)
    return one.hu


def hash_pixels(headers: Sequence[SliceHeader]) -> list[bytes | None]:
    """Hash slices' Hounsfield units; what cannot be decoded has no hash."""
    parts = [part for header in headers for part in encode((header,), LIMITS)]
    return [None if isinstance(part, RejectedError) else part.sha256 for part in parts]


def build(folder: Path, *, allow_gaps: bool = False) -> tuple[Series, list[Rejection]]:
    """Build the series of a folder's files, each of one slice."""
    return build_series([read_header(path) for path in folder.iterdir()], LIMITS, hash_pixels, allow_gaps=allow_gaps)


def volume(series: Series) -> NDArray[np.int16]:
    """Decode a series: int16[slices, rows, columns]."""
    return np.stack([one.hu for chunk in series.chunks() for one in read_hounsfield(chunk, LIMITS)])


def reason_of(path: Path) -> str:
    """Return why a file is refused, be it for its header or for its pixels; empty when it is taken."""
    try:
        with Source(path).open(LIMITS) as file:
            headers = read_headers(Source(path), file, LIMITS)
        for _ in read_hounsfield(headers, LIMITS):
            pass
    except RejectedError as error:
        return error.reason
    return ""
