"""What can be said of a model in plain sentences, each from the tables."""

from __future__ import annotations

from collections.abc import Iterator

from lungdb.reporting.facts import Facts
from lungdb.reporting.names import LIBRARIES, Metrics

RESEARCH_ONLY = "Research use only, not a medical device."
WITHOUT_RUN = "No training run of the model is recorded here."
_UNKNOWN = "How good the model is on patients it has never seen is not known: no test patient is recorded for it."


def opening(facts: Facts) -> str:
    """Say in a sentence how good the model is on test patients, or where something is known of it."""
    if facts.run is None:
        return f"{WITHOUT_RUN} What is known of how good it is stands under “Measured on data sets”."
    return _summary_of_numbers(facts.metrics) if facts.regresses else summary(facts.metrics)


def _summary_of_numbers(metrics: Metrics) -> str:
    """Say in a sentence how good a model is that predicts a number, beside saying the mean of everybody."""
    patients, rmse, low, high, constant, r2 = (
        metrics.get(("test", name)) for name in ("patients", "rmse", "rmse_low", "rmse_high", "rmse_constant", "r2")
    )
    if not patients or rmse is None:
        return _UNKNOWN
    interval = f" (95 % interval {low:.4g} to {high:.4g})" if low is not None and high is not None else ""
    text = (
        f"On {patients:.0f} test patients it has never seen, the model's numbers are off by {rmse:.4g}{interval}, as "
        "the root of the mean squared error"
    )
    if constant is not None:
        text += f"; saying the training patients' mean of everybody is off by {constant:.4g}"
        if high is not None and high >= constant:
            text += ", which is within the interval or better"
    return text + (f". R² is {r2:.3f}." if r2 is not None else ".")


def summary(metrics: Metrics) -> str:
    """Say in a sentence how good the model is on test patients, with the interval, or why that is not known."""
    patients, positives = (metrics.get(("test", name)) for name in ("patients", "positives"))
    auc, low, high = (metrics.get(("test", name)) for name in ("auc", "auc_low", "auc_high"))
    if not patients or positives is None:
        return _UNKNOWN
    who = f"On {patients:.0f} test patients it has never seen, {positives:.0f} of them with cancer,"
    if auc is None:
        return f"{who} the AUC is not defined, because it needs patients with and without cancer."
    interval = f" (95 % interval {low:.3f} to {high:.3f})" if low is not None and high is not None else ""
    text = (
        f"{who} the model gives a patient with cancer a higher score than one without in {100 * auc:.0f} of 100 "
        f"pairs: its AUC is {auc:.3f}{interval}"
    )
    if low is not None and high is not None and low <= 0.5 <= high:
        return f"{text}, which guessing, at 0.5, could give too."
    return f"{text}; guessing gives 0.5."


def champion(facts: Facts) -> str:
    """Say whether this version is what its name stands for."""
    if facts.champion is None:
        return "No version is promoted; the newest version of the name is used."
    if facts.champion.version != facts.model.version:
        return f"Not the champion: version {facts.champion.version} is."
    forced = ", by force" if facts.champion.forced else ""
    return f"The champion of its name, since {facts.champion.promoted_at:%Y-%m-%d %H:%M} UTC{forced}."


def intended_use(facts: Facts) -> Iterator[str]:
    """Say what the model is for."""
    model, network = facts.model, facts.network
    library = LIBRARIES.get(model.library, model.library)
    if network is None:
        features = f"features combined of {'; '.join(part.name for part in facts.combined)}"
    else:
        features = f"{model.pooling}-pooled features of the network {network.name}"
    what = "a number, that of dbo.numeric_labels," if facts.regresses else "the probability that a patient has cancer"
    yield f"It gives {what} from the patient's primary chest CT scan, by {library} on {features}. {RESEARCH_ONLY}"
    if model.predictions:
        yield f"{model.predictions} predictions of this version are stored."


def data(facts: Facts) -> Iterator[str]:
    """Say what is known of the scans and labels."""
    scans = facts.scans
    if scans.count:
        makers = ", ".join(f"{name} ({count})" for name, count in scans.manufacturers.items())
        sizes = ", ".join(f"{size} ({count})" for size, count in scans.sizes.items())
        yield f"Scans by manufacturer: {makers}. Pixels of a slice: {sizes}."
    if scans.slices:
        spacing = ""
        if scans.spacing:
            spacing = f", {scans.spacing[0]:.2f} to {scans.spacing[1]:.2f} mm apart"
        fewest, most = scans.slices
        slices = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield f"A scan has {slices} slices{spacing}."
    if scans.count:
        yield f"Ids were taken out of {scans.deidentified} of {scans.count} scans when they were loaded."
    if facts.label_sources:
        sources = ", ".join(f"{source} ({patients})" for source, patients in facts.label_sources)
        yield f"Labels come from: {sources}."


def limits(facts: Facts) -> Iterator[str]:
    """Say what the tables show that the figures cannot carry."""
    if facts.run is not None:
        yield from _limits_of_run(facts)
    if facts.regresses:
        yield "Trees predict no number beyond those that they learnt from, and extreme ones too near to the mean."
    elif not facts.is_calibrated:
        yield "The probabilities are not calibrated: they rank patients, but their percentages need not be true."
    share = facts.model.details.get("prevalence")
    if isinstance(share, float):
        yield (
            f"The probabilities are made for patients of whom {100 * share:.1f} % have cancer; elsewhere give "
            "@Prevalence when scoring."
        )
    notes = facts.model.details.get("notes")
    if isinstance(notes, list):
        yield from (str(note) for note in notes)
    yield ("The tables do not say how patients were chosen, who labelled them and how, or whether the scans are real.")
    if not any(group.column for evaluation in facts.evaluations for group in evaluation.groups):
        remedy = "." if facts.regresses else ": EvaluateModel measures them."
        yield f"Figures for groups of patients, such as age or sex, are not known{remedy}"


def _limits_of_run(facts: Facts) -> Iterator[str]:
    test = facts.parts.get("test")
    if test is None:
        yield "There are no test patients, so nothing is known of new patients."
    elif facts.regresses:
        yield f"The test figures rest on {test.patients} patients; the largest errors count most in the first of them."
    else:
        fewer = min(test.positives, test.negatives)
        yield (
            f"The test figures rest on {test.patients} patients, {test.positives} with and {test.negatives} without "
            f"cancer; one patient more or less moves sensitivity or specificity by {100 / fewer:.1f} percentage points."
            if fewer
            else f"The {test.patients} test patients are of one class, so most figures are not defined."
        )
    if not facts.metrics.get(("train", "out_of_fold")):
        yield "The figures of the training patients are of patients whom the model learnt from: they say too much."
