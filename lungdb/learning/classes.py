"""Classifiers of more than two classes, or of several labels at once: cross-validated by source, never within one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import logistic

ALGORITHMS = ("logistic", "lightgbm")
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
"""The penalties of the logistic regression to choose from, of standardised features."""

_STOPPING_FOLDS = 5  # one of so many parts of what is learnt from chooses the penalty or the number of trees
_STOPPING_ROUNDS = 50
_TO_LEARN = 2  # sources of a class at least, so that each fold learns from one

Features = NDArray[np.float32]
Truth = NDArray[np.bool_]
Scores = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ClassParameters:
    """How a classifier of classes is trained.

    Attributes
    ----------
    algorithm : str
        `logistic`: a regularised logistic regression of each class against the rest, whose probabilities are brought
        to the sum 1 where a picture has one class; `lightgbm`: boosted trees with a softmax over the classes, or a
        model a class where there are two or several at once.
    folds : int
        2 or more.
    seed : int
    undersample : bool
        Learn from as many of each class as the rarest has; of several labels at once, for each class from as many
        with it as without.
    l2 : float or None
        The penalty of `logistic`; None chooses it.
    learning_rate, num_leaves, min_data_in_leaf, max_iterations
        Of `lightgbm`.
    """

    algorithm: str = "logistic"
    folds: int = 5
    seed: int = 20170401
    undersample: bool = False
    l2: float | None = None
    learning_rate: float = 0.05
    num_leaves: int = 7
    min_data_in_leaf: int = 10
    max_iterations: int = 500


@dataclass(frozen=True)
class ClassModel:
    """A fitted classifier: what `score_classes` reads, and what was chosen."""

    model: bytes
    l2: float | None
    trees: int | None


@dataclass(frozen=True)
class TrainedClasses:
    """A trained classifier, and the out-of-fold scores float64[rows, classes] and folds of what it was trained on."""

    final: ClassModel
    folds: Integers
    scores: Scores


def train_classes(
    vectors: Features, truth: Truth, sources: Integers, parameters: ClassParameters, *, exclusive: bool
) -> TrainedClasses:
    """Cross-validate by source, then fit to all rows with the median of what the folds chose.

    Parameters
    ----------
    vectors : float32[rows, width]
    truth : bool[rows, classes]
        Which classes a row belongs to; one each where `exclusive`.
    sources : int64[rows]
        Rows of one source, such as a patient's pictures, are never in two folds.

    Raises
    ------
    ProcedureError
        50112 when all rows are of one class; 50113 when a class has too few sources.
    """
    _check_sources(truth, sources, parameters.folds)
    folds = draw_source_folds(truth, sources, parameters.folds, parameters.seed)
    scores = np.empty(truth.shape, dtype=np.float64)
    fitted = []
    for fold in range(parameters.folds):
        held_out = folds == fold
        if not held_out.any():
            continue
        seed = parameters.seed + 1 + fold
        kept = _stopping_part(truth[~held_out], sources[~held_out], seed)
        fitted.append(_fit(vectors[~held_out], truth[~held_out], kept, replace(parameters, seed=seed), exclusive))
        scores[held_out] = score_classes(parameters.algorithm, fitted[-1].model, vectors[held_out])
    settled = replace(
        parameters,
        l2=_median_penalty(fitted) if parameters.algorithm == "logistic" else None,
        max_iterations=_median_trees(fitted) if parameters.algorithm == "lightgbm" else parameters.max_iterations,
    )
    return TrainedClasses(_fit(vectors, truth, None, settled, exclusive), folds, scores)


def score_classes(library: str, model: bytes, vectors: Features) -> Scores:
    """Give the probability of each class, float64[rows, classes]; rows sum to 1 where a picture has one class.

    Raises
    ------
    ProcedureError
        50110 for vectors of another width; 50116 for a model that cannot be read.
    """
    read = _read(model)
    if vectors.shape[1] != read["width"]:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The pictures have {vectors.shape[1]} features and the model reads {read['width']}. Make the features "
            "that it was trained on.",
        )
    columns = [_scores_of(library, text, vectors) for text in read["models"]]
    return _combined(np.column_stack(columns), read["exclusive"])


def draw_source_folds(truth: Truth, sources: Integers, folds: int, seed: int) -> Integers:
    """Give each row a fold, all rows of a source the same.

    Sources are drawn by the seed, those of the rarest classes first, each into the fold with the fewest rows of its
    rarest class, so that a class with two sources or more is in two folds or more.
    """
    rng = np.random.default_rng(seed)
    names, place = np.unique(sources, return_inverse=True)
    place = place.reshape(-1)
    of_source = np.zeros((names.size, truth.shape[1]), dtype=np.int64)
    np.add.at(of_source, place, truth.astype(np.int64))
    rarity = np.argsort(np.argsort((of_source > 0).sum(axis=0), kind="stable"), kind="stable")
    rarest = np.array([min(np.flatnonzero(row), key=lambda each: rarity[each], default=-1) for row in of_source])
    order = rng.permutation(names.size)
    order = order[
        np.argsort([rarity[rarest[each]] if rarest[each] >= 0 else rarity.size for each in order], kind="stable")
    ]
    drawn = np.empty(names.size, dtype=np.int64)
    filled = np.zeros((folds, truth.shape[1]), dtype=np.int64)
    sizes = np.zeros(folds, dtype=np.int64)
    for source in order:
        of_class = filled[:, rarest[source]] if rarest[source] >= 0 else sizes
        fold = int(np.lexsort((sizes, of_class))[0])
        drawn[source] = fold
        filled[fold] += of_source[source]
        sizes[fold] += max(1, int(of_source[source].sum()))
    return drawn[place]


def class_log_loss(truth: Truth, scores: Scores, *, exclusive: bool) -> float:
    """Give the mean negative logarithm of the probability of the truth: of the one class, or over all classes."""
    epsilon = np.finfo(np.float64).eps
    clipped = np.clip(scores, epsilon, 1 - epsilon)
    if exclusive:
        return float(-np.mean(np.log(clipped[truth])))
    return float(-np.mean(np.where(truth, np.log(clipped), np.log(1 - clipped))))


def _check_sources(truth: Truth, sources: Integers, folds: int) -> None:
    counts = [len(np.unique(sources[truth[:, place]])) for place in range(truth.shape[1])]
    if len(counts) < 2:
        raise ProcedureError(
            ErrorNumber.ONE_CLASS,
            "The training part has pictures of one class only, so there is nothing to tell apart. Load pictures of "
            "others.",
        )
    every = len(np.unique(sources))
    if min(counts) < _TO_LEARN or every < folds:
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            f"The training part has {every} patients, groups or single pictures, of the rarest class {min(counts)}. "
            f"Load at least {folds} and {_TO_LEARN}, or take fewer @Folds.",
        )


def _stopping_part(truth: Truth, sources: Integers, seed: int) -> Truth:
    """Mark a fifth of the sources, less any class's last ones."""
    kept: Truth = draw_source_folds(truth, sources, _STOPPING_FOLDS, seed) == 0
    for place in range(truth.shape[1]):
        if not truth[~kept, place].any():
            kept &= ~np.isin(sources, sources[truth[:, place]])
    return kept


def _fit(
    vectors: Features, truth: Truth, kept: Truth | None, parameters: ClassParameters, exclusive: bool
) -> ClassModel:
    """Fit to the rows that are not kept to choose penalty or number of trees by; without any they are as given."""
    learning = np.ones(len(truth), dtype=bool) if kept is None else ~kept
    stopping = (vectors[kept], truth[kept]) if kept is not None and kept.any() else None
    fit = _fit_logistic if parameters.algorithm == "logistic" else _fit_boosting
    return fit(vectors[learning], truth[learning], stopping, parameters, exclusive)


def _fit_logistic(
    vectors: Features,
    truth: Truth,
    stopping: tuple[Features, Truth] | None,
    parameters: ClassParameters,
    exclusive: bool,
) -> ClassModel:
    best: tuple[float, float, bytes] | None = None
    given = parameters.l2
    penalties: Sequence[float] = PENALTIES if given is None and stopping is not None else (given or 1.0,)
    for l2 in penalties:
        texts = []
        for rows, labels in _problems(truth, parameters, exclusive):
            texts.append(logistic.fit(vectors[rows], labels, l2).to_json())
        model = _written(texts, vectors.shape[1], exclusive)
        loss = 0.0
        if stopping is not None and len(penalties) > 1:
            loss = class_log_loss(stopping[1], score_classes("logistic", model, stopping[0]), exclusive=exclusive)
        if best is None or loss < best[0]:
            best = (loss, l2, model)
    assert best is not None
    return ClassModel(best[2], best[1], None)


def _fit_boosting(
    vectors: Features,
    truth: Truth,
    stopping: tuple[Features, Truth] | None,
    parameters: ClassParameters,
    exclusive: bool,
) -> ClassModel:
    if exclusive and truth.shape[1] > 2:
        rows = _undersampled(truth, parameters) if parameters.undersample else np.arange(len(truth))
        problems = [(rows, truth[rows].argmax(axis=1))]
        checks = [stopping[1].argmax(axis=1)] if stopping else [None]
    else:
        problems = _problems(truth, parameters, exclusive)
        places = [1] if exclusive else range(truth.shape[1])
        checks = [stopping[1][:, place].astype(np.int64) if stopping else None for place in places]
    texts, trees = [], []
    for (rows, labels), check in zip(problems, checks, strict=True):
        validation = (stopping[0], check) if stopping is not None and check is not None else None
        classes = truth.shape[1] if len(problems) == 1 and exclusive and truth.shape[1] > 2 else 1
        text, best = _boost(vectors[rows], labels, validation, parameters, classes)
        texts.append(text)
        trees.append(best)
    return ClassModel(_written(texts, vectors.shape[1], exclusive), None, max(1, round(float(np.median(trees)))))


def _boost(
    vectors: Features,
    labels: Integers,
    validation: tuple[Features, Integers] | None,
    parameters: ClassParameters,
    classes: int,
) -> tuple[str, int]:
    import lightgbm  # only for those who train

    settings: dict[str, Any] = {
        "objective": "binary" if classes == 1 else "multiclass",
        "num_class": classes,
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.num_leaves,
        "min_data_in_leaf": parameters.min_data_in_leaf,
        "extra_trees": True,
        "feature_fraction": 0.5,
        "seed": parameters.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    train_set = lightgbm.Dataset(vectors, labels)
    given: dict[str, Any] = {}
    if validation is not None:
        given = {
            "valid_sets": [lightgbm.Dataset(*validation, reference=train_set)],
            "callbacks": [lightgbm.early_stopping(_STOPPING_ROUNDS, verbose=False)],
        }
    booster = lightgbm.train(settings, train_set, num_boost_round=parameters.max_iterations, **given)
    best = int(booster.best_iteration) if validation is not None else parameters.max_iterations
    return booster.model_to_string(num_iteration=best), best


def _problems(truth: Truth, parameters: ClassParameters, exclusive: bool) -> list[tuple[Integers, Integers]]:
    """Give the rows and labels of each class against the rest: of two classes that exclude each other the second's."""
    every = np.arange(len(truth))
    if exclusive and parameters.undersample:
        every = _undersampled(truth, parameters)
    problems = []
    for place in [1] if exclusive and truth.shape[1] == 2 else range(truth.shape[1]):
        rows = every
        if not exclusive and parameters.undersample:
            rows = _undersampled(np.column_stack([~truth[:, place], truth[:, place]]), parameters)
        problems.append((rows, truth[rows, place].astype(np.int64)))
    return problems


def _undersampled(truth: Truth, parameters: ClassParameters) -> Integers:
    """Draw as many rows of each class as the rarest has, in order."""
    rng = np.random.default_rng(parameters.seed)
    classes = [np.flatnonzero(truth[:, place]) for place in range(truth.shape[1])]
    fewest = min(members.size for members in classes)
    if not fewest:
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            "All pictures to learn from have a class in common, or none has it, so that none can be drawn against it. "
            "Leave that label out, or load pictures without it.",
        )
    return np.sort(np.concatenate([rng.permutation(members)[:fewest] for members in classes]))


def _scores_of(library: str, text: str, vectors: Features) -> Scores:
    if library == "logistic":
        return logistic.from_json(text).probabilities(vectors)
    import lightgbm

    try:
        return np.asarray(lightgbm.Booster(model_str=text).predict(vectors, num_threads=1), dtype=np.float64)
    except lightgbm.basic.LightGBMError as error:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"LightGBM cannot read the model ({str(error)[:200]}). Train it again."
        ) from None


def _combined(scores: Scores, exclusive: bool) -> Scores:
    if not exclusive:
        return scores
    if scores.shape[1] == 1:
        return np.column_stack([1 - scores, scores])
    sums = scores.sum(axis=1, keepdims=True)
    return np.asarray(np.where(sums > 0, scores / np.where(sums > 0, sums, 1), 1 / scores.shape[1]))


def _written(texts: list[str], width: int, exclusive: bool) -> bytes:
    return json.dumps({"width": width, "exclusive": exclusive, "models": texts}).encode()


def _read(model: bytes) -> dict[str, Any]:
    try:
        read = json.loads(model)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or {"width", "exclusive", "models"} - read.keys() or not read["models"]:
        raise ProcedureError(ErrorNumber.UNREADABLE, "The model is none of classes of pictures. Train it again.")
    return read


def _median_penalty(fitted: Sequence[ClassModel]) -> float:
    return float(np.exp(np.median(np.log([each.l2 for each in fitted if each.l2 is not None]))))


def _median_trees(fitted: Sequence[ClassModel]) -> int:
    return max(1, round(float(np.median([each.trees for each in fitted if each.trees is not None]))))
