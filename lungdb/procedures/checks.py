"""Checks that several procedures make of what T-SQL hands them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.model_text import count_trees

if TYPE_CHECKING:
    import pandas as pd


def check_sha256(data: bytes, sha256: str, what: str) -> None:
    """Refuse bytes whose SHA-256 is not the given hexadecimal one with ProcedureError 50105."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise ProcedureError(
            ErrorNumber.DAMAGED,
            f"The {what}'s bytes have the SHA-256 {found}, not {sha256.lower()} as stored. Restore the row from a "
            f"backup or make the {what} again.",
        )


def read_details(details: str, what: str) -> dict[str, Any]:
    """Read a `details` column, a JSON object; ProcedureError 50116 when it is none."""
    try:
        read = json.loads(details)
    except (TypeError, ValueError):
        read = None
    if not isinstance(read, dict):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"The {what}'s details are not a JSON object. Make the {what} again."
        )
    return read


def check_model(model: bytes, sha256: str, library: str, details: str) -> dict[str, Any]:
    """Refuse a model that is not whole, and give its details; the same as before are checked but once in a process.

    Raises
    ------
    ProcedureError
        50105 when its bytes do not match their SHA-256; 50116 when its details are no JSON object, or say another
        number of trees than it has (those of models of earlier versions say none).
    """
    return dict(_sound_model(model, sha256, library, details))


@functools.lru_cache(maxsize=4)
def _sound_model(model: bytes, sha256: str, library: str, details: str) -> dict[str, Any]:
    check_sha256(model, sha256, "model")
    read = read_details(details, "model")
    wanted = read.get("trees")
    if library == "lightgbm" and wanted is not None and (found := count_trees(model)) != wanted:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The model has {found} trees, and {wanted} were trained. Restore it from a backup, or train it again.",
        )
    return read


def comma_list(text: str) -> list[str]:
    """Split a list with commas; blanks around a name do not count."""
    return [name.strip() for name in text.split(",")]


def check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a frame that lacks a column with ProcedureError 50101."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The input has no column {', '.join(missing)}. Select {', '.join(names)} in @input_data_1.",
        )


def whole_numbers(frame: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Give a column as int64, whichever numeric type the runtime made of it; ProcedureError 50101 when it has NULLs."""
    values: NDArray[np.float64] = frame[name].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise ProcedureError(ErrorNumber.ARGUMENT, f"The column {name} holds NULL. Select whole numbers only.")
    return values.astype(np.int64)
