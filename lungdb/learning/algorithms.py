"""Algorithms of training that packages add: what they fit is ONNX, which can be stored and scored without them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.extensions import ALGORITHMS, extension, names
from lungdb.learning import onnx_classifier

Number = int | float
Fit = Callable[[NDArray[np.float32], NDArray[np.int64], Mapping[str, Number], int], bytes]

MOST_BYTES = 256 * 2**20
"""Of a model that a package fits."""

_TRIED = 5  # patients
_ALIKE = 1e-5  # a score alone and beside others


@dataclass(frozen=True)
class Bound:
    """What a parameter of an algorithm may be.

    Attributes
    ----------
    low, high : int or float
        The least and the largest value.
    default : int or float
        What it is where nothing is given.
    """

    low: Number
    high: Number
    default: Number

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are taken: where the default is an int."""
        return isinstance(self.default, int)

    def takes(self, value: object) -> bool:
        """Tell whether a value is supported."""
        kinds = (int,) if self.is_whole else (int, float)
        return type(value) in kinds and isinstance(value, (int, float)) and self.low <= value <= self.high

    def __str__(self) -> str:
        """Say which values are supported."""
        return f"{'whole numbers' if self.is_whole else 'numbers'} from {self.low} to {self.high}"


@dataclass(frozen=True)
class Algorithm:
    """An algorithm that tells two classes apart, the object of an entry point of the group `lungdb.algorithms`.

    Attributes
    ----------
    fit : (float32[patients, width], int64[patients], parameters, seed) -> bytes
        Learns from vectors and their labels, 0 or 1, and gives a classifier as ONNX: one input tensor(float)
        [N, width], and one output with probabilities, as `lungdb.learning.onnx_classifier` reads them. The parameters
        are all of those below. Given the same it gives the same bytes, if RepeatExperiment is to find them again.
    parameters : mapping of str to Bound
        Its parameters.
    """

    fit: Fit
    parameters: Mapping[str, Bound] = field(default_factory=dict)

    def fault(self) -> str:
        """Say what is wrong with it, or give an empty text."""
        if not callable(self.fit):
            return "its fit is no function"
        if not isinstance(self.parameters, Mapping):
            return "its parameters are no names with a Bound each"
        for name, bound in self.parameters.items():
            if not isinstance(name, str) or not isinstance(bound, Bound) or not name.isidentifier():
                return "its parameters are no names with a Bound each"
            if not all(map(_is_number, (bound.low, bound.high))):
                return f"the bounds of its parameter {name} are no finite numbers"
            if not bound.takes(bound.default):
                return f"the default of its parameter {name} is not among the values supported"
        return ""


def _is_number(value: object) -> bool:
    """Tell whether a value is a finite number; an int may be larger than any float, which isfinite does not take."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and -sys.float_info.max <= value <= sys.float_info.max  # type: ignore[operator]


def algorithm_names() -> list[str]:
    """Give the names of the algorithms that packages add, without loading any."""
    return sorted(names(ALGORITHMS))


def check_package(name: str, package: str) -> None:
    """Refuse an algorithm that is installed from another package or version than it was registered from: 50394."""
    installed = names(ALGORITHMS).get(name)
    if installed != package:
        there = "it is not installed" if installed is None else f"{installed!r} is installed"
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"The algorithm {name!r} was registered from {package!r}, and {there}. Install that version, or call "
            "RegisterExtensions.",
        )


def find_algorithm(name: str) -> tuple[Algorithm, str]:
    """Load the algorithm of a name, and give it with its package; 50394 where there is none that can be used."""
    found = extension(ALGORITHMS, name)
    if found is None:
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"No package that is installed adds the algorithm {name!r}. Install one, or take another algorithm.",
        )
    try:
        fault = found.value.fault() if isinstance(found.value, Algorithm) else "it is no Algorithm"
    except Exception as error:  # whatever a foreign package makes of it
        fault = f"looking at it fails ({type(error).__name__}: {error})"
    if fault:
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"The algorithm {name!r} of the package {found.package} cannot be used: {fault}. Mend the package.",
        )
    return found.value, found.package


def complete_parameters(name: str, given: Mapping[str, Any]) -> dict[str, Number]:
    """Check the parameters of an algorithm of a package, and give all of them.

    Raises
    ------
    ProcedureError
        50101 for a parameter that it has not, or a value that is out of its bounds; 50394 as of `find_algorithm`.
    """
    algorithm, _ = find_algorithm(name)
    for parameter, value in given.items():
        bound = algorithm.parameters.get(parameter)
        if bound is None:
            known = ", ".join(algorithm.parameters) or "none"
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The algorithm {name!r} has no parameter {parameter[:100]!r}. Its parameters are: {known}.",
            )
        if not bound.takes(value):
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {str(value)[:100]} for the parameter {parameter} of the algorithm {name!r} is not "
                f"supported. Supported values are {bound}.",
            )
    return {parameter: given.get(parameter, bound.default) for parameter, bound in algorithm.parameters.items()}


def fit_algorithm(
    name: str, vectors: NDArray[np.float32], labels: NDArray[np.int64], parameters: Mapping[str, Number], seed: int
) -> bytes:
    """Have a package fit a classifier, and check that it is one.

    Raises
    ------
    ProcedureError
        50422 when it fails, or gives no classifier in ONNX of this width whose scores do not depend on the patients
        beside; 50394 as of `find_algorithm`.
    """
    algorithm, package = find_algorithm(name)
    # It is given copies: what it does to them must not reach those who are scored by the model.
    try:
        model = algorithm.fit(np.array(vectors), np.array(labels), dict(parameters), seed)
    except Exception as error:  # whatever a foreign package does
        raise _refusal(name, package, f"fails ({type(error).__name__}: {error})") from error
    if not isinstance(model, bytes):
        raise _refusal(name, package, f"gives {type(model).__name__}, not the bytes of a classifier in ONNX")
    if len(model) > MOST_BYTES:
        raise _refusal(name, package, f"gives a model of {len(model):,} bytes, more than {MOST_BYTES:,}")
    try:
        loaded = onnx_classifier.load(model)
        if loaded.width != vectors.shape[1]:
            raise _refusal(name, package, f"gives a model of {loaded.width} features for {vectors.shape[1]}")
        tried = np.ascontiguousarray(vectors, dtype=np.float32)
        together = loaded.probabilities(tried)[:_TRIED]
        alone = np.concatenate([loaded.probabilities(row[None]) for row in tried[:_TRIED]])
    except ProcedureError as refusal:
        if refusal.number == ErrorNumber.UNFIT_ALGORITHM:
            raise
        raise unfit_to_score(name, package, refusal) from None
    if not np.abs(together - alone).max(initial=0) <= _ALIKE:
        raise _refusal(name, package, "gives a model whose scores depend on the patients beside")
    return model


def unfit_to_score(name: str, package: str | None, refusal: ProcedureError) -> ProcedureError:
    """Make the 50422 of a model of a package that was refused when vectors were scored by it."""
    return _refusal(name, package, f"gives what cannot be scored with: {refusal.message}")


def _refusal(name: str, package: str | None, what: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.UNFIT_ALGORITHM,
        f"The algorithm {name!r} of the package {package} {what}. Mend it, or take another algorithm.",
    )
