"""What dbo.ExplainRegions calls."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import content_sha256, decode_array, decode_slice, encode_array, from_hex
from lungdb.imaging.occluding import Box, Grid, cells_inside, hide, inside_body
from lungdb.imaging.preprocessing import CtSlice, Pipeline, part_read, stack
from lungdb.imaging.steps.pipelines import named_pipeline
from lungdb.learning.explaining.regions import (
    Model,
    check_row,
    map_of_mean,
    map_of_occlusion,
    mean_weights,
    read_parts,
)
from lungdb.learning.explaining.vectors import TripleScan, check_scan
from lungdb.learning.vectors import read_model_vector
from lungdb.networks.inputs.stored import reads_volumes
from lungdb.networks.running.processors import allowed_processors
from lungdb.procedures.checks import check_columns, check_model, read_details, whole_numbers
from lungdb.procedures.leaving import MESSAGE, NAME, for_t_sql
from lungdb.procedures.networks import OpenNetwork, open_any, open_maps, open_network
from lungdb.procedures.reading_slices import spacings
from lungdb.procedures.volume_regions import occluded_volume

Floats = NDArray[np.float32]

METHODS = ("occlusion", "gradcam")
SMALLEST, LARGEST = 2, 64  # cells along a side
_BATCH = 32
_COLUMNS = (
    "slice_index", "content_sha256", "image_rows", "image_cols", "rescale_slope", "rescale_intercept", "is_wanted",
    "pixels", "pixels_sha256", "encoding",
)  # fmt: skip
_RESULT = {
    "slice_index": np.int32,
    "first_row": np.int32,
    "end_row": np.int32,
    "first_col": np.int32,
    "end_col": np.int32,
    "map_rows": np.int32,
    "map_cols": np.int32,
    "lowest": np.float64,
    "highest": np.float64,
    "map": object,
    "sha256": object,
}


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE})
def explain_regions(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    network_details: str,
    layer: str,
    preprocessing: str,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    vector: str,
    array: bytes,
    array_sha256: str,
    array_rows: int,
    parts: str,
    method: str | None,
    grid: int,
    providers: str | None,
    threads: int | None,
    steps: str | None = None,
) -> tuple[pd.DataFrame, str, str, int, str]:
    """Make a map of each triple of slices that a wanted slice belongs to.

    Parameters
    ----------
    slices : DataFrame
        One row a slice of the scan, in order: `slice_index`, `content_sha256` of the scan, `image_rows`, `image_cols`,
        `rescale_slope`, `rescale_intercept`, `is_wanted` (0 or 1), `pixels` (hexadecimal, empty where no map needs
        them), `pixels_sha256`, `encoding`, and `spacing_y` and `spacing_x`, in mm and maybe missing.
    network, network_sha256, network_details, layer, preprocessing
        As of `generate_features`; one layer.
    model, model_sha256, library, details, vector
        As of `predict_lung_cancer`.
    array, array_sha256, array_rows
        `features.array` of that layer, its SHA-256 in hexadecimal and its rows.
    parts : str
        JSON: where what is pooled of it stands in the vector, see `lungdb.learning.explaining.regions.read_parts`.
    method : str or None
        `occlusion` or `gradcam`; None means gradcam where it is exact and occlusion elsewhere.
    grid : int
        Cells of an occlusion along each side, 2 to 64; of a network of volumes boxes along each axis, 2 to 16.
    providers, threads
        As of `generate_features`.
    steps : str or None
        The steps of the preprocessing, from `preprocessings.steps`; lungdb's own need none.

    Returns
    -------
    result : DataFrame
        One row a wanted slice: `slice_index`, the part of the slice that the map lies over (`first_row`, `end_row`
        behind the last one, `first_col`, `end_col`), `map_rows`, `map_cols`, the `lowest` and `highest` value, `map`
        (hexadecimal float32) and `sha256`. The slices of a triple have the same map.
    method : str
        The one that was used.
    notice : str
        How many runs of the network it took, of which size and how long.
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `generate_features` and `predict_lung_cancer`; 50373 and 50381 when
        the scan or its features are not those that were scored; 50383 for gradcam where it is not exact; 50390 and
        50394 for steps that cannot be worked with.
    """
    started = time.perf_counter()
    try:
        if not SMALLEST <= grid <= LARGEST:
            raise ProcedureError(
                ErrorNumber.ARGUMENT, f"The grid {grid} is not supported. Give {SMALLEST} to {LARGEST} cells."
            )
        read = check_model(model, model_sha256, library, details)
        cols = len(array) // 4 // max(array_rows, 1)
        features = decode_array(array, array_rows, cols, from_hex(array_sha256))
        pieces = read_parts(parts)
        scored = TripleScan(read_model_vector(vector, library, read), pieces, (features,) * len(pieces))
        check_scan(scored)
        if reads_volumes(read_details(network_details, "network")):
            return _of_volume(
                (slices, preprocessing, steps, scored, Model(library, model, read), grid, method, started),
                open_any(network, network_sha256, network_details, layer, providers, threads),
                threads,
            )
        chosen = _pipeline(preprocessing, steps)
        scan = _Scan.of(slices, chosen, scored.triples)
        part = part_read(preprocessing, *scan.size)
        work = _Work(scan, chosen, part, scored, Model(library, model, read), threads or allowed_processors())
        weights = mean_weights(work.model, scored)
        maps = None
        if method != "occlusion" and weights is not None and part is not None:
            maps = open_maps(network, network_sha256, network_details, layer, providers, threads)
        if method == "gradcam" and maps is None:
            raise _not_exact(layer, library, preprocessing)
        if maps is not None and weights is not None:
            rows = list(work.exact(maps, weights))
        else:
            opened = open_network(network, network_sha256, network_details, layer, providers, threads)
            rows = list(work.occluded(opened, grid))
    except ProcedureError as refusal:
        return _frame([]), "", "", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([]), "", "", ErrorNumber.UNREADABLE, str(refusal)
    notice = (
        f"{work.runs} runs of the network for the maps of {len(rows)} slices, {time.perf_counter() - started:.1f} s."
    )
    return _frame(rows), METHODS[maps is not None], notice, 0, ""


def _of_volume(
    asked: tuple[pd.DataFrame, str, str | None, TripleScan, Model, int, str | None, float],
    opened: OpenNetwork,
    threads: int | None,
) -> tuple[pd.DataFrame, str, str, int, str]:
    """Make the maps of a network of volumes, which hides boxes of the prepared volume."""
    slices, preprocessing, steps, scored, model, grid, method, started = asked
    if method == "gradcam":
        raise ProcedureError(
            ErrorNumber.NO_EXACT_MAP,
            "The network reads volumes, of which no map of the method gradcam is made. Give @Method = N'occlusion'.",
        )
    maps, runs = occluded_volume(slices, opened, preprocessing, steps, scored, model, grid, threads)
    rows = [row for index, box, values in maps for row in _rows([index], box, values)]
    seconds = time.perf_counter() - started
    notice = f"{runs} tiles were run for boxes of {grid} along each side, {len(rows)} slices, {seconds:.1f} s."
    return _frame(rows), METHODS[0], notice, 0, ""


def _pipeline(preprocessing: str, steps: str | None) -> Pipeline:
    try:
        return named_pipeline(preprocessing, steps)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.ARGUMENT, str(error)) from None


def _not_exact(layer: str, library: str, preprocessing: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.NO_EXACT_MAP,
        "A map of the method gradcam is exact only for a logistic regression over the mean of the triples' features, "
        "of a layer that is the average of a map, and of a preprocessing of lungdb's own, of which it is known what it "
        f"reads; the library here is {library}, the layer {layer!r}, the preprocessing {preprocessing!r}. "
        "Give @Method = N'occlusion'.",
    )


@dataclass(frozen=True)
class _Scan:
    """The slices of a scan as rows, none decoded yet.

    Attributes
    ----------
    frame : DataFrame
    triples : list of tuple of three int
        Its slices three by three.
    size : (rows, cols)
        Of a slice.
    spacings : list of (float, float) or None
        Millimetres of each, where they are known.
    """

    frame: pd.DataFrame
    triples: list[tuple[int, int, int]]
    size: tuple[int, int]
    spacings: list[tuple[float, float] | None]

    @classmethod
    def of(cls, frame: pd.DataFrame, chosen: Pipeline, rows: int) -> _Scan:
        """Check that the rows are all slices of a scan, in order, and its features have as many rows."""
        check_columns(frame, _COLUMNS)
        if not len(frame) or not np.array_equal(whole_numbers(frame, "slice_index"), np.arange(len(frame))):
            raise ProcedureError(
                ErrorNumber.OUT_OF_ORDER, "The slices are not whole or in order. Load the scan again, and score it."
            )
        try:
            content = content_sha256(from_hex(each) for each in frame["pixels_sha256"])
            is_other = content != from_hex(frame["content_sha256"].iloc[0])
        except (TypeError, ValueError):
            is_other = True
        triples = chosen.triples(len(frame))
        if is_other or len(triples) != rows:
            raise ProcedureError(
                ErrorNumber.EXPLAINED_OTHERWISE,
                f"The {len(frame)} slices are not those that the {rows} rows of features were made of, or their "
                "SHA-256 together is not the scan's. Load the scan again, score it and explain the new score.",
            )
        size = int(frame["image_rows"].iloc[0]), int(frame["image_cols"].iloc[0])
        return cls(frame, triples, size, spacings(frame))

    def wanted(self) -> dict[int, list[int]]:
        """Give triple -> its wanted slices."""
        asked = np.flatnonzero(whole_numbers(self.frame, "is_wanted")).tolist()
        found: dict[int, list[int]] = {}
        for index in asked:
            triple = next((place for place, triple in enumerate(self.triples) if index in triple), None)
            if triple is None:
                raise ProcedureError(
                    ErrorNumber.UNKNOWN_SLICES,
                    f"The slice {index} is in no triple: this preprocessing leaves the last slices out, so they do "
                    f"nothing to the score. Choose from 0 to {self.triples[-1][-1]}.",
                )
            found.setdefault(triple, []).append(index)
        return found

    def load(self, triple: int) -> list[CtSlice]:
        """Decode the slices of a triple; LungdbError when one is damaged."""
        return [self._slice(index) for index in self.triples[triple]]

    def _slice(self, index: int) -> CtSlice:
        row = self.frame.iloc[index]
        try:
            blob, sha256 = from_hex(row["pixels"]), from_hex(row["pixels_sha256"])
            hu = decode_slice(blob, int(row["image_rows"]), int(row["image_cols"]), sha256, row["encoding"])
        except (TypeError, ValueError):
            raise LungdbError(f"Slice {index}: the pixels are not hexadecimal. Load the scan again.") from None
        except LungdbError as error:
            raise LungdbError(f"Slice {index}: {error}") from None
        return CtSlice(hu, float(row["rescale_slope"]), float(row["rescale_intercept"]), self.spacings[index])


class _Work:
    """Making the maps of a scan.

    Attributes
    ----------
    runs : int
        Pictures that the network has run on.
    """

    def __init__(
        self, scan: _Scan, chosen: Pipeline, part: Box | None, scored: TripleScan, model: Model, threads: int
    ) -> None:
        self.scan = scan
        self.chosen = chosen
        # Of steps it is not known which part of a slice they read: it may be turned, or all of it.
        self.box = part or (0, scan.size[0], 0, scan.size[1])
        self.scored = scored
        self.model = model
        self.threads = threads
        self.runs = 0

    def exact(self, opened: OpenNetwork, weights: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
        """Give the rows of maps that share a linear margin."""
        for triple, wanted in self.scan.wanted().items():
            picture = self._picture(opened, self.scan.load(triple))
            activations = self._run(opened, picture[np.newaxis])[0]
            self._check(triple, activations.astype(np.float64).mean(axis=(1, 2)).astype(np.float32))
            values = map_of_mean(activations, weights, self.scored.triples)
            yield from _rows(wanted, self.box, values)

    def occluded(self, opened: OpenNetwork, cells: int) -> Iterator[dict[str, Any]]:
        """Give the rows of maps that say what hiding a cell does."""
        rows, cols = self.scan.size
        if min(self.box[1] - self.box[0], self.box[3] - self.box[2]) < cells:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {cells} for the parameter @Grid is too large for slices of {rows} x {cols} pixels. "
                "Give fewer cells than pixels.",
            )
        grid = Grid(self.box, cells, cells)
        for triple, wanted in self.scan.wanted().items():
            slices = self.scan.load(triple)
            places = cells_inside(grid, inside_body([each.hu for each in slices]))
            boxes = [None, *(grid.cell(*place) for place in places)]
            features = np.concatenate(list(self._features(opened, slices, boxes)))
            self._check(triple, features[0])
            size = (grid.rows, grid.cols)
            values = map_of_occlusion(self.scored, self.model, triple, features[0], features[1:], places, size)
            yield from _rows(wanted, self.box, values)

    def _features(
        self, opened: OpenNetwork, slices: Sequence[CtSlice], boxes: Sequence[Box | None]
    ) -> Iterator[Floats]:
        """Give the features of slices as they are (None) and with boxes hidden, whose copies live for a batch alone."""

        def picture(box: Box | None) -> Floats:
            return self._picture(opened, slices if box is None else [hide(each, box) for each in slices])

        with ThreadPoolExecutor(self.threads) as pool:
            for start in range(0, len(boxes), _BATCH):
                batch = pool.map(picture, boxes[start : start + _BATCH])
                yield self._run(opened, np.stack(list(batch)))

    def _picture(self, opened: OpenNetwork, slices: Sequence[CtSlice]) -> Floats:
        return stack(slices, self.chosen, opened.mean, opened.std, opened.session.input_size)

    def _run(self, opened: OpenNetwork, pictures: Floats) -> Floats:
        self.runs += len(pictures)
        features = opened.session.run(pictures)[0]
        if not np.isfinite(features).all():
            raise ProcedureError(
                ErrorNumber.UNREADABLE,
                "The network gives NaN or infinity for a picture with a part hidden. Check the network.",
            )
        return features

    def _check(self, triple: int, features: Floats) -> None:
        first, _, last = self.scan.triples[triple]
        check_row(self.scored.arrays[0][triple], features, f"the slices {first} to {last}")


def _rows(wanted: Sequence[int], box: Box, values: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
    stored = values.astype(np.float32)
    blob, sha256 = encode_array(stored)
    for index in wanted:
        given = (index, *box, *values.shape, float(stored.min()), float(stored.max()), blob.hex(), sha256.hex())
        yield dict(zip(_RESULT, given, strict=True))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
