"""Which algorithms and settings a search tries, and how good one of them is."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.drawing import fewest_to_learn_from
from lungdb.learning.metrics import auc, log_loss
from lungdb.learning.parameters import READ_BY, TrainingParameters, least_to_learn_from, read_parameters
from lungdb.learning.training import cross_validate
from lungdb.learning.vectors import MAY_MISS

MOST_TRIALS = 10_000
KEPT = 3  # one trial in so many goes on to the next rung

# Those that dbo.TrainLungCancerModel takes, so that the best trial can be trained.
SETTINGS = (
    "algorithm",
    "learning_rate",
    "num_leaves",
    "min_data_in_leaf",
    "max_iterations",
    "early_stopping_rounds",
    "validation_fraction",
    "imbalance",
    "l2",
    "hidden",
)
_OF_ALL = ("algorithm", "imbalance")
_DEFAULT_ALGORITHM = TrainingParameters().algorithm
_WHOLE = {field.name for field in fields(TrainingParameters) if isinstance(field.default, int)}
_DRAWS = 100  # for each trial, enough to meet every one of a small space
_DIGITS = 6  # of a number that is drawn: enough, and short to read

DEFAULT_RANDOM = """{"learning_rate": {"low": 0.01, "high": 0.3, "log": true},
    "num_leaves": {"low": 3, "high": 31, "log": true}, "min_data_in_leaf": {"low": 3, "high": 30, "log": true}}"""
DEFAULT_GRID = '{"learning_rate": [0.02, 0.05, 0.1], "num_leaves": [3, 7, 15], "min_data_in_leaf": [5, 10, 20]}'

Setting = float | int | str | list[int]


@dataclass(frozen=True)
class Range:
    """Values from `low` to `high`, both included: whole or not, and even on a logarithmic scale or a plain one."""

    low: float
    high: float
    is_log: bool
    is_whole: bool

    def at(self, share: float) -> float | int:
        """Give the value at a share, 0…1, of the way from low to high."""
        # Half a step more at both ends gives the outermost whole numbers as much as the others.
        margin = 0.5 if self.is_whole else 0.0
        low, high = self.low - margin, self.high + margin
        if self.is_log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.is_whole else _rounded(value)


Space = dict[str, list[Setting] | Range]
Trial = tuple[int, dict[str, Setting]]


def read_space(text: str) -> Space:
    """Read the space of a search from a JSON object: for each setting a list of values, or low, high and log.

    Raises
    ------
    ProcedureError
        50160 when the text is no such object, names something else than `SETTINGS`, or a value is out of range.
    """
    try:
        given = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not given:
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE, 'The parameter @Space is no JSON object. Give one such as {"num_leaves": [3, 7]}.'
        )
    space = {name: _read_choice(name, choice) for name, choice in given.items()}
    algorithms = space.get("algorithm", [_DEFAULT_ALGORITHM])
    assert isinstance(algorithms, list)  # _read_choice refuses a range of what is no number
    for name in space:
        if not any(_reads(str(algorithm), name) for algorithm in algorithms):
            raise ProcedureError(
                ErrorNumber.SEARCH_SPACE,
                f"The space names {name}, which is not read by {' or '.join(map(str, algorithms))}. Leave it out, or "
                "name an algorithm that reads it.",
            )
    return space


def _reads(algorithm: str, name: str) -> bool:
    """Tell whether a setting has a meaning for an algorithm inside of a fold."""
    stops_early = "early_stopping_rounds" in READ_BY[algorithm]
    return name in _OF_ALL or name in READ_BY[algorithm] or (name == "validation_fraction" and stops_early)


def _read_only(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Leave out the settings that the algorithm among them does not read."""
    algorithm = str(settings.get("algorithm", _DEFAULT_ALGORITHM))
    return {name: value for name, value in settings.items() if _reads(algorithm, name)}


def allows(negatives: int, positives: int, folds: int, settings: dict[str, Setting], scans_each: float = 1.0) -> bool:
    """Tell whether so many training patients are enough for two leaves in every fold of a trial with these settings.

    Leaves hold scans. Where patients have several, `scans_each` on average, it is as if each had as many as the others.
    """
    parameters = read_parameters(json.dumps(settings))
    fewest = fewest_to_learn_from(
        negatives,
        positives,
        folds,
        parameters.validation_fraction,
        is_undersampled=parameters.imbalance == "undersample",
    )
    return fewest * scans_each >= least_to_learn_from(parameters)


def may_be_missing(settings: dict[str, Setting]) -> bool:
    """Tell whether a trial with these settings can do without a value of a feature."""
    return str(settings.get("algorithm", _DEFAULT_ALGORITHM)) in MAY_MISS


def draw_trials(
    space: Space,
    matrices: int,
    method: str,
    trials: int,
    seed: int,
    is_allowed: Callable[[Trial], bool] = lambda trial: True,
) -> list[Trial]:
    """Make the trials of a search: the number of a feature matrix, 0 to `matrices` - 1, and settings.

    Parameters
    ----------
    space : dict
        From `read_space`.
    matrices : int
        Number of feature matrices to choose from.
    method : str
        `grid`, every combination of the lists with every matrix; or `random`, `trials` different ones drawn by `seed`.
    is_allowed : callable
        Whether a drawn trial can be made, as `allows` tells; another is drawn in place of one that cannot.

    Raises
    ------
    ProcedureError
        50160 for a grid over a range; 50161 for a grid of more than 10000 trials, or a space of fewer different ones
        than asked for; 50113 where none that was drawn is allowed.
    """
    lists = {name: choice for name, choice in space.items() if isinstance(choice, list)}
    if method == "grid":
        return _grid(space, lists, matrices)
    return _draw(space, matrices, trials, np.random.default_rng(seed), is_allowed)


def figures(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    parameters: TrainingParameters,
    owners: NDArray[np.int64] | None = None,
) -> tuple[float, float]:
    """Cross-validate and give AUC and log loss of the raw scores of the scans held out; arguments as of `train`."""
    raw = cross_validate(vectors, labels, parameters, owners).raw
    area, loss = auc(labels, raw), log_loss(labels, raw)
    assert area is not None
    assert loss is not None  # cross_validate refuses patients of one class and none
    return area, loss


def at_rung(parameters: TrainingParameters, rung: int, rungs: int) -> TrainingParameters:
    """Give the parameters of a trial at a rung of successive halving, 0 to `rungs` - 1: at the last one all its trees.

    A rung has a third of the trees of the next one and three times its trials (Jamieson and Talwalkar, Non-stochastic
    best arm identification and hyperparameter optimization, 2016).
    """
    return replace(parameters, max_iterations=max(1, math.ceil(parameters.max_iterations / KEPT ** (rungs - 1 - rung))))


def _grid(space: Space, lists: dict[str, list[Setting]], matrices: int) -> list[Trial]:
    ranges = [name for name in space if name not in lists]
    if ranges:
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE,
            f"A grid takes lists, and the space has a range for {', '.join(ranges)}. Give a list of its values.",
        )
    combinations = matrices * math.prod(len(choice) for choice in lists.values())
    if combinations > MOST_TRIALS:
        raise ProcedureError(
            ErrorNumber.NUMBER_OF_TRIALS,
            f"The grid has {combinations} trials, more than {MOST_TRIALS}. Give fewer values, or search randomly.",
        )
    settings = [_read_only(dict(zip(lists, values, strict=True))) for values in itertools.product(*lists.values())]
    settings = list({json.dumps(chosen): chosen for chosen in settings}.values())
    return [(matrix, chosen) for matrix in range(matrices) for chosen in settings]


def _draw(
    space: Space, matrices: int, trials: int, rng: np.random.Generator, is_allowed: Callable[[Trial], bool]
) -> list[Trial]:
    drawn: dict[str, Trial] = {}
    for _ in range(_DRAWS * trials):
        # Only random(), whose stream is the same in every version of NumPy.
        matrix, *shares = (float(share) for share in rng.random(1 + len(space)))
        settings = {
            name: choice.at(share) if isinstance(choice, Range) else choice[int(share * len(choice))]
            for (name, choice), share in zip(space.items(), shares, strict=True)
        }
        trial = int(matrix * matrices), _read_only(settings)
        if is_allowed(trial):
            drawn.setdefault(json.dumps(trial), trial)
        if len(drawn) == trials:
            return list(drawn.values())
    if not drawn:
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            "There are too few training patients for two leaves of min_data_in_leaf in every fold, or values are "
            "missing that the algorithm needs, whatever is drawn of the space. Load more patients, give @Space a lower "
            "min_data_in_leaf, or let it have an algorithm of trees.",
        )
    raise ProcedureError(
        ErrorNumber.NUMBER_OF_TRIALS,
        f"The space has {len(drawn)} different trials for so many patients, not the {trials} asked for. "
        "Lower @Trials or widen @Space.",
    )


def _read_choice(name: str, choice: Any) -> list[Setting] | Range:
    if name not in SETTINGS:
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE,
            f"The space names {name!r}, which is no setting to search. Supported are {', '.join(SETTINGS)}.",
        )
    if isinstance(choice, list) and choice:
        values = list(choice)
        for value in values:
            _check(name, value)
        if len({json.dumps(value) for value in values}) < len(values):
            raise ProcedureError(ErrorNumber.SEARCH_SPACE, f"The space names a value of {name} twice. Give each once.")
        return values
    if not isinstance(choice, dict) or not {"low", "high"} <= choice.keys() <= {"low", "high", "log"}:
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE,
            f'The space gives {name} neither as a list nor as {{"low": …, "high": …, "log": true}}. Give either.',
        )
    low, high, is_log = choice["low"], choice["high"], choice.get("log", False)
    _check(name, low)
    _check(name, high)
    are_numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
    if not are_numbers or not low < high or not isinstance(is_log, bool):
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE,
            f"The space gives {name} from {low!r} to {high!r}. Give numbers, the lower first; log is true or false.",
        )
    return Range(low, high, is_log, name in _WHOLE)


def _check(name: str, value: object) -> None:
    if name == "algorithm" and value not in tuple(READ_BY):  # a list or an object has no hash
        raise ProcedureError(
            ErrorNumber.SEARCH_SPACE,
            f"The space names the algorithm {str(value)[:100]!r}. A search tries {', '.join(READ_BY)}.",
        )
    reader = next((algorithm for algorithm in READ_BY if _reads(algorithm, name)), _DEFAULT_ALGORITHM)
    try:
        read_parameters(json.dumps({"algorithm": reader, name: value}))
    except ProcedureError as refusal:
        raise ProcedureError(ErrorNumber.SEARCH_SPACE, refusal.message) from None


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
