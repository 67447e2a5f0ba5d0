"""The plots of a report, as PNG. Lines differ in dash and marker too, so that no plot needs its colours."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lungdb.reporting.detectors import Measured
from lungdb.reporting.evaluations import Evaluation
from lungdb.reporting.facts import Facts
from lungdb.reporting.names import OPERATING_POINTS, part_title
from lungdb.reporting.points import Point
from lungdb.reporting.several import MeasuredVersion

WIDTH, HEIGHT = 1000, 1000
"""Pixels of every plot of one model."""

Values = NDArray[np.float64]

_DPI = 200
_BINS = 20
# Okabe and Ito, Color universal design (2008): told apart by the colour-blind, and in grey by their lightness.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#606060"
_MARKERS = (("o", 5), ("s", 9), ("^", 9), ("D", 12))
# Of several curves each has a colour, a dash and a marker of its own.
_CURVES: tuple[tuple[str, Any, str], ...] = (
    ("#000000", "-", "o"),
    ("#D55E00", (0, (6, 2)), "s"),
    ("#0072B2", (0, (1, 1.2)), "^"),
    ("#009E73", (0, (6, 2, 1, 2)), "D"),
    ("#CC79A7", (0, (3, 1, 3, 1, 1, 1)), "v"),
    ("#E69F00", (0, (9, 3)), "X"),
    ("#56B4E9", (0, (2, 3)), "P"),
    ("#606060", (0, (4, 1, 1, 1, 1, 1)), "*"),
)
_LONGEST = 30  # letters of a name in the legend


@dataclass(frozen=True)
class Plot:
    """A plot: the stem of its file name, a title, what it shows in words, and the picture's bytes."""

    name: str
    title: str
    text: str
    png: bytes
    width: int = WIDTH
    height: int = HEIGHT


def draw_plots(facts: Facts) -> list[Plot]:
    """Draw every plot that the facts allow; a curve that is not defined or not recorded gives none."""
    with matplotlib.style.context(["default", {"font.size": 11}]):
        of_classes = (_roc(facts), _precision_recall(facts), _calibration(facts), _scores(facts))
        drawn = (*of_classes, _predicted(facts), _errors(facts), _training(facts))
    return [plot for plot in drawn if plot is not None]


def draw_several(versions: Sequence[MeasuredVersion]) -> Plot:
    """Draw the ROC curves of several versions on their test patients in one picture."""
    width, height = 1400, 1300 + 56 * len(versions)
    with matplotlib.style.context(["default", {"font.size": 11}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # of a name that the font does not hold
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1, label="guessing: AUC 0.5")
        for tested, (colour, dash, marker) in zip(versions, _CURVES, strict=False):
            x, y = _xy(tested.curve)
            axes.plot(
                x, y, color=colour, linestyle=dash, linewidth=1.8, marker=marker, markersize=5, markerfacecolor="white",
                markevery=0.12, label=_entry(tested),
            )  # fmt: skip
        _square(axes, "1 − specificity", "sensitivity")
        axes.set_aspect("equal")
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="outside lower left",
            fontsize=10,
            frameon=False,
            ncols=1,
            handlelength=5,
        )
        text = f"Sensitivity against 1 − specificity of {len(versions)} models on their test patients."
        return Plot("roc", "ROC", text, _png(figure), width, height)


def draw_evaluations(evaluations: Sequence[Evaluation]) -> list[Plot]:
    """Draw the ROC and the decision curve of each evaluation, the model's beside that of columns alone."""
    with matplotlib.style.context(["default", {"font.size": 11}]):
        drawn = [draw(evaluation) for evaluation in evaluations for draw in (_evaluated_roc, _decision)]
    return [plot for plot in drawn if plot is not None]


def draw_detectors(measured: Sequence[Measured]) -> list[Plot]:
    """Draw how many nodules each detector finds at how many false alarms a scan."""
    with matplotlib.style.context(["default", {"font.size": 11}]):
        return [_froc(one) for one in measured if one.rates]


def _froc(measured: Measured) -> Plot:
    figure = _figure()
    axes = figure.add_subplot()
    alarms = np.array([rate.false_alarms for rate in measured.rates], np.float64)
    found = np.array([rate.sensitivity for rate in measured.rates], np.float64)
    ends = np.array([(rate.low, rate.high) for rate in measured.rates], np.float64)
    axes.fill_between(alarms, ends[:, 0], ends[:, 1], color=_BLUE, alpha=0.18, linewidth=0, label="95 % interval")
    axes.plot(alarms, found, color=_BLUE, marker="o", label="nodules found")
    axes.axhline(measured.mean.sensitivity, color=_GREY, linestyle=":", label="mean over the marks")
    axes.set_xscale("log", base=2)
    axes.set_xticks(alarms, [f"1/{1 / rate:.0f}" if rate < 1 else f"{rate:g}" for rate in alarms])
    axes.set(ylim=(-0.03, 1.03), xlabel="false alarms a scan", ylabel="share of the nodules found")
    axes.grid(color="#dddddd", linewidth=0.5)
    _legend(figure, axes)
    text = f"Share of the nodules found against false alarms a scan: {measured.title}."
    return Plot(f"detector_{measured.evaluation_id}_froc", "Free-response ROC", text, _png(figure))


def _evaluated_roc(evaluation: Evaluation) -> Plot | None:
    if ("model", "roc") not in evaluation.curves:
        return None
    figure = _figure()
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="guessing")
    _both(axes, evaluation, "roc")
    _square(axes, "1 − specificity", "sensitivity")
    _legend(figure, axes)
    text = (
        "Sensitivity against 1 − specificity of the model, and of age, sex, spacing and scanner alone, on the data set."
    )
    return Plot(f"evaluation_{evaluation.evaluation_id}_roc", "ROC on the data set", text, _png(figure))


def _decision(evaluation: Evaluation) -> Plot | None:
    if ("model", "decision") not in evaluation.curves:
        return None
    figure = _figure()
    axes = figure.add_subplot()
    _both(axes, evaluation, "decision")
    for curve, title, dash in (("decision_everybody", "act on everybody", "-."), ("decision_nobody", "on nobody", ":")):
        if ("model", curve) in evaluation.curves:
            axes.plot(*_xy(evaluation.curves["model", curve]), color=_GREY, linestyle=dash, label=title)
    # Acting on everybody falls without bound towards a threshold of 1, which would flatten all that matters.
    values = [point.y for point in evaluation.curves["model", "decision_everybody"] if point.y is not None]
    most = max([0.01, *values, *(point.y for point in evaluation.curves["model", "decision"] if point.y is not None)])
    axes.set(
        xlim=(0, 1), ylim=(-0.35 * most, 1.1 * most), xlabel="threshold probability", ylabel="net benefit per patient"
    )
    axes.grid(color="#dddddd", linewidth=0.5)
    _legend(figure, axes)
    text = (
        "Net benefit of acting from a probability on, beside acting on everybody and on nobody: the higher the better."
    )
    return Plot(f"evaluation_{evaluation.evaluation_id}_decision", "Decision curve", text, _png(figure))


def _both(axes: Axes, evaluation: Evaluation, curve: str) -> None:
    for source, title, colour, dash in (("model", "model", _BLUE, "-"), ("columns", "columns alone", _ORANGE, "--")):
        if (source, curve) in evaluation.curves:
            axes.plot(*_xy(evaluation.curves[source, curve]), color=colour, linestyle=dash, label=title)


def _entry(tested: MeasuredVersion) -> str:
    """Give a line of the legend; a dollar sign would begin a formula."""
    name = tested.name if len(tested.name) <= _LONGEST else f"{tested.name[: _LONGEST - 1]}…"
    interval = f" ({tested.figure('auc_low')} to {tested.figure('auc_high')})" if tested.figures.get("auc_low") else ""
    line = f"{name}, version {tested.version}: AUC {tested.figure('auc')}{interval}, n = {len(tested.patients)}"
    return line.replace("$", r"\$")


def _roc(facts: Facts) -> Plot | None:
    if ("test", "roc") not in facts.curves:
        return None
    figure = _figure()
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="guessing")
    if ("train", "roc") in facts.curves:
        axes.plot(
            *_xy(facts.curves["train", "roc"]), color=_ORANGE, linestyle="--", label=part_title("train", facts.metrics)
        )
    axes.plot(*_xy(facts.curves["test", "roc"]), color=_BLUE, label=part_title("test", facts.metrics))
    for (name, title), (marker, size) in zip(OPERATING_POINTS.items(), _MARKERS, strict=True):
        sensitivity = facts.metrics.get(("test", f"sensitivity_at_{name}"))
        specificity = facts.metrics.get(("test", f"specificity_at_{name}"))
        if sensitivity is not None and specificity is not None:
            # Hollow and of different sizes: two points may lie on one spot.
            axes.plot(
                [1 - specificity], [sensitivity], linestyle="", marker=marker, markersize=size,
                markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.3, label=title,
            )  # fmt: skip
    _square(axes, "1 − specificity", "sensitivity")
    _legend(figure, axes)
    text = "Sensitivity against 1 − specificity at every threshold, with the operating points on the test patients."
    return Plot("roc", "ROC", text, _png(figure))


def _precision_recall(facts: Facts) -> Plot | None:
    if ("test", "precision_recall") not in facts.curves:
        return None
    figure = _figure()
    axes = figure.add_subplot()
    for part, colour, dash in (("train", _ORANGE, "--"), ("test", _BLUE, "-")):
        title = part_title(part, facts.metrics)
        patients, positives = (facts.metrics.get((part, name)) for name in ("patients", "positives"))
        if (part, "precision_recall") in facts.curves:
            recall, precision = _xy(facts.curves[part, "precision_recall"])
            recall, precision = np.append(0.0, recall), np.append(precision[:1], precision)
            axes.step(recall, precision, where="pre", color=colour, linestyle=dash, label=title)
        if part == "test" and patients and positives is not None:
            axes.axhline(positives / patients, color=_GREY, linestyle=":", label="base rate of the test patients")
    _square(axes, "sensitivity (recall)", "precision")
    _legend(figure, axes)
    text = (
        "Precision against sensitivity at every threshold; the dotted line is the share of cancer in the test patients."
    )
    return Plot("precision_recall", "Precision and recall", text, _png(figure))


def _calibration(facts: Facts) -> Plot | None:
    if ("test", "calibration") not in facts.curves:
        return None
    series = [
        ("calibration_raw", "before calibration", _ORANGE, "--", "s"),
        ("calibration", "after calibration", _BLUE, "-", "o"),
    ]
    if not facts.is_calibrated:
        series = [("calibration", "not calibrated", _BLUE, "-", "o")]
    figure = _figure()
    axes, counts = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="perfect calibration")
    most = max(
        [1.0, *(point.threshold or 0.0 for name, *_ in series for point in facts.curves.get(("test", name), []))]
    )
    # Three digits are wider than a bar.
    turned = most >= 100
    for curve, title, colour, dash, marker in series:
        points = facts.curves.get(("test", curve), [])
        if not points:
            continue
        is_raw = curve == "calibration_raw"
        axes.plot(
            *_xy(points),
            color=colour,
            linestyle=dash,
            marker=marker,
            markerfacecolor="none" if is_raw else colour,
            label=title,
        )
        centres = [point.position / 10 + (0.03 if is_raw else 0.07) for point in points]
        patients = [point.threshold or 0.0 for point in points]
        bars = counts.bar(centres, patients, width=0.036, color=colour, hatch="////" if is_raw else None, alpha=0.8)
        counts.bar_label(bars, fmt="%d", fontsize=8, padding=2, rotation=90 if turned else 0)
    axes.set(ylim=(-0.03, 1.03), ylabel="share with cancer")
    counts.set(
        xlim=(-0.02, 1.02),
        ylim=(0, (1.9 if turned else 1.45) * most),
        xlabel="predicted probability",
        ylabel="patients",
    )
    counts.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    _legend(figure, axes)
    text = "Predicted probability and observed share of cancer in ten bins of test patients, with the patients of each."
    return Plot("calibration", "Calibration", text, _png(figure))


def _scores(facts: Facts) -> Plot | None:
    if not facts.scores:
        return None
    figure = _figure()
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    edges = np.linspace(0, 1, _BINS + 1)
    for axes, label, title, colour, hatch in zip(
        panels, (0, 1), ("without cancer", "with cancer"), (_BLUE, _ORANGE), (None, "////"), strict=True
    ):
        values = [probability for truth, probability in facts.scores if truth == label]
        axes.hist(values, bins=list(edges), color=colour, hatch=hatch, edgecolor="white", linewidth=0.5)
        axes.axvline(0.5, color=_GREY, linestyle=":")
        axes.set(ylabel="patients", title=f"test patients {title}: {len(values)}", xlim=(0, 1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    panels[1].set_xlabel("probability")
    text = "How many test patients with and without cancer have which probability; the dotted line is at 0.5."
    return Plot("scores", "Scores by class", text, _png(figure))


def _predicted(facts: Facts) -> Plot | None:
    if not facts.numbers:
        return None
    targets, predicted = np.array(facts.numbers, dtype=np.float64).T
    figure = _figure()
    axes = figure.add_subplot()
    low, high = min(targets.min(), predicted.min()), max(targets.max(), predicted.max())
    margin = 0.05 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    axes.plot(ends, ends, color=_GREY, linestyle=":", label="perfect prediction")
    axes.plot(
        targets, predicted, linestyle="", marker="o", markersize=5, markerfacecolor="none", markeredgecolor=_BLUE,
        markeredgewidth=1.2, label=f"test scans: {targets.size}",
    )  # fmt: skip
    axes.set(xlim=ends, ylim=ends, xlabel="true number", ylabel="predicted number")
    axes.set_aspect("equal")
    axes.grid(color="#dddddd", linewidth=0.5)
    _legend(figure, axes)
    text = "The number predicted against the true one, a mark a scan of the test patients; the dotted line is perfect."
    return Plot("predicted", "Predicted and true", text, _png(figure))


def _errors(facts: Facts) -> Plot | None:
    if not facts.numbers:
        return None
    targets, predicted = np.array(facts.numbers, dtype=np.float64).T
    figure = _figure()
    axes = figure.add_subplot()
    axes.hist(predicted - targets, bins=_BINS, color=_BLUE, edgecolor="white", linewidth=0.5)
    axes.axvline(0, color="black", linestyle=":", linewidth=2)
    axes.set(xlabel="predicted minus true", ylabel="test scans")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    text = "By how much the predictions of the test patients are too low (left of the dotted line) or too high."
    return Plot("errors", "Errors", text, _png(figure))


def _training(facts: Facts) -> Plot | None:
    series = (("train", "learnt from", _ORANGE, "--"), ("validation", "kept for early stopping", _BLUE, "-"))
    if not any((part, f"training_{part}") in facts.curves for part, *_ in series):
        return None
    figure = _figure()
    axes = figure.add_subplot()
    for part, title, colour, dash in series:
        points = facts.curves.get((part, f"training_{part}"), [])
        if not points:
            continue
        axes.plot(*_xy(points), color=colour, linestyle=dash, label=title)
    trees = facts.model.details.get("best_iteration")
    if isinstance(trees, int) and trees > 0:
        axes.axvline(trees, color=_GREY, linestyle=":", label=f"trees of the model: {trees}")
    loss = "root mean squared error" if facts.regresses else "log loss"
    axes.set(xlabel="trees", ylabel=loss)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    _legend(figure, axes)
    folds = None if facts.run is None else facts.run.parameters.get("folds")
    text = f"{loss.capitalize()} after each tree" + (f", mean of the {folds} folds." if folds else ".")
    return Plot("training_curve", "Training curve", text, _png(figure))


def _xy(points: list[Point]) -> tuple[Values, Values]:
    return np.array([point.x for point in points], np.float64), np.array([point.y for point in points], np.float64)


def _figure() -> Figure:
    return Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, layout="constrained")


def _square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel=x, ylabel=y)
    axes.grid(color="#dddddd", linewidth=0.5)


def _legend(figure: Figure, axes: Axes) -> None:
    """Put the legend below the axes, where it hides no line."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower left",
        fontsize=10,
        frameon=False,
        ncols=2,
        labelspacing=0.7,
    )


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasAgg(figure)
    # Software would hold an address and a version, so the same facts would not give the same bytes.
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
