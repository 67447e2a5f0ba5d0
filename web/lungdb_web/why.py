"""Why a score is what it is, as a page shows it: bars to either side of a line, and sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lungdb_web.formatting import percent
from lungdb_web.queries.reasons import Contribution, ExplainedModel, Reasons, Triple

MIDDLE, MOST = 50.0, 48.0
"""Where the line of a bar stands, and how long a bar is at most, in units of the drawing, which is 100 wide."""
LEAST_FOR_ERRORS = 3
"""Permutations: fewer give no standard error."""
MEANING = (
    "The numbers say what the model did with this scan, not what is true of the patient, and nothing about causes: "
    "even models that were trained on shuffled labels point at nodules, too."
)


COLUMNS = {
    "age": "Age in years",
    "sex": "Sex, 1 of a man and 0 of a woman",
    "spacing_x": "Width of a pixel in mm",
    "spacing_y": "Height of a pixel in mm",
    "spacing_z": "Distance of slices in mm",
    "slice_thickness": "Slice thickness in mm",
    "kvp": "Tube voltage in kV",
    "contrast": "Contrast medium, 1 with and 0 without",
    "slices": "Number of slices",
    "coverage": "Length of the scan in mm",
    "maker_ge": "Scanner by GE, 1 yes and 0 no",
    "maker_siemens": "Scanner by Siemens, 1 yes and 0 no",
    "maker_philips": "Scanner by Philips, 1 yes and 0 no",
    "maker_canon": "Scanner by Canon or Toshiba, 1 yes and 0 no",
}
"""Columns of dbo.scan_columns in words; others are called by their own names."""
_OF_NETWORK = re.compile(r".+/.+/\S+ (?P<pooling>\S.*) (?P<number>\d+)", re.DOTALL)
"""A name as dbo.explained_features makes it: network, layer and preprocessing, what pooling made of it, its number."""
_POOLED = {
    "mean": "mean over the scan",
    "max": "largest in the scan",
    "std": "spread over the scan",
    "lower third": "mean over the lowest third",
    "middle third": "mean over the middle third",
    "upper third": "mean over the highest third",
}


@dataclass(frozen=True)
class Bar:
    """What something added to a margin.

    Attributes
    ----------
    added, error : str
        With its sign, and its standard error; the latter empty where there is none.
    direction : str
        raises, lowers or leaves the score.
    x, width : float
        Where the bar begins and how wide it is: to the right of the line it raises.
    """

    added: str
    error: str
    direction: str
    x: float
    width: float


def signed(value: float) -> str:
    """Write a number with its sign and three decimals, or with two digits where it is smaller than these show."""
    text = f"{value:+.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:+.2g}"
    return text.replace("-", "\N{MINUS SIGN}")


def error_of(error: float | None) -> str:
    """Write a standard error, as `signed` writes values; empty where there is none."""
    if error is None:
        return ""
    return f"± {error:.3f}" if error == 0 or error >= 0.001 else f"± {error:.2g}"


def words_of(name: str) -> str:
    """Name a feature in words: a column by what it is, one of a network by its number and how it was pooled."""
    if name in COLUMNS:
        return COLUMNS[name]
    found = _OF_NETWORK.fullmatch(name)
    if found is None:
        return name
    return f"Network feature {found['number']}, {_POOLED.get(found['pooling'], found['pooling'])}"


def feature_bars(features: Sequence[Contribution]) -> list[tuple[Contribution, Bar]]:
    """Pair features with their bars, the longest of which is as long as may be."""
    largest = max((abs(feature.contribution) for feature in features), default=0.0)
    return [(one, _bar(one.contribution, one.standard_error, largest)) for one in features]


def slice_bars(slices: Sequence[Triple]) -> list[tuple[Triple, Bar]]:
    """Pair triples of slices with the bars of what they add: their share, its estimate, or what goes without them."""
    largest = max((abs(added_by(one)) for one in slices), default=0.0)
    return [(one, _bar(added_by(one), one.standard_error, largest)) for one in slices]


def others_of(model: ExplainedModel, told: Sequence[Contribution]) -> tuple[int, str]:
    """Count the features of a model that are not told one by one, and say what they add together."""
    rest = model.margin - model.expected_margin - sum(feature.contribution for feature in told)
    return model.features - len(told), signed(rest)


def kind_of_features(model: ExplainedModel, permutations: int | None) -> str:
    """Say whether the contributions of a model's features are exact, and how they were found."""
    if model.is_exact and model.library == "logistic":
        return "Exact: each is the coefficient times the standardised value."
    if model.is_exact:
        return "Exact: TreeSHAP by the library of the model."
    return f"Estimates {_permuted(permutations)}"


def kind_of_slices(reasons: Reasons) -> str:
    """Say whether the values of slices are exact, and how they were found."""
    base = "" if reasons.reference_margin is None else f" of {signed(reasons.reference_margin)}"
    total = (
        f"sum to the margin less the one{base} that slices like the mean of training would have; columns that the "
        "model reads, such as age, are this scan's own in both."
    )
    if any(one.share is not None for one in reasons.slices):
        return f"Exact shares. All of them {total}"
    if any(one.shapley is not None for one in reasons.slices):
        return f"Estimates (Shapley values) {_permuted(reasons.permutations)} All of them {total}"
    return "Exact: what the margin loses when the three slices are left out. These do not add up."


def without(triple: Triple) -> str:
    """Say how the margin changes without a triple; empty where the bar says it, or nobody computed it."""
    if triple.change_without is None or (triple.share is None and triple.shapley is None):
        return ""
    others = (triple.tied or 1) - 1
    tied = "" if others == 0 else ", like one other" if others == 1 else f", like {others} others"
    return f"left out: {signed(triple.change_without)}{tied}"


def from_margin(reasons: Reasons) -> str:
    """Say what became of the margin."""
    if reasons.margin is None or reasons.probability_percent is None:
        return ""
    said = "The margin is in log-odds, before calibration"
    if reasons.raw_percent is not None:
        said += f": {signed(reasons.margin)} is {percent(reasons.raw_percent)} %"
    by = "" if reasons.calibration is None else f" by {_CALIBRATIONS.get(reasons.calibration, reasons.calibration)}"
    said += f". The score of {percent(reasons.probability_percent)} % is that"
    said += f" after calibration{by}" if by else ", not calibrated"
    if reasons.prevalence is not None:
        said += f", corrected to a share of positives of {percent(100 * reasons.prevalence)} %"
    return f"{said}."


_CALIBRATIONS = {"platt": "Platt's method", "isotonic": "isotonic regression"}


def _permuted(permutations: int | None) -> str:
    times = f"{permutations} permutation{'' if permutations == 1 else 's'}"
    if permutations is not None and permutations < LEAST_FOR_ERRORS:
        return f"by {times}, too few to have a standard error."
    return f"by {times}, each with its standard error."


def added_by(triple: Triple) -> float:
    """Give what a triple adds to the margin: its share, its estimate, or what goes without it."""
    for value in (triple.share, triple.shapley):
        if value is not None:
            return value
    return -(triple.change_without or 0.0)


def _bar(value: float, error: float | None, largest: float) -> Bar:
    width = MOST * abs(value) / largest if largest else 0.0
    direction = "raises" if value > 0 else "lowers" if value < 0 else "leaves"
    return Bar(signed(value), error_of(error), direction, MIDDLE if value > 0 else MIDDLE - width, width)
