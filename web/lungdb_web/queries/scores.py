"""Scores: giving one, their history, and what one means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from lungdb.errors import SqlError
from lungdb_web.database import DatabaseUnavailable
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_PERMISSION, NO_SCORES, Installed, NotInstalled, granted_or

_NEWEST = "EXECUTE dbo.ListScores @PatientIndex = ?, @Limit = 20;"
_OF_CLASSES = "@Task = N'classification'"  # the page shows probabilities
_IN_PYTHON = f"EXECUTE dbo.PredictLungCancer @PatientIndex = ?, @ModelName = ?, @Version = ?, {_OF_CLASSES}; {_NEWEST}"
_IN_SQL = f"EXECUTE dbo.PredictLungCancerSql @PatientIndex = ?, @ModelName = ?, @Version = ?, {_OF_CLASSES}; {_NEWEST}"
# What scores is made ready by asking it for its help: on the embedded engine that starts the process of its script.
HELP_IN_PYTHON = "EXECUTE dbo.PredictLungCancer @Help = 1;"
HELP_IN_SQL = "EXECUTE dbo.PredictLungCancerSql @Help = 1;"


@dataclass(frozen=True)
class Score:
    """A score that was given; times in UTC.

    Attributes
    ----------
    scope : str or None
        inside, or outside where the scan is unlike those that the model was trained on; None where that is not known.
    scope_reason : str or None
        In what it is unlike, or why that is not known.
    """

    prediction_id: int
    probability_percent: float
    raw_percent: float | None
    prevalence: float | None
    model_name: str
    model_version: int
    predicted_at: datetime
    predicted_by: str
    scope: str | None = None
    scope_reason: str | None = None


@dataclass(frozen=True)
class Explanation:
    """What a score means.

    Attributes
    ----------
    test_auc, test_auc_low, test_auc_high : float or None
        On held-out patients, with its interval; None where none was measured.
    training_prevalence : float or None
        The share of positives among the training scans.
    compared_patients : int
        The training scans that have out-of-fold scores, without this one.
    higher_than : float or None
        Percent of the training scans with a lower out-of-fold score.
    like_this, like_this_with_cancer : int
        How many training scans are scored about like this one, and how many of them had cancer; None where the asker
        may not see the truth, because this patient may be the one who is left out.
    like_this_low_percent, like_this_high_percent : float or None
        Range of their scores.
    prevalence : float or None
        The share of positives that the score was corrected to.
    like_this_about_percent : float or None
        Percent with cancer, to the nearest ten, in the group of training scans that the score belongs to.
    """

    prediction_id: int
    patient_index: int
    probability_percent: float
    model_name: str
    model_version: int
    library: str
    test_auc: float | None
    test_auc_low: float | None
    test_auc_high: float | None
    test_patients: int
    training_patients: int
    training_prevalence: float | None
    compared_patients: int
    higher_than: float | None
    like_this: int
    like_this_with_cancer: int | None
    like_this_low_percent: float | None
    like_this_high_percent: float | None
    prevalence: float | None
    like_this_about_percent: float | None


def list_scores(call: Call, index: int, limit: int = 50, before: int | None = None) -> list[Score]:
    """Return the scores of a patient's primary scan, newest first; with `before`, those older than that one."""
    (listed,) = call("EXECUTE dbo.ListScores @PatientIndex = ?, @Limit = ?, @Before = ?;", index, limit, before)
    return [Score(**row) for row in listed.records()]


def explain_score(call: Call, prediction_id: int, *, sees_truth: bool) -> Explanation:
    """Return what a score means, to those who may not see the truth without counts of labels.

    Raises
    ------
    SqlError
        50145: there is no such prediction.
    """
    try:
        (explained,) = call("EXECUTE dbo.RankScore @PredictionId = ?;", prediction_id)
    except SqlError as error:
        if error.number != NO_PERMISSION:
            raise
        # Rights that were granted before the procedure had this name.
        (explained,) = call("EXECUTE dbo.ExplainScore @PredictionId = ?;", prediction_id)
    found = Explanation(**explained.records()[0])
    return found if sees_truth else replace(found, like_this_with_cancer=None)


def score_patient(
    call: Call, installed: Installed, asker: str, index: int, model_name: str, version: int | None = None
) -> Score:
    """Score a patient's primary scan, in Python where the database can, store the score and return it.

    Parameters
    ----------
    installed : Installed
        What the database has.
    asker : str
        The account in whose name `call` asks, which is kept with the score.

    Raises
    ------
    NotInstalled
        Nothing that scores is there.
    TooBusy
        Too many scores are being computed.
    DatabaseUnavailable
        The database cannot be reached, or the stored score is not found again.
    SqlError
        50107: no such patient. 50108: no such model. 50109, or 50140 in T-SQL: no features that the model reads.
        50150, 50151: T-SQL cannot score the model. 50312: it predicts a number.
    """
    if not installed.scores:
        raise NotInstalled(NO_SCORES)
    with granted_or(NO_SCORES):
        given, listed = call(
            _IN_PYTHON if installed.scores_in_python else _IN_SQL,
            index,
            model_name,
            version,
            index,
            lane="scores",
        )
    percent = given.scalar()
    # Somebody else may have had the patient scored between the two procedures.
    for score in (Score(**row) for row in listed.records()):
        if (score.predicted_by, score.probability_percent) == (asker, percent):
            return score
    raise DatabaseUnavailable("The score was stored, but it is not among the patient's newest.")
