"""Ensembles: the mean of log-odds of several classifiers at one prevalence, and their JSON, which holds the members.

A mean of calibrated scores is not calibrated, so that an ensemble has a calibration of its own, fitted on the scores of
patients that none of its members has learnt from.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.calibration import correct_prevalence, fit_calibration, log_odds, sigmoid
from lungdb.learning.drawing import count_patients, draw_folds

LIBRARIES = ("lightgbm", "logistic", "network", "onnx")
_IN_BASE64 = "onnx"
_FOLDS = 5
TO_RECALIBRATE = 5  # of a class at least

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """A classifier in an ensemble.

    Attributes
    ----------
    name : str
    version : int
    library : str
        One of `LIBRARIES`.
    model : bytes
    first_index, width : int
        Where its features stand in the ensemble's vector.
    calibration : dict or None
        For `apply_calibration`.
    prevalence : float
        Share of positives that its probabilities are made for.
    """

    name: str
    version: int
    library: str
    model: bytes
    first_index: int
    width: int
    calibration: dict[str, Any] | None
    prevalence: float


@dataclass(frozen=True)
class Ensemble:
    """Members, the number of features of a vector, and the prevalence at which log-odds are averaged."""

    members: tuple[Member, ...]
    width: int
    prevalence: float

    def to_json(self) -> str:
        """Write it as a JSON object; `from_json` reads back the same."""
        members = []
        for member in self.members:
            is_text = member.library != _IN_BASE64
            members.append(
                {
                    "name": member.name,
                    "version": member.version,
                    "library": member.library,
                    "model": member.model.decode() if is_text else base64.b64encode(member.model).decode(),
                    "first_index": member.first_index,
                    "width": member.width,
                    "calibration": member.calibration,
                    "prevalence": member.prevalence,
                }
            )
        return json.dumps({"width": self.width, "prevalence": self.prevalence, "members": members})


def from_json(text: str) -> Ensemble:
    """Read what `to_json` wrote; ProcedureError 50116 for anything else."""
    try:
        read = json.loads(text)
        members = tuple(_member(each, int(read["width"])) for each in read["members"])
        ensemble = Ensemble(members, int(read["width"]), _share(read["prevalence"]))
    except (TypeError, ValueError, KeyError, RecursionError):
        members = ()
    if not members:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The model is not an ensemble in JSON. Make it again with CreateEnsemble."
        )
    return ensemble


def combine(probabilities: Scores, prevalences: Sequence[float], prevalence: float) -> Scores:
    """Average log-odds.

    Parameters
    ----------
    probabilities : float64[members, patients]
        Calibrated, 0…1.
    prevalences : sequence of float
        The share of positives that each member's probabilities are made for.
    prevalence : float
        The share at which they are averaged.

    Returns
    -------
    float64[patients]
        Sigmoids of the means, 0…1.
    """
    return sigmoid(mean_log_odds(probabilities, prevalences, prevalence))


def mean_log_odds(probabilities: Scores, prevalences: Sequence[float], prevalence: float) -> Scores:
    """Give float64[patients], the log-odds of what `combine` gives, before they become a probability."""
    moved = [
        log_odds(correct_prevalence(each, made_for, prevalence))
        for each, made_for in zip(probabilities, prevalences, strict=True)
    ]
    return np.asarray(np.mean(np.stack(moved), axis=0))


@dataclass(frozen=True)
class Recalibrated:
    """A calibration or None, the patients' probabilities with it, and what a user must know."""

    calibration: dict[str, Any] | None
    probabilities: Scores
    notes: list[str]


def recalibrate(
    raw: Scores, labels: NDArray[np.int64], is_test: NDArray[np.bool_], owners: NDArray[np.int64], seed: int
) -> Recalibrated:
    """Fit Platt's curve on the patients outside of the test part, all of them out of fold for every member.

    Their own probabilities come from fits on the other patients, in five folds.

    Parameters
    ----------
    raw : float64[patients]
        From `combine`.
    labels : int64[patients]
        0 or 1; those of test patients are not looked at.
    is_test : bool[patients]
    owners : int64[patients]
        A number for the patient, where a patient has several scans.
    seed : int
        Of the folds.
    """
    learnt = np.flatnonzero(~is_test)
    fewest = min(count_patients(labels[learnt], owners[learnt]))
    if fewest < TO_RECALIBRATE:
        note = (
            f"The ensemble is not calibrated: {fewest} patients of a class are out of fold for every member and "
            f"{TO_RECALIBRATE} are needed. A mean of calibrated scores is not calibrated; train members with @Folds."
        )
        return Recalibrated(None, raw, [note])
    calibration = fit_calibration("platt", raw[learnt], labels[learnt])
    probabilities = _applied(calibration, raw)
    folds = draw_folds(labels[learnt], _FOLDS, seed, owners[learnt])
    for fold in range(_FOLDS):
        others = learnt[folds != fold]
        of_fold = learnt[folds == fold]
        probabilities[of_fold] = _applied(fit_calibration("platt", raw[others], labels[others]), raw[of_fold])
    return Recalibrated(calibration, probabilities, [])


def _applied(calibration: dict[str, Any], raw: Scores) -> Scores:
    return sigmoid(float(calibration["slope"]) * log_odds(raw) + float(calibration["intercept"]))


def _member(read: dict[str, Any], width: int) -> Member:
    library = str(read["library"])
    if library not in LIBRARIES:
        raise ValueError(library)
    text = read["model"]
    member = Member(
        name=str(read["name"]),
        version=int(read["version"]),
        library=library,
        model=base64.b64decode(text, validate=True) if library == _IN_BASE64 else text.encode(),
        first_index=int(read["first_index"]),
        width=int(read["width"]),
        calibration=read["calibration"],
        prevalence=_share(read["prevalence"]),
    )
    if not 0 <= member.first_index < member.first_index + member.width <= width:
        raise ValueError(member.first_index)
    return member


def _share(value: Any) -> float:
    if not 0 < value < 1:
        raise ValueError(value)
    return float(value)
