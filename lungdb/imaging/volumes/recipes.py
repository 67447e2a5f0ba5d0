"""From the JSON of a volume's preprocessing to what makes tiles of a scan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.steps.registry import Arguments
from lungdb.imaging.volumes.bounding import BOUNDING_STEPS
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.moving import MOVING_STEPS
from lungdb.imaging.volumes.registry import Scan, VolumeStep, check_voxels
from lungdb.imaging.volumes.tiles import TILE, Prepared, tiled
from lungdb.imaging.volumes.values import VALUE_STEPS

MOST_ANISOTROPY = 20.0
"""Widest spacing of a scan over its narrowest, at most."""

MOST_STEPS = 32
"""Steps of a preprocessing at most."""

_STEPS: dict[str, VolumeStep] = {**MOVING_STEPS, **VALUE_STEPS, **BOUNDING_STEPS, "tile": TILE}
VOLUME_STEP_NAMES = tuple(_STEPS)
"""Names of the steps of volumes."""

_MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class VolumeRecipe:
    """A checked list of steps.

    Attributes
    ----------
    text : str
        JSON, printable ASCII, with every default written out: the same for what does the same.
    steps : list of (VolumeStep, mapping)
        Each with its arguments; the last one lays the tiles.
    normalised : bool
        Whether the network's mean and standard deviation apply.
    identity : str
        SHA-256 in hexadecimal of the text and of the versions of the steps.
    """

    text: str
    steps: tuple[tuple[VolumeStep, Mapping[str, Any]], ...]
    normalised: bool
    identity: str

    def prepare(self, volume: Volume, wanted: VolumeInput) -> Prepared:
        """Apply the steps to a scan for what a network declares; LungdbError for a scan that they cannot work on."""
        check_volume(volume)
        scan = Scan(volume.values, volume.geometry, wanted)
        for step, arguments in self.steps[:-1]:
            scan = step.apply(scan, arguments)
        return tiled(scan, self.steps[-1][1])


def is_volume_recipe(text: str) -> bool:
    """Tell whether the JSON of a preprocessing says that it is of volumes."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("dimensions") == 3


def volume_recipe(text: str) -> VolumeRecipe:
    """Read and check the steps of a volume's preprocessing.

    Parameters
    ----------
    text : str
        JSON: an object with `dimensions` 3, `steps` and `normalise` (true unless written). A step is an object with its
        name in `step` and its arguments. Where no step lays tiles, one of the network's size is added.

    Raises
    ------
    ProcedureError
        50390 for what is wrong with it.
    """
    try:
        return _recipe(text)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.UNFIT_STEPS, str(error)) from None


@lru_cache(32)
def _recipe(text: str) -> VolumeRecipe:
    if len(text) > _MOST_CHARACTERS:
        raise LungdbError(f"The steps have {len(text)} characters, more than {_MOST_CHARACTERS}. Write fewer.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LungdbError(f"The steps are no JSON ({error}). Write an object.") from None
    if not isinstance(document, dict) or document.get("dimensions") != 3 or not isinstance(document.get("steps"), list):
        raise LungdbError(
            "The steps are none of a volume's. Write an object with 3 in 'dimensions' and a list in 'steps'."
        )
    unknown = sorted(set(document) - {"dimensions", "steps", "normalise"})
    if unknown:
        raise LungdbError(f"The value {unknown[0]!r} is not known beside the steps of volumes. Known is normalise.")
    normalised = document.get("normalise", True)
    if not isinstance(normalised, bool):
        raise LungdbError(f"The value {normalised!r} for normalise is not supported. Supported are true and false.")
    items = list(document["steps"])
    if not any(isinstance(item, dict) and item.get("step") == "tile" for item in items):
        items.append({"step": "tile"})
    if len(items) > MOST_STEPS:
        raise LungdbError(f"A preprocessing of {len(items)} steps is not supported. Supported are 1 to {MOST_STEPS}.")
    steps, written = _checked(items)
    canonical = json.dumps({"dimensions": 3, "normalise": normalised, "steps": written}, sort_keys=True)
    versions = [step.version for step, _ in steps]
    identity = hashlib.sha256(f"{canonical}/{versions}".encode()).hexdigest()
    return VolumeRecipe(canonical, tuple(steps), normalised, identity)


def _checked(items: Sequence[Any]) -> tuple[list[tuple[VolumeStep, Mapping[str, Any]]], list[dict[str, Any]]]:
    steps: list[tuple[VolumeStep, Mapping[str, Any]]] = []
    written: list[dict[str, Any]] = []
    are_hu = True
    for place, item in enumerate(items, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("step"), str):
            raise LungdbError(
                f"Step {place} is {json.dumps(item)[:80]}. Write an object with the name of a step in 'step', such as "
                '{"step": "resample", "spacing": 1}.'
            )
        name = item["step"]
        label = f"Step {place} ({name})"
        if name not in _STEPS:
            raise LungdbError(f"{label}: volumes have no such step. Supported are {', '.join(_STEPS)}.")
        step = _STEPS[name]
        if step.needs_hu and not are_hu:
            raise LungdbError(
                f"{label}: it works on Hounsfield units, and an earlier step has made other values of them. "
                "Put it before."
            )
        if step.is_last and place < len(items):
            raise LungdbError(f"{label}: the network reads what it makes. Put it last.")
        arguments = Arguments(label, {key: value for key, value in item.items() if key != "step"}, are_hu)
        step.check(arguments)
        arguments.rest()
        are_hu = are_hu and step.keeps_hu
        steps.append((step, arguments.checked))
        written.append({"step": name, **arguments.checked})
    return steps, written


def check_volume(volume: Volume) -> None:
    """Refuse with LungdbError what is no scan in three dimensions."""
    values = volume.values
    if values.ndim != 3 or values.dtype not in (np.int16, np.float32):
        raise LungdbError(
            f"A volume is int16 or float32[slices, rows, cols], not {values.dtype}{list(values.shape)}. Convert it."
        )
    if len(values) < 2:
        raise LungdbError(
            "The scan has 1 slice, and a volume needs 2 or more. Use a network of two dimensions, or load the whole "
            "series."
        )
    check_voxels(values.shape, "The scan")
    numbers = [*volume.geometry.origin, *(number for step in volume.geometry.steps for number in step)]
    spacing = volume.geometry.spacing
    if not np.isfinite(numbers).all() or min(spacing) <= 0:
        raise LungdbError(
            f"The spacing of the scan, {spacing[0]:g} × {spacing[1]:g} × {spacing[2]:g} mm, is no spacing. Load it "
            "again from files that tell it."
        )
    if max(spacing) > MOST_ANISOTROPY * min(spacing):
        raise LungdbError(
            f"The spacing of the scan is {spacing[0]:.3g} × {spacing[1]:.3g} × {spacing[2]:.3g} mm: its widest is "
            f"{max(spacing) / min(spacing):.1f} times its narrowest, more than {MOST_ANISOTROPY:g}. Load a series of "
            "thinner slices, or use a network of two dimensions."
        )
    if values.dtype == np.float32 and not all(np.isfinite(plane).all() for plane in values):
        raise LungdbError("The scan holds values that are no finite numbers. Load it again.")
