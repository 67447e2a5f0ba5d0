"""Say whether explanations point at the nodules of the demo's made-up patients, beside models of shuffled labels."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, connect, run
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_array, decode_slice, decode_vector
from lungdb.imaging.occluding import Grid, cells_inside, hide, inside_body
from lungdb.imaging.preprocessing import CtSlice, part_read, pipeline, stack
from lungdb.learning.explaining.localisation import (
    cells_touched,
    chance,
    hit,
    localised,
    mean_height,
    rank_among,
    slices_touched,
)
from lungdb.learning.explaining.regions import Model, map_of_occlusion
from lungdb.learning.explaining.slices import explain_triples
from lungdb.learning.explaining.vectors import Part, TripleScan, along, reference_of
from lungdb.procedures.networks import open_network

Bools = NDArray[np.bool_]
Values = NDArray[np.float64]

NAME = "lightgbm_sql"
LUNG = -500  # Hounsfield units below which a pixel inside the body is lung
MALIGNANT = 4  # and up, of malignancy


@dataclass(frozen=True)
class Case:
    """A test patient.

    Attributes
    ----------
    scan : TripleScan
    malignant, other : bool[triples]
        Which triples a malignant nodule reaches into, and which any other one does.
    cells : list of (row, column)
        Cells of the grid that are lung, of the triple that the largest malignant nodule is in; empty without one.
    triple : int
    whole, hidden : float32[width], float32[cells, width]
        Features of that triple as it is, and with each of the cells hidden.
    hit_cells : bool[cells]
        Which of them a malignant nodule reaches into.
    """

    scan: TripleScan
    malignant: Bools
    other: Bools
    triple: int
    cells: list[tuple[int, int]]
    whole: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hit_cells: Bools


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="what `lungdb demo` wrote (default: demo)")
    parser.add_argument("--shuffled", type=int, default=20, help="models of shuffled labels (default: 20)")
    parser.add_argument("--permutations", type=int, default=32, help="of Shapley values (default: 32)")
    parser.add_argument("--grid", type=int, default=16, help="cells along each side of an occlusion (default: 16)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    file = options.folder / "lung_cancer_database.db"
    try:
        if not file.is_file():
            raise LungdbError(f"There is no {file}. Run: lungdb demo --folder {options.folder}")
        with tempfile.TemporaryDirectory() as folder:
            for part in options.folder.glob(f"{file.name}*"):  # what is not written back yet lies in files beside it
                shutil.copy(part, folder)
            with closing(connect(f"sqlite:///{(Path(folder) / file.name).as_posix()}")) as connection:
                _measure(connection, options)
    except (LungdbError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measure(connection: Connection, options: argparse.Namespace) -> None:
    model, feature_set, means = _model(connection, NAME)
    cases = _cases(connection, feature_set, options.grid)
    ill = [case for case in cases if case.malignant.any()]
    if not ill:
        raise LungdbError(
            "No test patient has a malignant nodule in dbo.nodules. Run lungdb demo again: it loads them."
        )
    rng = np.random.default_rng(options.seed)
    others = []
    for number in range(options.shuffled):
        _shuffle(connection, rng)
        others.append(_model(connection, "shuffled")[0])
        print(f"{number + 1} of {options.shuffled} models of shuffled labels trained", file=sys.stderr)
    print(
        f"{len(cases)} test patients, {len(ill)} of them with a malignant nodule; "
        f"{len(others)} models of shuffled labels."
    )
    print("Chance is the share of a scan's triples (or lung cells of a triple's map) that a nodule reaches into.\n")

    def triples(of: Model, some: Sequence[Case]) -> list[Values]:
        return [_values(of, case.scan, means, options) for case in some]

    shown = triples(model, cases)
    shuffled = [triples(other, ill) for other in others]
    of_ill = [values for values, case in zip(shown, cases, strict=True) if case.malignant.any()]
    marks = [case.malignant for case in ill]
    _print("top triple (Shapley) on a malignant nodule", of_ill, marks, shuffled, options.seed)
    for which, is_ill in (("with a malignant one", True), ("without", False)):
        decoys = [
            (values, case.other & ~case.malignant)
            for values, case in zip(shown, cases, strict=True)
            if case.malignant.any() == is_ill and (case.other & ~case.malignant).any()
        ]
        seen, decoy_marks = [values for values, _ in decoys], [marked for _, marked in decoys]
        _print(f"top triple on a benign one, {which}", seen, decoy_marks, [], options.seed)
    seen_in_lung = [case for case in ill if case.cells]  # a coarse grid may have no cell that is lung
    maps = [_map(model, case, options.grid) for case in seen_in_lung]
    blind = [[_map(other, case, options.grid) for case in seen_in_lung] for other in others]
    hit_cells = [case.hit_cells for case in seen_in_lung]
    _print("top lung cell of the nodule's slices on it", maps, hit_cells, blind, options.seed)
    print("\nMean margin while triples are added or taken away, the most important first, where there is a nodule:")
    _curves(model, ill, of_ill, means, rng)


def _print(
    what: str, values: Sequence[Values], marked: Sequence[Bools], shuffled: Sequence[Sequence[Values]], seed: int
) -> None:
    if not values:
        print(f"{what:46}   0 patients: there is nothing to count")
        return
    chances = [chance(each) for each in marked]
    found = localised([hit(*each) for each in zip(values, marked, strict=True)], chances, seed)
    line = (
        f"{what:46} {found.patients:3} patients: hits {100 * found.hits:5.1f} %, chance {100 * found.chance:5.1f} %, "
        f"beyond chance {100 * found.excess:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    )
    if shuffled:
        beyond = [
            localised([hit(*each) for each in zip(one, marked, strict=True)], chances, seed).excess for one in shuffled
        ]
        p = rank_among(found.excess, beyond)
        line += (
            f"; shuffled {100 * np.mean(beyond):+.1f} ({100 * min(beyond):+.1f} to {100 * max(beyond):+.1f}), p {p:.3f}"
        )
        if p > 0.05:
            line += ": NO BETTER THAN SHUFFLED LABELS"
    print(line)


def _curves(
    model: Model, cases: Sequence[Case], values: Sequence[Values], means: Values, rng: np.random.Generator
) -> None:
    def mean_over(orders: Callable[[Values], NDArray[np.int64]], reverse: bool) -> float:
        heights = []
        for case, found in zip(cases, values, strict=True):
            path = model.margins(along(case.scan, reference_of(case.scan, means), orders(found)))
            heights.append(mean_height(path[::-1] if reverse else path))
        return float(np.mean(heights))

    first, last = (lambda found: np.argsort(-found, kind="stable")), (lambda found: np.argsort(found, kind="stable"))
    blind = float(np.mean([mean_over(lambda found: rng.permutation(found.size), reverse=False) for _ in range(10)]))
    print(f"insertion {mean_over(first, reverse=False):+.3f} (random {blind:+.3f}; higher is better)")
    print(f"deletion  {mean_over(last, reverse=True):+.3f} (random {blind:+.3f}; lower is better)")


def _values(model: Model, scan: TripleScan, means: Values, options: argparse.Namespace) -> Values:
    found = explain_triples(model.library, model.model, model.details, scan, means, options.permutations, options.seed)
    return found.values


def _map(model: Model, case: Case, grid: int) -> Values:
    whole = map_of_occlusion(case.scan, model, case.triple, case.whole, case.hidden, case.cells, (grid, grid))
    return np.array([whole[place] for place in case.cells])


def _rows(connection: Connection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    return run(connection, sql, parameters)[-1].rows


def _cases(connection: Connection, feature_set: int, cells: int) -> list[Case]:
    """Read the test patients, and run the network on what the maps need."""
    network, sha256, details, layer, preprocessing = _rows(
        connection,
        "SELECT n.model, CONVERT(VARCHAR(64), n.sha256, 2), n.details, f.layer, f.preprocessing "
        "FROM dbo.feature_sets AS f INNER JOIN dbo.networks AS n ON n.network_id = f.network_id "
        "WHERE f.feature_set_id = ?;",
        feature_set,
    )[0]
    opened = open_network(network, sha256, details, layer, None, None)

    def features(variants: Sequence[Sequence[CtSlice]]) -> NDArray[np.float32]:
        chosen = pipeline(preprocessing)
        parts = []
        for start in range(0, len(variants), 32):
            some = variants[start : start + 32]
            pictures = [stack(each, chosen, opened.mean, opened.std, opened.session.input_size) for each in some]
            parts.append(opened.session.run(np.stack(pictures))[0])
        return np.concatenate(parts)

    found = []
    for scan_id, vector, array, rows, cols, digest, *place in _rows(
        connection,
        "SELECT s.scan_id, v.vector, f.array, f.array_rows, f.array_cols, f.sha256, s.origin_x, s.origin_y, "
        "s.origin_z, s.spacing_x, s.spacing_y, s.spacing_z, s.image_rows, s.image_cols FROM dbo.scans AS s "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id AND p.part = 'test' "
        "INNER JOIN dbo.features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = ? "
        "INNER JOIN dbo.pooled_features AS v ON v.scan_id = s.scan_id AND v.feature_set_id = ? AND v.pooling = N'mean' "
        "WHERE s.is_primary = 1 ORDER BY s.scan_id;",
        feature_set,
        feature_set,
    ):
        scan = TripleScan(decode_vector(vector), (Part("mean", 0, cols),), (decode_array(array, rows, cols, digest),))
        nodules = _rows(
            connection,
            "SELECT x, y, z, diameter, malignancy FROM dbo.nodules WHERE scan_id = ? AND source = 'truth' "
            "ORDER BY diameter DESC;",
            scan_id,
        )
        found.append(_case(connection, scan_id, scan, nodules, place, preprocessing, cells, features))
    return found


def _case(
    connection: Connection,
    scan_id: int,
    scan: TripleScan,
    nodules: Sequence[tuple[Any, ...]],
    place: Sequence[Any],
    preprocessing: str,
    cells: int,
    features: Callable[[Sequence[Sequence[CtSlice]]], NDArray[np.float32]],
) -> Case:
    left, front, bottom, across, down, step, rows, cols = place
    if None in (left, front, bottom, across, down, step):
        raise LungdbError(f"Scan {scan_id} has no place in the patient. Load it again.")
    triples = pipeline(preprocessing).triples(
        _rows(connection, "SELECT COUNT(*) FROM dbo.scan_images WHERE scan_id = ?;", scan_id)[0][0]
    )
    positions = bottom + step * np.arange(triples[-1][-1] + 1)

    def reached(some: Sequence[tuple[Any, ...]]) -> Bools:
        touched = np.zeros(len(positions), dtype=bool)
        for _, _, z, diameter, _ in some:
            touched |= slices_touched(z, diameter, positions, step)
        return np.array([touched[list(triple)].any() for triple in triples])

    bad = [one for one in nodules if one[4] is not None and one[4] >= MALIGNANT]
    malignant, other = reached(bad), reached([one for one in nodules if one not in bad])
    none = np.empty((0, 0), dtype=np.float32)
    if not bad:
        return Case(scan, malignant, other, 0, [], none, none, np.empty(0, dtype=bool))
    height = np.clip(round((bad[0][2] - bottom) / step), 0, len(positions) - 1)
    triple = next(number for number, each in enumerate(triples) if height in each)
    stored = _rows(
        connection,
        "SELECT pixels, pixels_sha256, encoding, rescale_slope, rescale_intercept FROM dbo.scan_images "
        f"WHERE scan_id = ? AND slice_index IN ({', '.join(map(str, triples[triple]))}) ORDER BY slice_index;",
        scan_id,
    )
    slices = [CtSlice(decode_slice(blob, rows, cols, digest, way), *scale) for blob, digest, way, *scale in stored]
    slices += slices[-1:] * (3 - len(slices))
    grid = Grid(part_read(preprocessing, rows, cols) or (0, rows, 0, cols), cells, cells)
    inside = inside_body([each.hu for each in slices])
    lung = inside & (np.min([each.hu for each in slices], axis=0) < LUNG)
    chosen = []
    for cell in cells_inside(grid, lung):
        top, bottom_row, first, last = grid.cell(*cell)
        if lung[top:bottom_row, first:last].mean() >= 0.5:
            chosen.append(cell)
    marked = np.zeros((cells, cells), dtype=bool)
    edges = tuple(
        np.array([grid.cell(*at)[side] for at in ats] + [grid.cell(cells - 1, cells - 1)[side + 1]]) - 0.5
        for side, ats in ((0, [(n, 0) for n in range(cells)]), (2, [(0, n) for n in range(cells)]))
    )
    for x, y, z, diameter, _ in bad:
        near = np.abs(positions[list(triples[triple])] - z).min()
        if near < (diameter + step) / 2:
            radius = (diameter / 2 / down, diameter / 2 / across)
            marked |= cells_touched((y - front) / down, (x - left) / across, radius, (edges[0], edges[1]))
    made = features([slices, *([hide(each, grid.cell(*cell)) for each in slices] for cell in chosen)])
    return Case(scan, malignant, other, triple, chosen, made[0], made[1:], np.array([marked[cell] for cell in chosen]))


def _shuffle(connection: Connection, rng: np.random.Generator) -> None:
    """Give the labels of the training patients to each other, and train on them."""
    known = _rows(
        connection,
        "SELECT l.patient_id, l.label FROM dbo.labels AS l INNER JOIN dbo.splits AS s ON s.patient_id = l.patient_id "
        "WHERE s.part = 'train' ORDER BY l.patient_id;",
    )
    labels = rng.permutation([label for _, label in known])
    run(connection, "BEGIN TRANSACTION;")
    for (patient, _), label in zip(known, labels, strict=True):
        run(connection, "UPDATE dbo.labels SET label = ? WHERE patient_id = ?;", (int(label), patient))
    run(connection, "COMMIT TRANSACTION;")
    run(
        connection,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'shuffled', @Folds = 0, @Calibration = N'none';",
    )


def _model(connection: Connection, name: str) -> tuple[Model, int, Values]:
    """Give the newest model of a name, its feature set, and the mean vector of the training patients."""
    library, model, details, feature_set, pooling = _rows(
        connection,
        "SELECT TOP (1) library, model, details, feature_set_id, pooling FROM dbo.classifiers WHERE name = ? "
        "ORDER BY version DESC;",
        name,
    )[0]
    vectors = _rows(
        connection,
        "SELECT f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = 'train' AND f.feature_set_id = ? "
        "AND f.pooling = ?;",
        feature_set,
        pooling,
    )
    means: Values = np.array([decode_vector(vector) for (vector,) in vectors], dtype=np.float64).mean(axis=0)
    return Model(library, model, json.loads(details)), feature_set, means


if __name__ == "__main__":
    sys.exit(main())
