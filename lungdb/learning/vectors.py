"""Reading the feature vectors of many patients."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.codecs import decode_numbers
from lungdb.learning.number_text import parse_arrays

MAY_MISS = ("lightgbm", "random_forest", "extra_trees", "ensemble")
"""Libraries and algorithms whose models can do without a value."""


def read_vector(text: str, *, may_miss: bool = False) -> NDArray[np.float32]:
    """Read what `lungdb.imaging.codecs.decode_vector` reads, the same numbers in about two thirds of its time."""
    return read_numbers(text, may_miss=may_miss).astype(np.float32)


def read_numbers(text: str, *, may_miss: bool = False) -> NDArray[np.float64]:
    """Read what `lungdb.imaging.codecs.decode_numbers` reads, in about two thirds of its time.

    NumPy's own parser takes a plain array of finite numbers; anything else goes to `decode_numbers` with its errors,
    and so does null, which is NaN with `may_miss`.
    """
    if isinstance(text, str) and text[:1] == "[" and text[-1:] == "]":
        try:
            with warnings.catch_warnings(), np.errstate(over="ignore"):
                warnings.simplefilter("error", DeprecationWarning)  # NumPy's word for text that is no number
                numbers = np.fromstring(text[1:-1], dtype=np.float64, sep=",")
                fits = np.isfinite(numbers.astype(np.float32)).all()
        except (DeprecationWarning, ValueError):
            return decode_numbers(text, may_miss=may_miss)
        if numbers.size == text.count(",") + 1 and fits:
            return numbers
    return decode_numbers(text, may_miss=may_miss)


def read_model_vector(text: str, library: str, details: Mapping[str, Any]) -> NDArray[np.float32]:
    """Read the vector that a model is to score as float32, which is what models compute with."""
    return read_model_numbers(text, library, details).astype(np.float32)


def read_model_numbers(text: str, library: str, details: Mapping[str, Any]) -> NDArray[np.float64]:
    """Read the vector that a model is to score; values may be missing (NaN) where its features are combined.

    Raises
    ------
    LungdbError
        As `decode_numbers`; ProcedureError 50279 when a value is missing and the model's library needs all.
    """
    names = details.get("feature_names")
    if not isinstance(names, list):
        return read_numbers(text)
    numbers = read_numbers(text, may_miss=True)
    check_missing(numbers[None], names, library)
    return numbers


def parse_vectors(texts: Sequence[str]) -> list[NDArray[np.float64] | None]:
    """Read the vectors among texts that are plain arrays of numbers which float32 has; None for the others."""
    found = parse_arrays(texts)
    with np.errstate(over="ignore"):
        return [
            numbers if numbers is not None and np.isfinite(numbers.astype(np.float32)).all() else None
            for numbers in found
        ]


def check_missing(vectors: NDArray[np.floating[Any]], names: list[str], library: str) -> None:
    """Refuse missing values (NaN) in float[scans, width] where a library or algorithm needs all: 50279."""
    missing = np.isnan(vectors).sum(axis=0)
    if library in MAY_MISS or not missing.any():
        return
    # The width is compared elsewhere, and a vector of another one has no names.
    named = [*names, *map(str, range(len(names), vectors.shape[1]))]
    lacking = [f"{named[place]} ({missing[place]})" for place in np.flatnonzero(missing)]
    shown = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
    raise ProcedureError(
        ErrorNumber.VALUES_MISSING,
        f"Values are missing in {len(lacking)} of the features, of so many scans: {shown}. The algorithm {library} "
        "needs all. Leave these columns or scans out, or train LightGBM, which learns from what is missing.",
    )


def read_names(text: str | None) -> list[str] | None:
    """Read what the values of a combined vector are from a JSON array of [name, number of values]; None without one.

    A name that stands for several values is followed by the place of each, from 0.
    """
    if not isinstance(text, str) or not text:
        return None
    return [
        name if width == 1 else f"{name} {place}" for name, width in json.loads(text) for place in range(int(width))
    ]
