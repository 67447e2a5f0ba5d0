"""What a score means, in words: every number is counted by dbo.RankScore, and what was not counted is left out."""

from __future__ import annotations

from lungdb_web.formatting import percent
from lungdb_web.intervals import exact_interval
from lungdb_web.queries.scores import Explanation


def standing(explanation: Explanation) -> str | None:
    """Say where a score stands among those of the training set; None where that was not counted."""
    if explanation.higher_than is None:
        return None
    if explanation.higher_than == 0:
        return "higher than no scan's in the training set"
    if explanation.higher_than == 100:
        return "higher than every scan's in the training set"
    return f"higher than {of_hundred(explanation.higher_than)} of 100 scans in the training set"


def details(explanation: Explanation) -> list[str]:
    """Say what became of scans scored like this one and what that rests on, or why it cannot be said, in sentences."""
    if explanation.higher_than is None:
        absent = "stored no scores of patients that it had not seen" if explanation.training_patients else ""
        reason = f"the training run of this model {absent or 'is not in this database'}"
        return [f"The score cannot be compared with others, because {reason}."]
    told = _neighbours(explanation)
    here, there = explanation.prevalence, explanation.training_prevalence
    if told and here is not None and there is not None:
        told.append(
            f"In that set {of_hundred(100 * there)} in 100 have cancer, and the estimate is for a place where "
            f"{of_hundred(100 * here)} in 100 do."
        )
    return [
        *told,
        f"Counted over {explanation.compared_patients} other scans of the training set, each scored by a model that "
        "had not seen it.",
    ]


def _neighbours(explanation: Explanation) -> list[str]:
    """Count those of the nearest scores with cancer; whoever may not see single labels is told no count."""
    low, high = explanation.like_this_low_percent, explanation.like_this_high_percent
    hits, of = explanation.like_this_with_cancer, explanation.like_this
    if not of or low is None or high is None:
        return []
    if hits is None:
        about = explanation.like_this_about_percent
        told = "" if about is None else f"Of scans scored like this one, about {about:.0f} in 100 had cancer. "
        return [
            f"{told}How many had cancer is told to the nearest ten, for a whole range of scores at once, because this "
            "account may not see the truth of single patients."
        ]
    least, most = exact_interval(hits, of)
    span = f"{of_hundred(100 * least)} to {of_hundred(100 * most)} in 100"
    return [
        f"Of the {of} scans scored nearest to this one, from {percent(low)} % to {percent(high)} %, {hits} had cancer: "
        f"{of_hundred(100 * hits / of)} in 100. From so few the share can be {span} (95 % interval by Clopper and "
        "Pearson)."
    ]


def quality(explanation: Explanation) -> str:
    """Say how well the model did on patients that were held out."""
    if explanation.test_auc is None and not explanation.training_patients:
        return "not known: the training run of this model is not in this database"
    if explanation.test_auc is None:
        return "not measured: the training run held out no patients with and without cancer"
    text = f"{explanation.test_auc:.2f}"
    if explanation.test_auc_low is not None and explanation.test_auc_high is not None:
        text += f" (95 % interval {explanation.test_auc_low:.2f} to {explanation.test_auc_high:.2f})"
    return f"{text} on {explanation.test_patients} held-out patients"


def of_hundred(share: float) -> str:
    """Write a percentage as a number of hundred; only what is none is 0, only what is all is 100."""
    if 0 < share < 1:
        return "fewer than 1"
    if 99 < share < 100:
        return "more than 99"
    return str(round(share))
