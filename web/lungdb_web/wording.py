"""What a score means, in words: every number is counted by dbo.RankScore, and what was not counted is left out."""

from __future__ import annotations

from lungdb_web.formatting import percent
from lungdb_web.queries.scores import Explanation


def meaning(explanation: Explanation) -> str:
    """Say in one sentence where a score stands; or why that cannot be said."""
    if explanation.higher_than is None and not explanation.training_patients:
        return (
            "The score cannot be compared with others, because the training run of this model is not in this database."
        )
    if explanation.higher_than is None:
        return (
            "The score cannot be compared with others, because the training run of this model stored no scores of "
            "patients that it had not seen."
        )
    sentence = f"This score is {_standing(explanation.higher_than)} in the training set"
    if explanation.like_this and explanation.like_this_with_cancer is not None:
        share = 100 * explanation.like_this_with_cancer / explanation.like_this
        sentence += _cancers(explanation, of_hundred(share))
    elif explanation.like_this and explanation.like_this_about_percent is not None:
        sentence += _cancers(explanation, f"about {explanation.like_this_about_percent:.0f}")
    return f"{sentence}."


def _cancers(explanation: Explanation, counted: str) -> str:
    """Say how many had cancer; where the score was corrected for a prevalence, that this is counted before it was."""
    here, there = explanation.prevalence, explanation.training_prevalence
    if here is None or there is None:
        return f"; of scans scored like this one, {counted} in 100 had cancer"
    return (
        f"; of training scans scored like this one, {counted} in 100 had cancer, but in that set "
        f"{of_hundred(100 * there)} in 100 have it, and the percentage is for a place where {of_hundred(100 * here)} "
        "in 100 do"
    )


def basis(explanation: Explanation) -> str | None:
    """Say what that sentence rests on; None where it says nothing."""
    if explanation.higher_than is None:
        return None
    text = (
        f"Counted over {explanation.compared_patients} other scans of the training set, each scored by a model that "
        "had not seen it"
    )
    low, high = explanation.like_this_low_percent, explanation.like_this_high_percent
    if not explanation.like_this or low is None or high is None:
        return f"{text}."
    text += (
        f". Scored like this one are the {explanation.like_this} nearest of them, from {percent(low)} % "
        f"to {percent(high)} %"
    )
    if explanation.like_this_with_cancer is not None:
        return f"{text}; {explanation.like_this_with_cancer} of these had cancer."
    return (
        f"{text}. How many had cancer is told to the nearest ten, for a whole range of scores at once, because this "
        "account may not see the truth of single patients."
    )


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


def _standing(higher_than: float) -> str:
    if higher_than == 0:
        return "higher than no scan's"
    if higher_than == 100:
        return "higher than every scan's"
    return f"higher than {of_hundred(higher_than)} of 100 scans"
