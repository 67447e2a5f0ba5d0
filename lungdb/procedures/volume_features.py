"""Features of scans as volumes, and the nodules that a detector finds in them, for dbo.GenerateFeatures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.volumes.declared import read_input
from lungdb.imaging.volumes.geometry import Tile, Volume
from lungdb.imaging.volumes.recipes import VolumeRecipe, is_volume_recipe, volume_recipe
from lungdb.imaging.volumes.scans import geometry_of
from lungdb.imaging.volumes.tiles import Prepared
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.decoding import decode
from lungdb.networks.detecting.forms import Form, HeatMap, Segmentation
from lungdb.networks.detecting.maps import Maps, find, read_maps
from lungdb.networks.detecting.merging import merge
from lungdb.networks.detecting.outputs import Outputs
from lungdb.networks.detecting.reading import read_output
from lungdb.networks.running.featurizing import LazyScan
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.volumes import Normalisation, outputs_of_tiles, run_tiles
from lungdb.procedures.networks import OpenNetwork
from lungdb.procedures.whole_scans import decoded

Floats = NDArray[np.float32]
Found = tuple[list[Floats], str]
"""The features of a scan, an array a layer, and its nodules as JSON, empty of a network that detects none."""

CANDIDATE = ("x", "y", "z", "diameter", "volume", "score")
"""Columns of the features of the layer `nodules`."""

_WIDEST, _FARTHEST = 1e4, 1e6  # mm


class VolumeFeatures:
    """Makes the features of scans with a network of volumes.

    Parameters
    ----------
    opened : OpenNetwork
    name, steps : str, str or None
        The preprocessing.
    batch_size : int
    threads : int or None

    Raises
    ------
    ProcedureError
        50101 for a preprocessing of pictures, 50390 for steps that cannot be worked with, 50116 for details that
        declare no input or output that can be worked with.
    """

    def __init__(self, opened: OpenNetwork, name: str, steps: str | None, batch_size: int, threads: int | None) -> None:
        self._recipe = _recipe(name, steps)
        self._opened = opened
        self._wanted = read_input(opened.details["input"])
        self._form = _form(opened) if opened.detects else None
        self._normalisation = Normalisation(opened.mean, opened.std) if self._recipe.normalised else None
        self._batch_size = batch_size
        self._threads = threads or allowed_processors()
        self.spent: list[float] = []

    @property
    def normalisation(self) -> Normalisation | None:
        """What tiles are normalised by; None of a preprocessing that has the values as the network reads them."""
        return self._normalisation

    @property
    def form(self) -> Form | None:
        """What a detector gives."""
        return self._form

    @property
    def identity(self) -> str:
        """Of how volumes are prepared."""
        return self._recipe.identity

    def of_scan(self, scan: LazyScan, facts: Mapping[str, Any]) -> Found | LungdbError:
        """Make those of a scan, or give the error of it; ProcedureError as of `run_tiles` for what concerns all."""
        try:
            prepared = self.prepare(scan, facts)
            if self._form is None:
                return run_tiles(prepared, self._opened.session, self._normalisation, self._batch_size), ""
            candidates = self._detect(self._form, prepared)
            return [as_features(candidates)], as_json(candidates)
        except ProcedureError:
            raise
        except LungdbError as error:
            return error
        except MemoryError:
            return LungdbError(
                f"The memory does not hold its {scan.slices} slices as a volume and what the network makes of it. Give "
                "the process more, in SQL Server its external resource pool, or use a network of smaller tiles or a "
                "wider spacing."
            )

    def prepare(self, scan: LazyScan, facts: Mapping[str, Any]) -> Prepared:
        """Decode all slices of a scan and prepare them as the network reads volumes."""
        place = geometry_of(facts, is_needed=self._form is not None)
        volume = Volume(decoded(scan, self._threads), place)
        started = time.thread_time()
        prepared = self._recipe.prepare(volume, self._wanted)
        self.spent.append(time.thread_time() - started)
        return prepared

    def heights(self, prepared: Prepared) -> NDArray[np.float32]:
        """Give what a network that draws maps gives for each voxel of a prepared volume, 0 to 1."""
        assert isinstance(self._form, HeatMap | Segmentation)  # who calls it has looked
        height: NDArray[np.float32] = self._maps(self._form, prepared)[0]
        return height

    def _detect(self, form: Form, prepared: Prepared) -> Candidates:
        if isinstance(form, HeatMap | Segmentation):
            return _plausible(find(form, self._maps(form, prepared), prepared.geometry))
        return _plausible(merge([decode(form, outputs, tile) for tile, outputs in self._outputs(prepared)]))

    def _maps(self, form: HeatMap | Segmentation, prepared: Prepared) -> Maps:
        return prepared.combine((tile, read_maps(form, outputs, tile)) for tile, outputs in self._outputs(prepared))

    def _outputs(self, prepared: Prepared) -> Iterable[tuple[Tile, Outputs]]:
        return outputs_of_tiles(prepared, self._opened.session, self._normalisation)


def _recipe(name: str, steps: str | None) -> VolumeRecipe:
    if not steps or not is_volume_recipe(steps):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The preprocessing {name!r} is of pictures, and the network reads volumes. Name one of volumes, such as "
            "'volume'.",
        )
    return volume_recipe(steps)


def refuse_volume_recipe(name: str, steps: str | None) -> None:
    """Refuse a preprocessing of volumes for a network of pictures."""
    if steps and is_volume_recipe(steps):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The preprocessing {name!r} is of volumes, and the network reads pictures. Name one of pictures, such as "
            "'lung'.",
        )


def _form(opened: OpenNetwork) -> Form:
    try:
        return read_output(opened.details["output"], opened.session.output_names)
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.UNREADABLE, f"{error} Load the network again with --detects.") from None


def _plausible(found: Candidates) -> Candidates:
    """Refuse candidates that have no place or no size, or one that no body has, and could not be stored."""
    numbers = np.column_stack([found.centres, found.diameters, found.volumes, found.scores])
    sizes = np.minimum(found.diameters, found.volumes)
    wrong = ~np.isfinite(numbers).all(axis=1) | (sizes <= 0) | (found.diameters > _WIDEST)
    wrong |= (np.abs(found.centres) > _FARTHEST).any(axis=1)
    if wrong.any():
        x, y, z, diameter, volume, _ = numbers[np.flatnonzero(wrong)[0]]
        raise LungdbError(
            f"The network tells of {int(wrong.sum())} of {len(found)} candidates a place or size that no nodule has, "
            f"first {x:g}, {y:g}, {z:g} mm with a diameter of {diameter:g} mm and {volume:g} cubic mm. Look at the "
            "columns and the unit that are declared with --detects."
        )
    return found


def as_features(candidates: Candidates) -> Floats:
    """Give float32[max(1, candidates), 6] of CANDIDATE, one row of zeros where there is none."""
    columns = [*candidates.centres.T, candidates.diameters, candidates.volumes, candidates.scores]
    array = np.stack(columns, axis=1).astype(np.float32)
    return array if len(array) else np.zeros((1, len(CANDIDATE)), np.float32)


def as_json(candidates: Candidates) -> str:
    """Write candidates as a list of objects of CANDIDATE."""
    columns: Iterable[Any] = (*candidates.centres.T, candidates.diameters, candidates.volumes, candidates.scores)
    rows = zip(*(np.asarray(column, np.float64).tolist() for column in columns), strict=True)
    return json.dumps([dict(zip(CANDIDATE, row, strict=True)) for row in rows], allow_nan=False)
