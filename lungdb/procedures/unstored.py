"""What dbo.SimilarToSlices calls: features of slices that are in no table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.codecs import content_sha256, decode_vector, from_hex
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.procedures.features import keep_and_generate_features
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_NUMBERS = ("image_rows", "image_cols", "rescale_slope", "rescale_intercept")
_BLOBS = ("pixels", "pixels_sha256")
_OPTIONAL = ("encoding", "spacing_y", "spacing_x")
_LARGEST_SIDE = 8192
_MOST_SLICES = 10_000
_LARGEST_NUMBER = 1e9
_BATCH = 32
_WHOLE = -1
# What is said of scans in tables tells to load them again, or what to call GenerateFeatures with.
_ADVICE = re.compile(r"(?<=\. )(Load |Make the row |Call GenerateFeatures ).*")
_AGAIN = "Give the slices again: lungdb similar gives those of DICOM files in the right form."
_INSTEAD = {
    "Load ": _AGAIN,
    "Make the row ": _AGAIN,
    "Call GenerateFeatures ": "Give fewer slices, or compare by a model on a layer with fewer features.",
}


@for_t_sql({2: MESSAGE, 4: MESSAGE})
def features_of_slices(
    slices: str,
    slice_index: int | None,
    network: bytes,
    network_sha256: str,
    details: str,
    layer: str,
    preprocessing: str,
    steps: str | None,
    pooling: str,
    packages: str | None,
    providers: str | None,
    threads: int | None,
) -> tuple[bytes, int, str, int, str]:
    """Make features of the slices of a scan, or of three of them, as GenerateFeatures makes them of stored ones.

    Parameters
    ----------
    slices : str
        JSON: a list with an object a slice, feet to head, whose names are columns of dbo.scans and dbo.scan_images:
        `image_rows`, `image_cols`, `rescale_slope`, `rescale_intercept`, `pixels` and `pixels_sha256` in hexadecimal,
        and, where they are known, `encoding`, `spacing_y`, `spacing_x`.
    slice_index : int or None
        The slice, from 0, whose triple is wanted; None for the whole scan, but of one slice its triple.
    network, network_sha256, details, layer, preprocessing, steps, packages, providers, threads
        As of `lungdb.procedures.keep_and_generate_features`.
    pooling : str
        One pooling, of the whole scan.

    Returns
    -------
    array : bytes
        float32 little-endian: the pooled vector, or the features of the triple.
    first_slice : int
        The first slice of the triple; -1 for the whole scan.
    notice : str
        What was made features of, as a sentence.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50200 for a pooled vector that is all zero, 50210 for a slice that is not there,
        50420 for slices that cannot be read, and those of `keep_and_generate_features`.
    """
    try:
        frame = _frame(slices)
        count = len(frame)
        if slice_index is not None and not 0 <= slice_index < count:
            raise ProcedureError(
                ErrorNumber.UNKNOWN_SLICES,
                f"There is no slice {slice_index} among the {count} that were given. They count from 0.",
            )
        first = _WHOLE
        notice = f"The whole scan of {count} slices is compared."
        if slice_index is not None or count == 1:
            first = (slice_index or 0) // CHANNELS * CHANNELS
            chosen = [min(first + channel, count - 1) for channel in range(CHANNELS)]
            frame = frame.iloc[chosen]
            notice = _told(chosen, count)
        array = _features(
            frame, network, network_sha256, details, layer, preprocessing, steps, pooling, packages, providers, threads,
            is_triple=first != _WHOLE,
        )  # fmt: skip
        return array, first, notice, 0, ""
    except ProcedureError as refusal:
        return b"", _WHOLE, "", refusal.number, refusal.message


def _features(
    frame: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layer: str,
    preprocessing: str,
    steps: str | None,
    pooling: str,
    packages: str | None,
    providers: str | None,
    threads: int | None,
    *,
    is_triple: bool,
) -> bytes:
    count = len(frame)
    content = content_sha256(map(from_hex, frame["pixels_sha256"])).hex()
    scan = frame.assign(
        scan_id=np.zeros(count, np.int32),
        slice_index=np.arange(count, dtype=np.int32),
        number_images=np.full(count, count, np.int32),
        content_sha256=pd.Series([content] * count, index=frame.index, dtype=object),
    ).reset_index(drop=True)
    rows, _, _, number, message, _ = keep_and_generate_features(
        scan, network, network_sha256, details, layer, preprocessing, pooling, _BATCH, providers, threads, 0, steps,
        packages,
    )  # fmt: skip
    if number:
        raise ProcedureError(ErrorNumber(number), _for_given(message))
    row = rows.iloc[0]
    if row["error"]:
        error = _for_given(row["error"])
        raise ProcedureError(ErrorNumber.UNFIT_SLICES, f"No features can be made of the slices given: {error}")
    if is_triple:
        return from_hex(row["array"])
    vector = decode_vector(json.dumps(json.loads(row["pooled"])[pooling])).astype("<f4")
    if not vector.any():
        raise ProcedureError(
            ErrorNumber.NOTHING_SIMILAR,
            "The features of the slices given are all zero, so nothing is like them. Compare by another model.",
        )
    return vector.tobytes()


def _for_given(message: str) -> str:
    """Word the advice of a message for slices that are in no table."""
    return _ADVICE.sub(lambda found: _INSTEAD[found[1]], message)


def _told(chosen: list[int], count: int) -> str:
    if count == 1:
        return "The one slice that was given is compared; it stands three times in its triple, as it has no neighbours."
    if len(set(chosen)) < CHANNELS:
        some = sorted(set(chosen))
        named = f"slice {some[0]}" if len(some) == 1 else f"the slices {some[0]} and {some[1]}"
        return f"The triple of {named} is compared; the last slice stands for what is missing in it."
    return f"The triple of the slices {chosen[0]}, {chosen[1]} and {chosen[2]} is compared."


def _frame(text: str) -> pd.DataFrame:
    """Read the slices, as rows of `keep_and_generate_features` without what is told of the scan as a whole."""
    try:
        slices = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        slices = None
    if not isinstance(slices, list) or not slices or not all(isinstance(each, dict) for each in slices):
        raise _unfit("@Slices is no JSON list of objects, one a slice")
    if len(slices) > _MOST_SLICES:
        raise _unfit(f"@Slices has {len(slices)} slices, more than {_MOST_SLICES}")
    rows = [_row(place, each) for place, each in enumerate(slices)]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=[*_NUMBERS, *_BLOBS, *_OPTIONAL])
    texts = dict.fromkeys((*_BLOBS, "encoding"), object)
    typed: pd.DataFrame = frame.astype({"image_rows": np.int32, "image_cols": np.int32, **texts})
    return typed


def _row(place: int, given: Mapping[str, Any]) -> list[Any]:
    known = (*_NUMBERS, *_BLOBS, *_OPTIONAL)
    missing = [name for name in (*_NUMBERS, *_BLOBS) if given.get(name) is None]
    if missing or not given.keys() <= set(known):
        others = sorted(given.keys() - set(known))
        wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(others)[:100]}, which is not known"
        raise _unfit(f"slice {place} {wrong}; the names are {', '.join(known)}")
    for name in _NUMBERS:
        if not _is_number(given[name]):
            raise _unfit(f"{name} of slice {place} is no number")
    for name in ("image_rows", "image_cols"):
        if not (isinstance(given[name], int) and 1 <= given[name] <= _LARGEST_SIDE):
            raise _unfit(f"{name} of slice {place} is no whole number from 1 to {_LARGEST_SIDE}")
    spacings = [given.get(name) for name in ("spacing_y", "spacing_x")]
    if not all(spacing is None or _is_number(spacing) for spacing in spacings):
        raise _unfit(f"the spacing of slice {place} is no number")
    if not isinstance(given.get("encoding"), (str, type(None))):
        raise _unfit(f"the encoding of slice {place} is no text")
    try:
        blobs = [from_hex(given[name]).hex() for name in _BLOBS]
    except (TypeError, ValueError):
        raise _unfit(f"the pixels of slice {place} or their SHA-256 are not hexadecimal") from None
    return [*(given[name] for name in _NUMBERS), *blobs, given.get("encoding"), *spacings]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST_NUMBER


def _unfit(reason: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.UNFIT_SLICES,
        f"The slices given cannot be read: {reason}. lungdb similar gives those of DICOM files in the right form.",
    )
