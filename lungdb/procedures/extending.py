"""What dbo.RegisterExtensions calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb import __version__
from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.extensions import GROUPS, extension, names
from lungdb.imaging.steps.pipelines import STEP_NAMES
from lungdb.imaging.steps.registry import Step
from lungdb.learning.algorithms import find_algorithm
from lungdb.learning.parameters import READ_BY
from lungdb.learning.pooling import POOLING_NAMES, pool
from lungdb.procedures.leaving import MESSAGE, NAME, for_t_sql

_OWN: dict[str, tuple[str, ...]] = {
    "step": STEP_NAMES,
    "pooling": (*POOLING_NAMES, "combined"),
    "algorithm": (*READ_BY, "ensemble", "imported"),
}
_TRIED = ((1, 5), (4, 7))
"""Triples and features that a pooling is tried with."""


@for_t_sql({2: MESSAGE}, {"name": 32, "package": NAME})
def list_extensions() -> tuple[pd.DataFrame, int, str]:
    """List lungdb's own steps, and what packages of this Python add, each loaded; steps and poolings are tried.

    Returns
    -------
    result : DataFrame
        `kind` (step, pooling or algorithm), `name`, `package`, `times` (numbers that a pooling makes of a feature, else
        0).
    error_number, error_message : int, str
        0 and empty, or 50394 for what cannot be used.
    """
    try:
        rows = [("step", name, f"lungdb {__version__}", 0) for name in sorted(STEP_NAMES)]
        rows += [
            (kind, name, package, _tried(kind, name, package))
            for kind, group in GROUPS.items()
            for name, package in sorted(names(group).items())
        ]
    except ProcedureError as refusal:
        return _extensions([]), refusal.number, refusal.message
    return _extensions(rows), 0, ""


def _tried(kind: str, name: str, package: str) -> int:
    """Check what a package adds, and give the numbers that a pooling makes of a feature."""
    own = _OWN[kind]
    fault = ""
    times = 0
    if name.lower() in own:
        fault = f"lungdb has {'an' if kind == 'algorithm' else 'a'} {kind} of this name itself"
    elif len(name) > 32 or not name.replace("_", "a").isalnum() or not name.isascii():
        fault = "its name has other characters than letters, digits and _, or more than 32 of them"
    elif kind == "algorithm":
        find_algorithm(name)
    elif kind == "step":
        fault = _fault_of_step(name)
    else:
        try:
            lengths = [pool(np.ones(shape, dtype=np.float32), name).size for shape in _TRIED]
        except ProcedureError:
            raise
        except Exception as error:  # whatever foreign code does
            fault = f"it fails on features of ones ({type(error).__name__}: {error})"
        else:
            times = lengths[0] // _TRIED[0][1]
            if lengths[1] != times * _TRIED[1][1]:
                fault = "it makes another number of values of each feature for one number of features than for another"
    if fault:
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"The {kind} {name!r} of the package {package} cannot be used: {fault}. Mend the package, or remove it.",
        )
    return times


def _fault_of_step(name: str) -> str:
    found = extension(GROUPS["step"], name)
    try:
        if found is None or not isinstance(found.value, Step):
            return "it is no Step"
        are_functions = callable(found.value.check) and callable(found.value.apply)
        return "" if are_functions else "its check or its apply is no function"
    except Exception as error:  # whatever foreign code does
        return f"looking at it fails ({type(error).__name__}: {error})"


def _extensions(rows: list[tuple[str, str, str, int]]) -> pd.DataFrame:
    columns = {"kind": object, "name": object, "package": object, "times": np.int32}
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row[at] for row in rows], dtype=kind) for at, (name, kind) in enumerate(columns.items())}
    )
    return frame
