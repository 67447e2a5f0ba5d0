"""Training a model on the feature vectors of patients: cross-validation or a validation part, then calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.algorithms import unfit_to_score
from lungdb.learning.boosting import Part, lightgbm_names
from lungdb.learning.calibration import apply_calibration, fit_calibration
from lungdb.learning.drawing import (
    check_counts,
    class_weights,
    count_patients,
    draw_folds,
    draw_validation,
    undersample,
)
from lungdb.learning.fitting import Fitted, fit_classifier, needs_validation
from lungdb.learning.parameters import FORESTS, READ_BY, TrainingParameters, least_to_learn_from
from lungdb.learning.regression import check_targets
from lungdb.learning.scoring import score_all

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Targets = NDArray[Any]
Scores = NDArray[np.float64]

_TO_CALIBRATE = 5  # of a class at least


@dataclass(frozen=True)
class _Rows:
    """What is trained on, a row a scan; owners and names as of `train`."""

    vectors: Features
    labels: Targets
    owners: Labels | None
    names: Sequence[str] | None

    def of(self, chosen: NDArray[np.bool_]) -> _Rows:
        """Give some of the rows."""
        owners = None if self.owners is None else self.owners[chosen]
        return _Rows(self.vectors[chosen], self.labels[chosen], owners, self.names)

    def classes(self, parameters: TrainingParameters) -> Labels:
        """Give the class of each row, within which patients are drawn; of a regression all are of one."""
        return np.zeros(self.labels.size, np.int64) if parameters.task == "regression" else self.labels


@dataclass(frozen=True)
class Trained:
    """A trained model and the scores of the patients whom it was trained on, in the order given.

    Attributes
    ----------
    library : str
        `lightgbm`, which forests are too, `logistic`, `network`, or `onnx` of noisy_or or an algorithm of a package.
    model : bytes
        LightGBM's model text, or the JSON of a logistic regression or network, UTF-8; or ONNX.
    best_iteration : int
        Number of trees, or of a network's passes; 0 for `logistic`.
    l2 : float or None
        The penalty of `logistic` and `network`.
    calibration : dict or None
        For `apply_calibration`.
    prevalence : float or None
        Share of positives that the probabilities are made for; None of a regression.
    curve : dict
        `train` and `validation`: log loss, of a regression the root mean squared error, after each tree, the mean of
        the folds up to the shortest one's end.
    parts : sequence of str
        `train` or `validation`.
    folds : int64[patients]
        The fold in which a patient was held out; -1 without folds.
    raw, probabilities : float64[patients]
        Before and after calibration; of a regression the number predicted, and NaN.
    out_of_fold : bool[patients]
        Whether the score comes from a model that was not fitted to the patient. Without folds it is so for the
        validation part, which chose the number of trees but none of them.
    notes : list of str
        What a user must know, such as that there were too few patients to calibrate.
    """

    library: str
    model: bytes
    best_iteration: int
    l2: float | None
    calibration: dict[str, Any] | None
    prevalence: float | None
    curve: dict[str, list[float]]
    parts: NDArray[np.str_]
    folds: Labels
    raw: Scores
    probabilities: Scores
    out_of_fold: NDArray[np.bool_]
    notes: list[str]


def train(
    vectors: Features,
    labels: Targets,
    parameters: TrainingParameters,
    owners: Labels | None = None,
    names: Sequence[str] | None = None,
) -> Trained:
    """Train on all the patients given.

    With folds, each fold is scored by a model that was trained on the others, and the final model is fitted to all
    patients with the median of the folds' numbers of trees, or of their penalties. Without, the model is fitted to
    those outside the validation part. Early stopping and the choice of a penalty have a part of their own either way:
    in a fold it is drawn from what the fold learns from.

    Parameters
    ----------
    vectors : float32[patients, width]
    labels : int64[patients] or float64[patients]
        0 or 1; numbers where the task is regression.
    parameters : TrainingParameters
    owners : int64[patients], optional
        A number for the patient of each row where patients have several: they are then in one fold and one part.
    names : sequence of str, optional
        Of the features, which LightGBM's model text is to have.

    Raises
    ------
    ProcedureError
        50112 when there is one class only; 50113 when a class has too few patients, or there are too few for two
        leaves of `min_data_in_leaf`; 50310 for numbers from which nothing can be learnt.
    """
    _check_labels(labels, parameters, owners)
    rows = _Rows(vectors, labels, owners, names)
    if parameters.folds:
        final, raw, folds, curve = _cross_validated(rows, parameters)
        parts = np.full(labels.size, "train", dtype="<U10")
        out_of_fold = np.ones(labels.size, dtype=bool)
    else:
        kept = draw_validation(rows.classes(parameters), parameters.validation_fraction, parameters.seed, owners)
        final = _fit(rows, kept, parameters)
        raw = _score(final, vectors, parameters)
        folds = np.full(labels.size, -1, dtype=np.int64)
        parts = np.where(kept, "validation", "train").astype("<U10")
        out_of_fold, curve = kept, final.curve
    calibration, probabilities, notes = _calibrate(raw, rows, folds, out_of_fold, parameters)
    prevalence = None
    if parameters.task == "classification":
        is_natural = calibration is not None or parameters.imbalance == "none"
        prevalence = float(np.mean(labels == 1)) if is_natural else _balanced_share(labels, owners, parameters)
    return Trained(
        library=final.library,
        model=final.model,
        best_iteration=final.best_iteration,
        l2=final.l2,
        calibration=calibration,
        prevalence=prevalence,
        curve=curve,
        parts=parts,
        folds=folds,
        raw=raw,
        probabilities=probabilities,
        out_of_fold=out_of_fold,
        notes=notes,
    )


def _check_labels(labels: Targets, parameters: TrainingParameters, owners: Labels | None) -> None:
    if parameters.task == "regression":
        check_targets(labels, parameters.folds, owners)
    else:
        check_counts(labels, parameters.folds, owners)


def _balanced_share(labels: Labels, owners: Labels | None, parameters: TrainingParameters) -> float:
    """Give the share of positives that was learnt from where classes were balanced: of rows, which are scans."""
    if parameters.imbalance != "undersample":
        return 0.5
    return float(np.mean(labels[undersample(labels, parameters.seed, owners)] == 1))


@dataclass(frozen=True)
class CrossValidated:
    """What cross-validation found: each patient's fold and raw score from there, and the fitted model of each fold."""

    folds: Labels
    raw: Scores
    fitted: list[Fitted]


def cross_validate(
    vectors: Features,
    labels: Targets,
    parameters: TrainingParameters,
    owners: Labels | None = None,
    names: Sequence[str] | None = None,
) -> CrossValidated:
    """Score each fold of patients by a model trained on the others; the arguments and errors are those of `train`."""
    _check_labels(labels, parameters, owners)
    rows = _Rows(vectors, labels, owners, names)
    folds = draw_folds(rows.classes(parameters), parameters.folds, parameters.seed, owners)
    raw = np.empty(labels.size, dtype=np.float64)
    fitted = []
    for fold in range(parameters.folds):
        held_out = folds == fold
        outside = rows.of(~held_out)
        kept = np.zeros(outside.labels.size, dtype=bool)
        if needs_validation(parameters):
            seed = parameters.seed + 1 + fold
            classes = outside.classes(parameters)
            kept = draw_validation(classes, parameters.validation_fraction, seed, outside.owners)
        fitted.append(_fit(outside, kept, parameters))
        raw[held_out] = _score(fitted[-1], vectors[held_out], parameters)
    return CrossValidated(folds, raw, fitted)


def _score(fitted: Fitted, vectors: Features, parameters: TrainingParameters) -> Scores:
    """Score by a model that was just fitted; what a package's model cannot score is told with the package."""
    try:
        return score_all(fitted.library, fitted.model, vectors, parameters.task)
    except ProcedureError as refusal:
        if parameters.package is None or refusal.number != ErrorNumber.UNREADABLE:
            raise
        raise unfit_to_score(parameters.algorithm, parameters.package, refusal) from None


def settle(fitted: list[Fitted], parameters: TrainingParameters) -> TrainingParameters:
    """Give the parameters of the final model: the median of the folds' numbers of trees, or of their penalties."""
    if parameters.algorithm in (*FORESTS, "noisy_or") or parameters.algorithm not in READ_BY:
        return parameters
    if parameters.algorithm in ("lightgbm", "network"):
        iterations = np.median([each.best_iteration for each in fitted])
        parameters = replace(parameters, max_iterations=max(1, round(float(iterations))))
    if parameters.algorithm == "lightgbm":
        return parameters
    # Penalties differ by factors, so the median is that of their logarithms.
    penalties = np.log([each.l2 for each in fitted if each.l2 is not None])
    return replace(parameters, l2=float(np.exp(np.median(penalties))))


def _cross_validated(
    rows: _Rows, parameters: TrainingParameters
) -> tuple[Fitted, Scores, Labels, dict[str, list[float]]]:
    found = cross_validate(rows.vectors, rows.labels, parameters, rows.owners, rows.names)
    settled = settle(found.fitted, parameters)
    final = fit_classifier(_learning(rows, settled), None, settled)
    return final, found.raw, found.folds, _mean_curve([fitted.curve for fitted in found.fitted])


def _fit(rows: _Rows, kept: NDArray[np.bool_], parameters: TrainingParameters) -> Fitted:
    """Fit to the patients who are not kept for early stopping."""
    learning = _learning(rows.of(~kept), parameters)
    if learning.labels.size < least_to_learn_from(parameters):
        fewer_kept_out = ", or take @Folds = 0" if parameters.folds else ""
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            f"{learning.labels.size} patients are left to learn from, too few for two leaves of "
            f"{parameters.min_data_in_leaf}. Load more patients or lower @MinDataInLeaf{fewer_kept_out}.",
        )
    weights = _weights(rows.labels[kept], rows.labels[~kept], parameters.imbalance != "none")
    validation = Part(rows.vectors[kept], rows.labels[kept], weights) if kept.any() else None
    return fit_classifier(learning, validation, parameters)


def _learning(rows: _Rows, parameters: TrainingParameters) -> Part:
    names = None if rows.names is None else lightgbm_names(rows.names)
    labels = rows.labels
    if parameters.imbalance == "undersample":
        chosen = undersample(labels, parameters.seed, rows.owners)
        return Part(rows.vectors[chosen], labels[chosen], None, names)
    return Part(rows.vectors, labels, _weights(labels, labels, parameters.imbalance == "class_weight"), names)


def _weights(labels: Labels, learnt_from: Labels, balanced: bool) -> Scores | None:
    if not balanced:
        return None
    negative, positive = class_weights(learnt_from)
    return np.where(labels == 1, positive, negative)


def _mean_curve(curves: list[dict[str, list[float]]]) -> dict[str, list[float]]:
    mean = {}
    for part in ("train", "validation"):
        length = min(len(curve[part]) for curve in curves)
        mean[part] = [float(np.mean([curve[part][place] for curve in curves])) for place in range(length)]
    return mean


def _calibrate(
    raw: Scores, rows: _Rows, folds: Labels, out_of_fold: NDArray[np.bool_], parameters: TrainingParameters
) -> tuple[dict[str, Any] | None, Scores, list[str]]:
    """Fit on the scores that are out of fold; a fold's own probabilities come from a fit on the other folds' scores."""
    if parameters.task == "regression":
        return None, np.full(raw.size, np.nan), []
    if parameters.calibration == "none":
        return None, raw, []
    held_out = rows.of(out_of_fold)
    fewest = min(count_patients(held_out.labels, held_out.owners))
    if fewest < _TO_CALIBRATE:
        note = (
            f"The probabilities are not calibrated: {fewest} patients of a class are left for it and "
            f"{_TO_CALIBRATE} are needed. Load more patients or use @Folds."
        )
        return None, raw, [note]

    def fit(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        return fit_calibration(parameters.calibration, raw[chosen], rows.labels[chosen])

    calibration = fit(out_of_fold)
    probabilities = apply_calibration(calibration, raw)
    for fold in range(parameters.folds):
        probabilities[folds == fold] = apply_calibration(fit(folds != fold), raw[folds == fold])
    return calibration, probabilities, []
