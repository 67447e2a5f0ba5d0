"""The section of a report on evaluations: what was measured on which data set, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lungdb.reporting.evaluations import Evaluation, Figure, Group, Look
from lungdb.reporting.markup import number, paragraphs, picture
from lungdb.reporting.names import OPERATING_POINTS
from lungdb.reporting.plots import Plot

_FIGURES = (
    ("auc", "AUC"),
    ("average_precision", "Average precision"),
    ("log_loss", "Log loss"),
    ("log_loss_constant", "Log loss of constant prediction"),
    ("brier", "Brier score"),
    ("brier_constant", "Brier score of constant prediction"),
    ("ece", "Expected calibration error"),
)
_RATES = ("sensitivity", "specificity", "accuracy", "precision", "f1")
_COUNTS = ("true_positives", "false_positives", "false_negatives", "true_negatives")
_TITLES = {"f1": "F1"}


def render_evaluations(evaluations: Sequence[Evaluation], looks: Sequence[Look], plots: Sequence[Plot]) -> str:
    """Make the body of the section, as HTML."""
    blocks = [paragraphs([_looked(looks)])]
    if not evaluations:
        blocks.append(paragraphs(["No evaluation is stored: EXECUTE dbo.EvaluateModel measures it on a data set."]))
    else:
        blocks.append(
            paragraphs(
                [
                    "Intervals are of 95 %, by bootstrap over patients. Columns alone is a logistic regression on age, "
                    "sex, spacing and scanner, learnt from the training patients: where it is good, the data set or "
                    "the training has a shortcut."
                ]
            )
        )
    for evaluation in evaluations:
        own = [plot for plot in plots if plot.name.startswith(f"evaluation_{evaluation.evaluation_id}_")]
        blocks.append(_evaluation(evaluation, own))
    return "".join(blocks)


def _looked(looks: Sequence[Look]) -> str:
    if not looks:
        return "Figures of its test patients have not been looked at since its training."
    count = sum(look.looks for look in looks)
    with_what = ", ".join(f"{look.looked_with} {look.looks}" for look in looks)
    last = max(look.last for look in looks)
    times = "once" if count == 1 else f"{count} times"
    return (
        f"Figures of its test patients were looked at {times} since its training ({with_what}), last on "
        f"{last:%Y-%m-%d}. Whoever chooses by them chooses the luckiest."
    )


def _evaluation(evaluation: Evaluation, plots: Sequence[Plot]) -> str:
    title = f"{evaluation.dataset}, version {evaluation.dataset_version}"
    blocks = [f"<h3>{escape(title)}</h3>", paragraphs([_who(evaluation)])]
    if evaluation.is_forced:
        why = f": {evaluation.overlap}" if evaluation.overlap else "."
        blocks.append(f'<p class="notice">{escape(f"Forced{why}")}</p>')
    if evaluation.note:
        blocks.append(paragraphs([evaluation.note]))
    everybody = next((group for group in evaluation.groups if group.column is None), None)
    if everybody is not None:
        blocks += [_figures(evaluation, everybody), _points(evaluation, everybody)]
    blocks.append(_subgroups(evaluation))
    if plots:
        blocks.append(f'<div class="grid">{"".join(picture(plot) for plot in plots)}</div>')
    if not any(plot.name.endswith("_decision") for plot in plots):
        blocks.append(paragraphs(["There is no decision curve: none is defined for these scans and probabilities."]))
    blocks.append(_pairs(evaluation))
    return f'<article data-evaluation="{evaluation.evaluation_id}">{"".join(blocks)}</article>'


def _who(evaluation: Evaluation) -> str:
    labels = (
        "labels of patients" if evaluation.horizon_days is None else f"labels within {evaluation.horizon_days} days"
    )
    share = "that of the data set" if evaluation.prevalence is None else f"{100 * evaluation.prevalence:.3g} %"
    return (
        f"Measured on {evaluation.evaluated_at:%Y-%m-%d %H:%M} UTC by {evaluation.evaluated_by}, by {labels}: "
        f"{evaluation.patients} patients with {evaluation.scans} scans, {evaluation.positives} of them positive; "
        f"{evaluation.unlabelled} scans without a label and {evaluation.left_out} left out. Prevalence of the decision "
        f"curve: {share}. Seed {evaluation.seed}."
    )


def _figure(figure: Figure | None) -> str:
    """Make two cells: a figure and its interval."""
    if figure is None:
        return '<td class="number">not measured</td><td class="number"></td>'
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f"{number(figure.low)} to {number(figure.high)}"
    return f'<td class="number">{number(figure.value)}</td><td class="number">{interval}</td>'


def _head(first: Sequence[str]) -> str:
    cells = "".join(
        f'<th scope="col" class="number">{name}</th>' for name in ("model", "interval", "columns alone", "interval")
    )
    names = "".join(f'<th scope="col">{name}</th>' for name in first)
    return f"<thead><tr>{names}{cells}</tr></thead>"


def _figures(evaluation: Evaluation, group: Group) -> str:
    rows = "".join(f'<tr><th scope="row">{escape(title)}</th>{_both(group, metric)}</tr>' for metric, title in _FIGURES)
    return f'<table data-figures="{evaluation.evaluation_id}">{_head([""])}<tbody>{rows}</tbody></table>'


def _both(group: Group, metric: str) -> str:
    return "".join(_figure(group.figures.get((source, metric))) for source in ("model", "columns"))


def _points(evaluation: Evaluation, group: Group) -> str:
    rows = []
    for point, title in OPERATING_POINTS.items():
        threshold = group.figures.get(("model", f"threshold_at_{point}"))
        if threshold is None or threshold.value is None:
            continue
        counts = [group.figures.get(("model", f"{name}_at_{point}")) for name in _COUNTS]
        called = ", ".join(
            f"{number(count.value, whole=True)} {name.replace('_', ' ')}"
            for name, count in zip(_COUNTS, counts, strict=True)
            if count is not None
        )
        said = f"{escape(title)}: from {number(threshold.value)} on; {called}"
        rows.append(f'<tr><th colspan="5" scope="colgroup">{said}</th></tr>')
        for rate in _RATES:
            name = _TITLES.get(rate, rate)
            rows.append(f'<tr class="part-of"><th scope="row">{name}</th>{_both(group, f"{rate}_at_{point}")}</tr>')
    if not rows:
        return ""
    return f'<table data-points="{evaluation.evaluation_id}">{_head([""])}<tbody>{"".join(rows)}</tbody></table>'


def _subgroups(evaluation: Evaluation) -> str:
    rows = []
    for group in evaluation.groups:
        if group.column is None:
            continue
        if group.hidden is not None:
            rows.append(
                f'<tr><th scope="row">{escape(group.column)}</th><td colspan="8">{group.hidden} values are not shown: '
                "fewer than 10 patients of either class have them</td></tr>"
            )
            continue
        value = "not known" if group.value is None else group.value
        counts = "".join(f'<td class="number">{n}</td>' for n in (group.patients, group.scans, group.positives))
        rows.append(
            f'<tr><th scope="row">{escape(group.column)}</th><td>{escape(value)}</td>{counts}{_both(group, "auc")}</tr>'
        )
    if not rows:
        return paragraphs(["No subgroups were measured."])
    head = _head(["column", "value", "patients", "scans", "positive"])
    return (
        f"{paragraphs(['AUC of subgroups:'])}"
        f'<table data-subgroups="{evaluation.evaluation_id}">{head}<tbody>{"".join(rows)}</tbody></table>'
    )


def _pairs(evaluation: Evaluation) -> str:
    if not evaluation.pairs:
        return ""
    rows = []
    for pairs in evaluation.pairs:
        kernels = "all" if pairs.kernel_a is None and pairs.kernel_b is None else f"{pairs.kernel_a} − {pairs.kernel_b}"
        values = (pairs.mean_difference, pairs.sd_difference, pairs.mean_distance, pairs.largest)
        cells = f'<td class="number">{pairs.pairs}</td><td class="number">{pairs.patients}</td>' + "".join(
            f'<td class="number">{number(value)}</td>' for value in values
        )
        rows.append(f'<tr><th scope="row">{escape(kernels)}</th>{cells}</tr>')
    head = "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in ("pairs", "patients", "mean difference", "its standard deviation", "mean distance", "largest")
    )
    return (
        f"{paragraphs(['Differences of probabilities between reconstructions of one study:'])}"
        f'<table data-pairs="{evaluation.evaluation_id}"><thead><tr><th scope="col">kernels</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
