"""Which curves of a model make which plots, and what is said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lungdb.reporting.names import OPERATING_POINTS, Metrics, part_title
from lungdb_web.plots import Axis, Place, Plot, Series, range_of
from lungdb_web.queries.models import Point
from lungdb_web.withheld import SENTENCE, Curves

_MARKS = (("circle", 4.0), ("square", 6.0), ("triangle", 7.0), ("diamond", 8.0))
_GUESSING = Series("guessing", "reference", [(0.0, 0.0), (1.0, 1.0)])
_ROC_AXES = Axis("1 − specificity"), Axis("sensitivity")
_PRECISION_RECALL_AXES = Axis("sensitivity (recall)"), Axis("precision")


def model_plots(
    curves: Curves, figures: Metrics, details: Mapping[str, object], folds: object, *, withheld: bool
) -> list[Plot]:
    """Make every plot that the curves of a version allow; one that is not defined or not recorded gives none.

    Parameters
    ----------
    details : dict
        As training stored them; `calibration` and `best_iteration` are looked at.
    folds : int or None
        Folds of the training run, over which its curves are means.
    withheld : bool
        The ROC and precision-recall curves are those of `coarse_curves`, and it is said why.
    """
    plots = (
        _roc(curves, figures, withheld),
        _precision_recall(curves, figures, withheld),
        _calibration(curves, isinstance(details.get("calibration"), dict)),
        _training(curves, details.get("best_iteration"), folds),
    )
    return [plot for plot in plots if plot is not None]


def comparison_plots(name_a: str, curves_a: Curves, name_b: str, curves_b: Curves, *, withheld: bool) -> list[Plot]:
    """Lay the test patients' curves of two versions over each other."""
    plots = []
    for curve, title, text, axes, line, reference in (
        ("roc", "ROC", "Sensitivity against 1 − specificity", _ROC_AXES, "straight", [_GUESSING]),
        (
            "precision_recall",
            "Precision and recall",
            "Precision against sensitivity",
            _PRECISION_RECALL_AXES,
            "stepped",
            [],
        ),
    ):
        drawn = [
            Series(name, kind, _from_the_left(_places(curves.get(("test", curve), ())), line), line)
            for name, kind, curves in ((name_a, "a", curves_a), (name_b, "b", curves_b))
            if curves.get(("test", curve))
        ]
        if drawn:
            text = _said(f"{text} at every threshold, each version on its own test patients.", withheld)
            plots.append(Plot(curve, title, text, *axes, [*drawn, *reference]))
    return plots


def _roc(curves: Curves, figures: Metrics, withheld: bool) -> Plot | None:
    if ("test", "roc") not in curves:
        return None
    series = [Series(part_title("test", figures), "a", _places(curves["test", "roc"]))]
    if ("train", "roc") in curves:
        series.append(Series(part_title("train", figures), "b", _places(curves["train", "roc"])))
    for (name, title), (mark, size) in zip(OPERATING_POINTS.items(), _MARKS, strict=True):
        sensitivity = figures.get(("test", f"sensitivity_at_{name}"))
        specificity = figures.get(("test", f"specificity_at_{name}"))
        if sensitivity is not None and specificity is not None:
            series.append(Series(f"Test, {title}", "point", [(1 - specificity, sensitivity)], None, mark, size))
    text = "Sensitivity against 1 − specificity at every threshold, with the operating points on the test patients."
    return Plot("roc", "ROC", _said(text, withheld), *_ROC_AXES, [*series, _GUESSING])


def _precision_recall(curves: Curves, figures: Metrics, withheld: bool) -> Plot | None:
    if ("test", "precision_recall") not in curves:
        return None
    series = [
        Series(title, kind, _from_the_left(_places(curves[part, "precision_recall"]), "stepped"), "stepped")
        for part, title, kind in (
            ("test", part_title("test", figures), "a"),
            ("train", part_title("train", figures), "b"),
        )
        if (part, "precision_recall") in curves
    ]
    patients, positives = (figures.get(("test", name)) for name in ("patients", "positives"))
    if patients and positives is not None:
        share = positives / patients
        series.append(Series("share of cancer in the test patients", "reference", [(0.0, share), (1.0, share)]))
    text = "Precision against sensitivity at every threshold. The dotted line is what calling everybody positive gives."
    return Plot("precision_recall", "Precision and recall", _said(text, withheld), *_PRECISION_RECALL_AXES, series)


def _calibration(curves: Curves, is_calibrated: bool) -> Plot | None:
    if ("test", "calibration") not in curves:
        return None
    shown = [("calibration", "after calibration" if is_calibrated else "not calibrated", "a", "circle")]
    if is_calibrated:
        shown.append(("calibration_raw", "before calibration", "b", "square"))
    series = []
    for curve, title, kind, mark in shown:
        points = [point for point in curves.get(("test", curve), ()) if point.x is not None and point.y is not None]
        if points:
            patients = [point.patients or 0 for point in points]
            series.append(Series(title, kind, _places(points), mark=mark, patients=patients))
    series.append(Series("perfect calibration", "reference", [(0.0, 0.0), (1.0, 1.0)]))
    text = (
        "Mean probability and observed share of cancer in ten bins of test patients; the larger the mark, the more "
        "patients are in the bin."
    )
    axes = Axis("predicted probability"), Axis("share with cancer")
    return Plot("calibration", "Calibration", text, *axes, series)


def _training(curves: Curves, trees: object, folds: object) -> Plot | None:
    series = [
        Series(title, kind, _places(curves[part, f"training_{part}"]))
        for part, title, kind in (("validation", "kept for early stopping", "a"), ("train", "learnt from", "b"))
        if (part, f"training_{part}") in curves
    ]
    places = [place for one in series for place in one.points]
    if not places:
        return None
    y = Axis("log loss", *range_of([y for _, y in places]))
    x = Axis("trees", 0.0, max(1.0, *(x for x, _ in places)))
    if isinstance(trees, int) and 0 < trees <= x.high:
        series.append(
            Series(f"trees of the model: {trees}", "reference", [(float(trees), y.low), (float(trees), y.high)])
        )
    text = "Log loss after each tree" + (f", mean of the {folds} folds." if folds else ".")
    return Plot("training", "Training curve", text, x, y, series)


def _said(text: str, withheld: bool) -> str:
    return f"{text} {SENTENCE}" if withheld else text


def _places(points: Sequence[Point]) -> list[Place]:
    return [(point.x, point.y) for point in points if point.x is not None and point.y is not None]


def _from_the_left(places: list[Place], line: str) -> list[Place]:
    """Let a stair begin at the axis: the first precision holds from no patient found on."""
    return [(0.0, places[0][1]), *places] if line == "stepped" else places
