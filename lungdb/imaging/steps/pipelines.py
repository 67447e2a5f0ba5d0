"""From the JSON of a preprocessing to the pipeline that it stands for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.extensions import STEPS, extension, names
from lungdb.imaging.preprocessing import TRIPLES, CtSlice, Pipeline, Plane, Size, pipeline
from lungdb.imaging.steps.geometry import GEOMETRY_STEPS
from lungdb.imaging.steps.registry import Arguments, Image, Step
from lungdb.imaging.steps.values import VALUE_STEPS

MOST_STEPS = 32
"""Steps of a preprocessing at most."""

OWN = ("lung", "seed")
"""Names of lungdb's own preprocessings."""

_STEPS: dict[str, Step] = {**VALUE_STEPS, **GEOMETRY_STEPS}
STEP_NAMES = tuple(_STEPS)
"""Names of lungdb's own steps."""

_MOST_CHARACTERS = 20_000
_LAST = {"step": "resize", "size": "network", "unit": "pixels", "interpolation": "area", "antialias": True}


@dataclass(frozen=True)
class Recipe:
    """A checked list of steps.

    Attributes
    ----------
    text : str
        JSON, printable ASCII, with every default written out: the same for what does the same.
    steps : list of (Step, mapping)
        Each with its arguments.
    normalised : bool
        Whether the network's mean and standard deviation apply.
    triples : str
        A key of `TRIPLES`.
    identity : str
        SHA-256 in hexadecimal of the text and of the versions of the steps.
    """

    text: str
    steps: tuple[tuple[Step, Mapping[str, Any]], ...]
    normalised: bool
    triples: str
    identity: str

    def run(self, image: Image) -> Plane:
        """Apply the steps."""
        for position, (step, arguments) in enumerate(self.steps):
            try:
                image = step.apply(image, arguments)
            except LungdbError:
                raise
            except Exception as error:  # whatever the step of a foreign package does
                raise LungdbError(
                    f"{self._named(position)} fails ({type(error).__name__}: {error}). Mend it, or leave it out."
                ) from error
            if not isinstance(image, Image):
                raise LungdbError(f"{self._named(position)} gives no Image. Mend it, or leave it out.")
        return image.values

    def _named(self, position: int) -> str:
        package = self.steps[position][0].apply.__module__.partition(".")[0]
        name = json.loads(self.text)["steps"][position]["step"]
        return f"The step {name} of the preprocessing, which is of the package {package},"

    def of_slice(self, ct_slice: CtSlice, size: Size) -> Plane:
        """Apply the steps to a slice, for a network that reads pictures of a size."""
        hu: Plane = ct_slice.hu.astype(np.float32)
        return self.run(Image(hu, ct_slice.spacing, size, ct_slice))


def recipe(text: str, *, hu: bool = True, ends_as_network: bool = True) -> Recipe:
    """Read and check the steps of a preprocessing.

    Parameters
    ----------
    text : str
        JSON: a list of steps, or an object with `steps`, `normalise` (true unless written) and `triples` (`all` unless
        written). A step is an object with its name in `step` and its arguments.
    hu : bool
        Whether it begins with Hounsfield units; a picture does not.
    ends_as_network : bool
        Whether a resizing to what the network reads is added where none is written.

    Raises
    ------
    ProcedureError
        50390 for what is wrong with it; 50394 for a step of a package that is not there, or not in that version.
    """
    try:
        return _recipe(text, hu, ends_as_network)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.UNFIT_STEPS, str(error)) from None


def named_pipeline(name: str, steps: str | None) -> Pipeline:
    """Give the pipeline of a preprocessing: one of lungdb's own, or one of the steps in dbo.preprocessings.

    Raises
    ------
    LungdbError
        It is none of lungdb's own and has no steps.
    ProcedureError
        As of `recipe`.
    """
    if name in OWN or not steps:
        return pipeline(name)
    return compiled(recipe(steps))


def compiled(made: Recipe) -> Pipeline:
    """Make the pipeline of checked steps."""

    def fill(ct_slice: CtSlice, picture: Plane) -> None:
        values = made.of_slice(ct_slice, (picture.shape[0], picture.shape[1]))
        check_values(values)
        if values.shape != picture.shape:
            raise LungdbError(
                f"The preprocessing gives {values.shape[0]} × {values.shape[1]} pixels where the network reads "
                f"{picture.shape[0]} × {picture.shape[1]}. End it with a resize to 'network'."
            )
        np.copyto(picture, values)

    return Pipeline(fill, TRIPLES[made.triples], made.normalised, dtype="<f4", steps=made.identity)


def check_values(values: Any) -> None:
    """Refuse what is no picture of finite float32 with LungdbError: a foreign step may give anything."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype != np.float32:
        raise LungdbError(
            "A step of the preprocessing gives something else than rows and columns of float32. Mend the step."
        )
    if not np.isfinite(values).all():
        raise LungdbError("The preprocessing gives values that are no finite numbers. Use other steps or arguments.")


@lru_cache(32)
def _recipe(text: str, hu: bool, ends_as_network: bool) -> Recipe:
    document = _read(text)
    normalised, triples = document.get("normalise", True), document.get("triples", "all")
    if not isinstance(normalised, bool):
        raise LungdbError(f"The value {normalised!r} for normalise is not supported. Supported are true and false.")
    if not isinstance(triples, str) or triples not in TRIPLES:
        raise LungdbError(f"The value {triples!r} for triples is not supported. Supported are {' and '.join(TRIPLES)}.")
    items = list(document["steps"])
    if not items:
        raise LungdbError("There are no steps. Write at least one.")
    if ends_as_network and not any(isinstance(item, dict) and item.get("size") == "network" for item in items):
        own = any(isinstance(item, dict) and item.get("step") == "seed" for item in items)
        items += [] if own else [_LAST]
    if len(items) > MOST_STEPS:
        raise LungdbError(f"A preprocessing of {len(items)} steps is not supported. Supported are 1 to {MOST_STEPS}.")
    steps, written, versions = _checked(items, hu)
    canonical = json.dumps(
        {"normalise": normalised, "steps": written, "triples": triples}, sort_keys=True, allow_nan=False
    )
    identity = hashlib.sha256(f"{canonical}/{versions}".encode()).hexdigest()
    return Recipe(canonical, tuple(steps), normalised, triples, identity)


def _checked(
    items: Sequence[Any], hu: bool
) -> tuple[list[tuple[Step, Mapping[str, Any]]], list[dict[str, Any]], list[int]]:
    steps: list[tuple[Step, Mapping[str, Any]]] = []
    written: list[dict[str, Any]] = []
    are_hu, is_done = hu, ""
    for place, item in enumerate(items, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("step"), str):
            raise LungdbError(
                f"Step {place} is {json.dumps(item)[:80]}. Write an object with the name of a step in 'step', such as "
                '{"step": "blur", "sigma": 1, "unit": "pixels"}.'
            )
        name = item["step"]
        label = f"Step {place} ({name})"
        step, package = _step(name, label, item.get("package"))
        if step.needs_hu and not are_hu:
            raise LungdbError(
                f"{label}: it works on Hounsfield units, and "
                + ("an earlier step has made other values of them. Put it before." if hu else "pictures have none.")
            )
        if step.is_first and place > 1:
            raise LungdbError(f"{label}: it reads slices as they are stored. Put it first.")
        if step.changes_size and is_done:
            raise LungdbError(f"{label}: {is_done} has made what the network reads. Put it before.")
        given = {key: value for key, value in item.items() if key != "step" and not (package and key == "package")}
        arguments = Arguments(label, given, are_hu)
        _check_arguments(step, arguments, package)
        arguments.rest()
        if arguments.checked.get("size") == "network":
            is_done = f"step {place}"
        are_hu = are_hu and step.keeps_hu
        steps.append((step, arguments.checked))
        written.append({"step": name, **({"package": package} if package else {}), **arguments.checked})
    return steps, written, [step.version for step, _ in steps]


def _check_arguments(step: Step, arguments: Arguments, package: str) -> None:
    """Have a step read its arguments, into what JSON can hold."""
    try:
        step.check(arguments)
        json.dumps(arguments.checked, allow_nan=False)
    except LungdbError:
        raise
    except Exception as error:  # whatever the step of a foreign package does
        if not package:
            raise
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"{arguments.label}: reading its arguments fails ({type(error).__name__}: {error}). Mend the package "
            f"{package}.",
        ) from error


def _step(name: str, label: str, package: Any) -> tuple[Step, str]:
    """Find a step, and the package that registers it, empty for lungdb's own."""
    if name in _STEPS:
        return _STEPS[name], ""
    found = extension(STEPS, name)
    if found is None:
        if isinstance(package, str):
            raise ProcedureError(
                ErrorNumber.NOT_REGISTERED,
                f"{label}: the package {package[:80]!r} that registered it is not installed in this Python. "
                "Install it again.",
            )
        supported = ", ".join([*_STEPS, *(each for each in names(STEPS) if each not in _STEPS)])
        raise LungdbError(f"{label}: there is no such step. Supported are {supported}.")
    if not isinstance(found.value, Step):
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"{label}: what the package {found.package} registers is no lungdb.imaging.steps.registry.Step. "
            "Mend the package.",
        )
    if package not in (None, found.package):
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"{label}: it was stored with the package {str(package)[:80]!r}, and {found.package!r} is installed. "
            "Install that version, or store the steps under another name.",
        )
    return found.value, found.package


def _read(text: str) -> dict[str, Any]:
    if len(text) > _MOST_CHARACTERS:
        raise LungdbError(f"The steps have {len(text)} characters, more than {_MOST_CHARACTERS}. Write fewer.")
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise LungdbError(f"The steps are no JSON ({error}). Write a list of objects.") from None
    if isinstance(document, list):
        document = {"steps": document}
    if isinstance(document, dict) and document.get("dimensions") == 3:
        raise LungdbError(
            "The preprocessing is of volumes ('dimensions' is 3), and slices or pictures are to be made. Use one "
            "of slices; dbo.preprocessing_list has them."
        )
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        raise LungdbError("The steps are no list. Write a list of objects, or an object with such a list in 'steps'.")
    unknown = sorted(set(document) - {"steps", "normalise", "triples"})
    if unknown:
        raise LungdbError(f"The value {unknown[0]!r} is not known beside the steps. Known are normalise and triples.")
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def of_picture(made: Recipe, picture: np.ndarray[Any, np.dtype[np.uint8]], size: Size) -> Plane:
    """Apply steps to each channel of uint8[rows, cols, channels], which has no Hounsfield units and no spacing."""
    planes = [
        made.run(Image(picture[:, :, channel].astype(np.float32), None, size)) for channel in range(picture.shape[2])
    ]
    return np.stack(planes, axis=2)
