"""Preprocessing pipelines: Hounsfield slices to the three-channel pictures that a network reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

SIDE = 224
"""Rows and columns that most ImageNet networks read, the default of every `size`."""

CHANNELS = 3
"""Slices in a prepared picture, one a channel."""

LUNG_WINDOW = (-1350.0, 150.0)
"""Lower and upper end of the lung window in Hounsfield units: level −600, width 1500."""

Size = tuple[int, int]
"""Rows and columns of a picture."""

Plane = NDArray[np.float32]
"""A channel of a picture."""

_CROP, _CROPPED_FROM = 40, 512  # the original project cuts 40 pixels off each side of 512
_SEED_PADDING = -2000


@dataclass(frozen=True)
class CtSlice:
    """One axial slice.

    Attributes
    ----------
    hu : int16[rows, cols]
        Hounsfield units.
    slope, intercept : float
        The rescaling that made them: hu = slope × stored value + intercept.
    spacing : (float, float) or None
        Millimetres from a row to the next and from a column to the next, where they are known.
    """

    hu: NDArray[np.int16]
    slope: float = 1.0
    intercept: float = -1024.0
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True)
class Pipeline:
    """A named way from slices to pictures.

    Attributes
    ----------
    fill : (CtSlice, float32[rows, cols]) -> None
        Prepares one slice, into an array of the size that is wanted.
    triples : number of slices -> tuples of three slice indices
        Which slices become the channels of each picture.
    normalised : bool
        Whether the network's mean and standard deviation apply.
    dtype : str
        NumPy's name of the type that holds every value of a picture before that exactly.
    version : int
        Counted up with every change of what `fill` gives.
    steps : str
        What else tells the way apart from others of its name: its steps, their versions and packages; empty for one of
        lungdb's own.
    """

    fill: Callable[[CtSlice, Plane], None]
    triples: Callable[[int], list[tuple[int, int, int]]]
    normalised: bool
    dtype: str
    version: int = 1
    steps: str = ""

    def picture(self, ct_slice: CtSlice, size: Size) -> Plane:
        """Prepare one slice, without the network's normalisation."""
        picture: Plane = np.empty(size, dtype=np.float32)
        self.fill(ct_slice, picture)
        return picture


def pipeline(name: str) -> Pipeline:
    """Look a pipeline up by name, `lung` or `seed`; LungdbError naming them for any other."""
    try:
        return _PIPELINES[name]
    except KeyError:
        names = " and ".join(_PIPELINES)
        raise LungdbError(f"Preprocessing {name!r} is not supported. Supported values are {names}.") from None


def prepare(
    slices: Sequence[CtSlice],
    name: str,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    size: Size = (SIDE, SIDE),
) -> NDArray[np.float32]:
    """Prepare a whole scan.

    Parameters
    ----------
    slices : sequence of CtSlice
        In order along the axis; at least one.
    name : str
        `lung`: the window −1350…150 HU as 0…1, the border of 40/512 of the rows and columns cut off, resized to
        `size`, then (x − mean) / std. `seed`: the original project's grey levels 0…255; mean and std do not apply.
    mean, std : three numbers each
        The network's normalisation, one number a channel.
    size : (rows, cols)
        What the network reads.

    Returns
    -------
    float32[triples, 3, rows, cols]
    """
    chosen = pipeline(name)
    triples = chosen.triples(len(slices))
    return np.stack([stack([slices[index] for index in triple], chosen, mean, std, size) for triple in triples])


def stack(
    triple: Sequence[CtSlice],
    chosen: Pipeline,
    mean: Sequence[float],
    std: Sequence[float],
    size: Size = (SIDE, SIDE),
) -> NDArray[np.float32]:
    """Prepare slices as the channels of one picture, float32[slices, rows, cols]; see `prepare`."""
    picture = np.empty((len(triple), *size), dtype=np.float32)
    for channel, ct_slice in enumerate(triple):
        chosen.fill(ct_slice, picture[channel])
        if chosen.normalised:
            normalise(picture[channel], mean[channel], std[channel])
    return picture


def normalise(plane: Plane, mean: float, std: float) -> None:
    """Apply a network's normalisation to a channel, in place."""
    plane -= np.float32(mean)
    plane /= np.float32(std)


def part_read(name: str, rows: int, cols: int) -> tuple[int, int, int, int] | None:
    """Say which part of a slice a pipeline makes the picture of: its first row, the row behind its last, columns alike.

    None of a pipeline of which that is not known to be an upright rectangle.
    """
    if name == "lung":
        top, left = round(rows * _CROP / _CROPPED_FROM), round(cols * _CROP / _CROPPED_FROM)
    elif name == "seed":
        top = left = _CROP
    else:
        return None
    return top, rows - top, left, cols - left


class _Scratch(threading.local):
    """An array for each thread, kept from slice to slice: fresh memory costs more than what is done in it."""

    def __init__(self) -> None:
        self._array: Plane = np.empty((0, 0), dtype=np.float32)

    def of(self, shape: tuple[int, ...]) -> Plane:
        """Give an array whose values are anything."""
        if self._array.shape != shape:
            self._array = np.empty(shape, dtype=np.float32)
        return self._array


_scratch = _Scratch()


def _fill_lung(ct_slice: CtSlice, picture: Plane) -> None:
    low, high = LUNG_WINDOW
    rows, cols = ct_slice.hu.shape
    top, left = round(rows * _CROP / _CROPPED_FROM), round(cols * _CROP / _CROPPED_FROM)
    cropped = ct_slice.hu[top : rows - top, left : cols - left]
    windowed = _scratch.of(cropped.shape)
    np.clip(cropped, int(low), int(high), out=windowed)
    np.subtract(resize_area(windowed, picture), np.float32(low), out=picture)
    picture *= np.float32(1 / (high - low))


def resize_area(values: Plane, picture: Plane) -> Plane:
    """Bring values to the size of a picture by averaging areas, and give them, which may be in the picture.

    Averaging areas lets no pixel of a shrunken slice go unseen, so a small nodule keeps its weight and noise goes down.
    When a side grows there is nothing to average and OpenCV's area mode would give blocks.
    """
    shrinks = values.shape[0] >= picture.shape[0] and values.shape[1] >= picture.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    # OpenCV writes into dst where it can; what it gives back is right in any case.
    resized: Plane = cv2.resize(values, picture.shape[::-1], dst=picture, interpolation=interpolation)
    return resized


def _lung_triples(slices: int) -> list[tuple[int, int, int]]:
    last = slices - 1
    return [(start, min(start + 1, last), min(start + 2, last)) for start in range(0, slices, CHANNELS)]


def fill_seed(ct_slice: CtSlice, picture: Plane) -> None:
    """Prepare a slice as the original project did, 0…255; LungdbError when it is too small."""
    rows, cols = ct_slice.hu.shape
    if min(rows, cols) <= 2 * _CROP:
        raise LungdbError(
            f"Preprocessing 'seed' cuts {_CROP} pixels off each side, too much for a slice of {rows} × {cols}. "
            "Use preprocessing 'lung'."
        )
    stored = np.rint((ct_slice.hu.astype(np.float64) - ct_slice.intercept) / ct_slice.slope)
    stored[stored == _SEED_PADDING] = 0.0
    loaded = _scaled_to_255(stored)
    # Negative values wrap modulo 256 there; by way of int64 they do so on every processor.
    grey = _scaled_to_255(loaded).astype(np.int64).astype(np.uint8)
    equalized = cv2.equalizeHist(grey)[_CROP : rows - _CROP, _CROP : cols - _CROP]
    picture[...] = cv2.resize(equalized, picture.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _scaled_to_255(values: NDArray[np.float64]) -> NDArray[np.float64]:
    maximum = values.max()
    # The original divides by zero on a slice whose maximum is 0; nothing to scale there.
    return np.trunc(values * (255.0 / maximum)) if maximum != 0 else values


def _seed_triples(slices: int) -> list[tuple[int, int, int]]:
    # The original drops the last slices and so makes nothing of a scan of fewer than four; such a scan is padded here.
    return [(start, start + 1, start + 2) for start in range(0, slices - CHANNELS, CHANNELS)] or _lung_triples(slices)


TRIPLES = {"all": _lung_triples, "seed": _seed_triples}
"""Ways to take slices three by three: `all`, the last slice repeated, or `seed`, without the last ones."""

_PIPELINES = {
    "lung": Pipeline(_fill_lung, _lung_triples, normalised=True, dtype="<f4"),
    "seed": Pipeline(fill_seed, _seed_triples, normalised=False, dtype="u1"),
}
