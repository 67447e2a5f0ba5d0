"""What dbo.ExplainScans calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, from_hex
from lungdb.learning.calibration import sigmoid
from lungdb.learning.explaining.attribution import contributions
from lungdb.learning.explaining.slices import explain_triples
from lungdb.learning.explaining.vectors import Part, TripleScan, check_scan
from lungdb.learning.vectors import read_model_vector
from lungdb.procedures.checks import check_columns, check_model, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import task_of

_COLUMNS = ("prediction_id", "position", "vector", "raw", "array_rows", "array_cols", "array", "sha256")
_RESULT = {
    "prediction_id": np.int32,
    "kind": object,
    "member": np.int32,
    "place": np.int32,
    "x": np.float64,
    "value": np.float64,
    "standard_error": np.float64,
    "error": object,
}
_SAME = 1e-6  # the score that is stored, and the one that is explained

Values = NDArray[np.float64]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class _Model:
    """A model as the procedures hand it over, its pieces of the vector by position, and the training means."""

    library: str
    model: bytes
    details: dict[str, Any]
    parts: dict[int, Part]
    means: Values


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def explain_scans(
    scans: pd.DataFrame,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    parts: str,
    means: str,
    features: bool,
    permutations: int,
    seed: int,
) -> tuple[pd.DataFrame, int, str]:
    """Explain stored scores of one model.

    Parameters
    ----------
    scans : DataFrame
        One row a prediction and part of its vector, those of a prediction together: `prediction_id` (whole number),
        `position` (of the part; any number where there is none), `vector` (JSON, of the first row of a prediction
        alone), `raw` (float, the raw score that is stored or NaN), `array_rows`, `array_cols`, `array` and `sha256` (in
        hexadecimal; empty where a prediction has no part).
    model, model_sha256, library, details
        As of `predict_lung_cancer`.
    parts : str
        JSON array of [position, pooling, first_index, width] for each piece of the vector that is pooled of features.
    means : str
        JSON array of [feature, mean over the training scans]; what is not known is not there.
    features : bool
        Whether the contributions of features are wanted.
    permutations, seed : int
        Of the estimates; without permutations there are no Shapley values.

    Returns
    -------
    result : DataFrame
        `prediction_id`, `member`, `place` (int32), `kind`, `x`, `value`, `standard_error` (float64, NaN for what is not
        there) and `error`. One row of the kind `head` a prediction: `x` is the margin, `value` that of the reference,
        `place` how many rows of other kinds it has. `feature`: `place` is the feature in the vector or -1 for the
        expected margin, `x` the feature's value, `value` its contribution; those that contribute nothing have no row.
        `without`, `share` and `shapley`: `place` is the triple. `error` in place of all these: `place` is the number of
        the refusal, and `error` says what is wrong with that prediction.
    error_number, error_message : int, str
        0 and empty, or a refusal of all: 50101, 50105, 50110, 50116 and 50371, 50372 of the model.
    """
    try:
        read = check_model(model, model_sha256, library, details)
        explained = _Model(library, model, read, _parts(parts), _means(means, read))
        return _frame(_explain(scans, explained, bool(features), int(permutations), int(seed))), 0, ""
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message


def _explain(scans: pd.DataFrame, model: _Model, features: bool, permutations: int, seed: int) -> Iterator[Row]:
    check_columns(scans, _COLUMNS)
    ids = whole_numbers(scans, "prediction_id")
    starts = np.flatnonzero(np.diff(ids, prepend=-1))
    columns = {name: scans[name].tolist() for name in _COLUMNS[1:]}
    columns["raw"] = scans["raw"].to_numpy(dtype=np.float64).tolist()  # NULL in whatever form
    read: list[tuple[int, TripleScan, float]] = []
    for start, end in zip(starts, [*starts[1:], ids.size], strict=True):
        try:
            pieces = [{name: values[row] for name, values in columns.items()} for row in range(start, end)]
            read.append((int(ids[start]), _scan(pieces, model), float(pieces[0]["raw"])))
        except LungdbError as refusal:
            number = refusal.number if isinstance(refusal, ProcedureError) else ErrorNumber.DAMAGED
            yield _error(int(ids[start]), number, str(refusal))
    # What a model cannot give is told before the slices are worked on.
    vectors = np.stack([scan.vector for _, scan, _ in read]) if read else np.empty((0, 0), np.float32)
    given = (model.library, model.model, model.details)
    found = contributions(*given, vectors, model.means, permutations, seed) if features and read else []
    for place, (prediction, scan, raw) in enumerate(read):
        try:
            triples = explain_triples(*given, scan, model.means, permutations, seed)
        except ProcedureError:
            raise
        except LungdbError as refusal:  # of a package's pooling
            yield _error(prediction, ErrorNumber.NOT_REGISTERED, str(refusal))
            continue
        margin = np.array([triples.margin])
        scored = margin if task_of(model.details) == "regression" else sigmoid(margin)
        if abs(scored[0] - raw) > _SAME * max(1.0, abs(raw)):  # NaN, of before it was recorded, is never greater
            yield _error(
                prediction,
                ErrorNumber.SCORE_OUTDATED,
                f"The score that is stored is {raw:.6g}, and the model gives the stored vector {scored[0]:.6g}. Score "
                "the scan again.",
            )
            continue
        rows = [_row(prediction, "without", 0, triple, value=value) for triple, value in enumerate(triples.without)]
        for triple, (value, error) in enumerate(zip(triples.values, triples.errors, strict=True)):
            rows.append(_row(prediction, triples.method, 0, triple, value=value, error=error))
        for each in found:
            own = vectors[place, each.first_index : each.first_index + each.values.shape[1]]
            rows.append(_row(prediction, "feature", each.member, -1, value=each.expected[place]))
            for feature in np.flatnonzero(each.values[place]):
                error = np.nan if each.errors is None else each.errors[place, feature]
                at = each.first_index + int(feature)
                rows.append(
                    _row(prediction, "feature", each.member, at, own[feature], each.values[place, feature], error)
                )
        yield _row(prediction, "head", 0, len(rows), triples.margin, triples.reference_margin)
        yield from rows


def _scan(rows: Sequence[dict[str, Any]], model: _Model) -> TripleScan:
    """Read the rows of a prediction; LungdbError when something is damaged or does not fit."""
    if model.parts and sorted(int(row["position"]) for row in rows) != sorted(model.parts):
        raise ProcedureError(
            ErrorNumber.SCORE_OUTDATED,
            "Features that the model reads were replaced or removed meanwhile. Call GenerateFeatures, and explain the "
            "score again.",
        )
    vector = read_model_vector(rows[0]["vector"], model.library, model.details)
    if vector.size != model.details.get("width"):
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The scan has {vector.size} features and the model reads {model.details.get('width')}. Generate the "
            "features that the model was trained on, or train again.",
        )
    parts, arrays = [], []
    for row in rows if model.parts else ():
        blob, sha256 = from_hex(row["array"]), from_hex(row["sha256"])
        arrays.append(decode_array(blob, int(row["array_rows"]), int(row["array_cols"]), sha256))
        parts.append(model.parts[int(row["position"])])
    scan = TripleScan(vector, tuple(parts), tuple(arrays))
    check_scan(scan)
    return scan


def _parts(text: str) -> dict[int, Part]:
    return {int(position): Part(pooling, first, width) for position, pooling, first, width in json.loads(text)}


def _means(text: str, details: dict[str, Any]) -> Values:
    width = details.get("width")
    if not isinstance(width, int):
        raise ProcedureError(ErrorNumber.UNREADABLE, "The model's details do not say its width. Train it again.")
    means = np.full(width, np.nan)
    for feature, mean in json.loads(text):
        if 0 <= feature < width:
            means[feature] = mean
    return means


def _row(
    prediction: int,
    kind: str,
    member: int,
    place: int,
    x: float = np.nan,
    value: float = np.nan,
    error: float = np.nan,
) -> Row:
    return prediction, kind, member, place, float(x), float(value), float(error), ""


def _error(prediction: int, number: int, message: str) -> Row:
    return prediction, "error", 0, int(number), np.nan, np.nan, np.nan, message


def _frame(rows: Iterator[Row] | list[Row]) -> pd.DataFrame:
    listed = list(zip(*rows, strict=True)) or [()] * len(_RESULT)
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series(values, dtype=dtype) for (name, dtype), values in zip(_RESULT.items(), listed, strict=True)}
    )
    return frame
