"""What dbo.MaximiseImage calls."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_slice, from_hex
from lungdb.imaging.contact_sheet import contact_sheet
from lungdb.imaging.cosines import Cosines
from lungdb.imaging.occluding import AIR
from lungdb.imaging.preprocessing import CHANNELS, LUNG_WINDOW, CtSlice, Pipeline, part_read, stack
from lungdb.imaging.steps.pipelines import named_pipeline
from lungdb.learning.questions.maximising import Search, advance, begin, from_json
from lungdb.networks.running.processors import allowed_processors
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.networks import OpenNetwork, open_network
from lungdb.procedures.reading_slices import spacings

Floats = NDArray[np.float64]

_COLUMNS = ("slice_index", "image_rows", "image_cols", "rescale_slope", "rescale_intercept", "pixels",
            "pixels_sha256", "encoding")  # fmt: skip
_BONE = 1000  # Hounsfield units, as dense bone; with preprocessing lung all above the window is white
_BATCH = 32
_STEP = 0.3  # of the first generation, in units of half the range of Hounsfield units
_SAME = 0.02  # of the length of a triple's features, as far as processors round apart
_STARTS = ("slice", "noise")


@for_t_sql({5: 16, 7: MESSAGE})
def maximise_image(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    network_details: str,
    layer: str,
    preprocessing: str,
    steps: str | None,
    feature: int,
    first_slice: int,
    stored: float,
    frequencies: int,
    generations: int,
    population: int,
    seed: int,
    state: bytes,
    seconds: int,
    providers: str | None,
    threads: int | None,
) -> tuple[bytes, bytes, float, int, int, str, int, str]:
    """Search on for a triple of slices that lights a feature more than a real one does, for a time.

    Every picture that the network is given is made by the preprocessing of whole Hounsfield units of slices of the real
    ones' size, rescaling and spacing, so it is a picture that slices could be. The search is seeded: what it finds does
    not depend on how it is cut into calls.

    Parameters
    ----------
    slices : DataFrame
        The real triple, one row a slice, in order: `slice_index`, `image_rows`, `image_cols`, `rescale_slope`,
        `rescale_intercept`, `pixels`, `pixels_sha256`, both in hexadecimal, `encoding`, and `spacing_y` and
        `spacing_x`, in mm and maybe missing. The last slice is taken again where there are fewer than three.
    network, network_sha256, network_details, layer, preprocessing, steps
        As of `generate_features`; one layer.
    feature : int
        Which of the layer, from 0.
    first_slice : int
        The index of the triple's first slice.
    stored : float
        What is stored of the feature for the real triple.
    frequencies : int
        Cosines along each side of a slice, 2 and up; their square, times three slices, is what is searched over.
    generations, population, seed : int
        The generations of the search as a whole, network runs of each (4 and up), and the seed of the draws.
    state : bytes
        Where the search stands, as an earlier call gave it, or empty.
    seconds : int
        How long to go on; a generation that is begun is ended, and one is done at least.
    providers, threads
        As of `generate_features`.

    Returns
    -------
    state : bytes
        Where the search stands now.
    png : bytes
        After the last generation the three slices found, in the window of the lung, above the real ones; else empty.
    activation : float
        The largest one found.
    generation : int
        Generations done.
    runs : int
        Pictures that the network has run on in this call.
    started_from : str
        In the first call, `slice`, when the low frequencies of the real triple lit the feature more than any noise of
        the first draws, or `noise`; later empty.
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `generate_features`; 50412 when the slices are not there, are damaged, or the
        network gives them another activation than is stored.
    """
    try:
        opened = open_network(network, network_sha256, network_details, layer, providers, threads)
        work = _Work.of(slices, opened, preprocessing, steps, feature, frequencies, threads or allowed_processors())
        if state:
            search, started_from = from_json(state), ""
        else:
            work.check(first_slice, stored)
            search, started_from = work.begin(population, seed)
        until = time.monotonic() + seconds
        while search.generation < generations:
            search = advance(search, work.activations, population, seed)
            if time.monotonic() >= until:
                break
        png = work.sheet(search, first_slice, stored) if search.generation >= generations else b""
    except ProcedureError as refusal:
        return b"", b"", 0.0, 0, 0, "", refusal.number, refusal.message
    except LungdbError as refusal:
        return b"", b"", 0.0, 0, 0, "", ErrorNumber.UNREADABLE, str(refusal)
    return search.to_json(), png, search.value, search.generation, work.runs, started_from, 0, ""


@dataclass
class _Work:
    """What turns coefficients into activations.

    Attributes
    ----------
    real : list of CtSlice
        The triple that lights the feature most.
    runs : int
        Pictures that the network has run on.
    """

    real: list[CtSlice]
    opened: OpenNetwork
    chosen: Pipeline
    cosines: Cosines
    feature: int
    threads: int
    runs: int = 0

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        opened: OpenNetwork,
        preprocessing: str,
        steps: str | None,
        feature: int,
        frequencies: int,
        threads: int,
    ) -> _Work:
        """Check what is given."""
        real = _read(frame)
        rows, cols = real[0].hu.shape
        box = part_read(preprocessing, rows, cols) or (0, rows, 0, cols)
        side = min(box[1] - box[0], box[3] - box[2])
        if not 2 <= frequencies <= side:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {frequencies} for the parameter @Frequencies is not supported. Of these slices the network "
                f"sees {side} pixels along the shorter side: supported values are 2 to {side}.",
            )
        high = LUNG_WINDOW[1] if preprocessing == "lung" else _BONE
        cosines = Cosines((rows, cols), box, frequencies, AIR, high)
        return cls(real, opened, named_pipeline(preprocessing, steps), cosines, feature, threads)

    def check(self, first_slice: int, stored: float) -> None:
        """Refuse a network or slices that are not those that the stored features were made of."""
        features = self._features([self.real])[0].astype(np.float64)
        if not 0 <= self.feature < features.size:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {self.feature} for the parameter @Feature is not supported. The layer has the features 0 "
                f"to {features.size - 1}.",
            )
        found = float(features[self.feature])
        if not abs(found - stored) <= _SAME * float(np.linalg.norm(features)) + 1e-6:
            raise ProcedureError(
                ErrorNumber.OTHER_ACTIVATION,
                f"The network gives the slices from {first_slice} on the activation {found:.6g}, and {stored:.6g} is "
                "stored. Call GenerateFeatures with @Recompute = 1.",
            )

    def begin(self, population: int, seed: int) -> tuple[Search, str]:
        """Begin at the low frequencies of the real triple, or at the best of as much noise as a generation has."""
        number = self.cosines.frequencies
        waves = np.arange(number)
        # As in nature low frequencies are larger: noise with all alike is far from every slice.
        spread = np.tile((1 / (1 + np.hypot(waves[:, None], waves))).ravel(), CHANNELS)
        first = np.stack([self.cosines.coefficients(each.hu) for each in self.real]).reshape(1, -1)
        noise = np.random.default_rng([seed, 0]).standard_normal((population, spread.size)) * spread
        starts = np.concatenate([first, noise])
        values = self.activations(starts)
        return begin(starts, values, spread, _STEP), _STARTS[int(np.argmax(values) > 0)]

    def activations(self, points: Floats) -> Floats:
        """Give the activation of each point."""
        found = [
            self._features([self._triple(point) for point in points[start : start + _BATCH]])[:, self.feature]
            for start in range(0, len(points), _BATCH)
        ]
        return np.concatenate(found).astype(np.float64)

    def sheet(self, search: Search, first_slice: int, stored: float) -> bytes:
        """Draw what was found above what is real, of both the part that the network sees."""
        top, bottom, left, right = self.cosines.box
        triples = (self._triple(search.best), self.real)
        pictures = [each.hu[top:bottom, left:right] for triple in triples for each in triple]
        captions = [f"generated {channel + 1}: {search.value:.4g}" for channel in range(CHANNELS)]
        # The last slice stands for those that the scan's last triple lacks.
        real = [next(place for place, other in enumerate(self.real) if other is each) for each in self.real]
        captions += [f"slice {first_slice + place}: {stored:.4g}" for place in real]
        return contact_sheet(pictures, captions)

    def _triple(self, point: Floats) -> list[CtSlice]:
        number = self.cosines.frequencies
        made = self.cosines.slices(point.reshape(CHANNELS, number, number))
        return [CtSlice(hu, real.slope, real.intercept, real.spacing) for hu, real in zip(made, self.real, strict=True)]

    def _features(self, triples: list[list[CtSlice]]) -> NDArray[np.float32]:
        def picture(triple: list[CtSlice]) -> NDArray[np.float32]:
            return stack(triple, self.chosen, self.opened.mean, self.opened.std, self.opened.session.input_size)

        with ThreadPoolExecutor(self.threads) as pool:
            pictures = np.stack(list(pool.map(picture, triples)))
        self.runs += len(pictures)
        features = self.opened.session.run(pictures)[0]
        if not np.isfinite(features).all():
            raise ProcedureError(
                ErrorNumber.UNREADABLE, "The network gives NaN or infinity for a picture. Check the network."
            )
        return features


def _read(frame: pd.DataFrame) -> list[CtSlice]:
    check_columns(frame, _COLUMNS)
    indices = whole_numbers(frame, "slice_index")
    if not len(frame) or not np.array_equal(indices, indices[0] + np.arange(len(frame))):
        raise ProcedureError(
            ErrorNumber.OTHER_ACTIVATION,
            "The slices in which the feature is largest are not stored, so that there is nothing to compare with. Load "
            "the scan again, or give a @Dataset of scans whose slices are stored.",
        )
    slices = []
    for row, spacing in zip(frame.to_dict("records"), spacings(frame), strict=True):
        try:
            size = int(row["image_rows"]), int(row["image_cols"])
            hu = decode_slice(from_hex(row["pixels"]), *size, from_hex(row["pixels_sha256"]), row["encoding"])
        except (LungdbError, TypeError, ValueError) as error:
            raise ProcedureError(
                ErrorNumber.OTHER_ACTIVATION,
                f"Slice {row['slice_index']}, of those in which the feature is largest: {error}",
            ) from None
        slices.append(CtSlice(hu, float(row["rescale_slope"]), float(row["rescale_intercept"]), spacing))
    return [slices[min(channel, len(slices) - 1)] for channel in range(CHANNELS)]
