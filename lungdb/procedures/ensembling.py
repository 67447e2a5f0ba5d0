"""What dbo.CreateEnsemble calls."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lungdb
from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import from_hex
from lungdb.learning.drawing import count_patients
from lungdb.learning.ensembles import LIBRARIES, TO_RECALIBRATE, Ensemble, Member, combine, recalibrate
from lungdb.learning.vectors import read_names
from lungdb.procedures.checks import check_columns, check_model
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COLUMNS = ("position", "name", "version", "library", "model", "sha256", "details", "first_index")
_RESULT = {
    "place": np.int32,
    "part": object,
    "fold": np.int32,
    "raw": np.float64,
    "probability": np.float64,
    "out_of_fold": np.int32,
}
_TEST = -1  # the label that a test patient is sent with

Result = tuple[pd.DataFrame, bytes, str, int, str]


@for_t_sql({4: MESSAGE})
def create_ensemble(members: pd.DataFrame, scores: str, seed: int, names: str | None) -> Result:
    """Make an ensemble of trained classifiers.

    Parameters
    ----------
    members : DataFrame
        One row a member: `position`, `name`, `version`, `library`, `model` (hexadecimal), `sha256` (hexadecimal),
        `details` (JSON), `first_index` (where its features begin in the ensemble's vector).
    scores : str
        JSON array of [place, label, patient, probabilities] of the scans that no member has learnt from: the label is
        -1 of a test patient, the patient a number, the probabilities those of the members in order of their positions.
    seed : int
        Of the recalibration's folds.
    names : str or None
        As of `train_lung_cancer_model`.

    Returns
    -------
    result : DataFrame
        In the order of `scores`: `place` (int32), `part` (train or test), `fold` (int32, -1), `raw` and `probability`
        (float64, 0…1, before and after the recalibration), `out_of_fold` (int32, 1).
    model : bytes
        The ensemble's JSON, with its members whole.
    details : str
        JSON as of `train_lung_cancer_model`; `calibration` is null where too few patients were given, and `notes` say
        so.
    error_number, error_message : int, str
        0 and empty, or a refusal with the rest empty: 50105 and 50116 for a member that is damaged, 50154 for one whose
        prevalence is not known.
    """
    try:
        return _create(members, scores, seed, names)
    except ProcedureError as refusal:
        return _frame([], np.empty(0), np.empty(0), np.empty(0, bool)), b"", "{}", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([], np.empty(0), np.empty(0), np.empty(0, bool)), b"", "{}", ErrorNumber.UNREADABLE, str(refusal)


def _create(frame: pd.DataFrame, scores: str, seed: int, names: str | None) -> Result:
    check_columns(frame, _COLUMNS)
    members = [_member(row) for row in frame.sort_values("position").to_dict("records")]
    if not members:
        raise ProcedureError(ErrorNumber.CHANGED_MEANWHILE, "The members were deleted meanwhile. Call it again.")
    given = json.loads(scores)
    places = [int(place) for place, *_ in given]
    labels = np.array([label for _, label, _, _ in given], dtype=np.int64)
    owners = np.array([owner for _, _, owner, _ in given], dtype=np.int64)
    probabilities = np.array([each for *_, each in given], dtype=np.float64).reshape(len(given), len(members)).T
    is_test = labels == _TEST
    # Of a few patients the share says nothing; then it is that of the members.
    is_enough = min(count_patients(labels[~is_test], owners[~is_test])) >= TO_RECALIBRATE
    of_members = float(np.mean([each.prevalence for each in members]))
    prevalence = float(np.mean(labels[~is_test] == 1)) if is_enough else of_members
    raw = combine(probabilities, [each.prevalence for each in members], prevalence)
    found = recalibrate(raw, labels, is_test, owners, seed)
    width = max(each.first_index + each.width for each in members)
    ensemble = Ensemble(tuple(members), width, prevalence)
    details = {
        "width": width,
        "parameters": {
            "algorithm": "ensemble",
            "seed": seed,
            "calibration": "platt",
            "members": [{"name": each.name, "version": each.version} for each in members],
        },
        "trees": None,
        "calibration": found.calibration,
        "prevalence": prevalence,
        "training_curve": {"train": [], "validation": []},
        "notes": found.notes,
        "patients": {"train": int(np.sum(~is_test)), "test": int(np.sum(is_test))},
        "libraries": {"lungdb": lungdb.__version__, "lightgbm": version("lightgbm"), "numpy": np.__version__},
    }
    if (feature_names := read_names(names)) is not None:
        details["feature_names"] = feature_names
    result = _frame(places, raw, found.probabilities, is_test)
    return result, ensemble.to_json().encode(), json.dumps(details), 0, ""


def _member(row: dict[str, Any]) -> Member:
    try:
        model = from_hex(row["model"])
    except ValueError:
        raise ProcedureError(ErrorNumber.UNREADABLE, "A member's model is no hexadecimal text.") from None
    library = str(row["library"])
    if library not in LIBRARIES:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"The library {library!r} of a member is not supported. Leave that member out."
        )
    details = check_model(model, row["sha256"], library, row["details"])
    prevalence, width = details.get("prevalence"), details.get("width")
    if not isinstance(prevalence, float) or not 0 < prevalence < 1 or not isinstance(width, int):
        raise ProcedureError(
            ErrorNumber.UNKNOWN_PREVALENCE,
            f"It is not known which share of positives the member {row['name']!r} was trained on. Leave it out.",
        )
    return Member(
        name=str(row["name"]),
        version=int(row["version"]),
        library=library,
        model=model,
        first_index=int(row["first_index"]),
        width=width,
        calibration=details.get("calibration"),
        prevalence=prevalence,
    )


def _frame(
    places: list[int],
    raw: NDArray[np.float64],
    probability: NDArray[np.float64],
    is_test: NDArray[np.bool_],
) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "place": places,
        "part": np.where(is_test, "test", "train").astype(object),
        "fold": np.full(len(places), -1),
        "raw": raw,
        "probability": probability,
        "out_of_fold": np.ones(len(places)),
    }
    frame: pd.DataFrame = pd.DataFrame({name: pd.Series(columns[name], dtype=dtype) for name, dtype in _RESULT.items()})
    return frame
