"""/models: the versions of models, one of them in full with its plots, and two of them side by side."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lungdb.reporting import card
from lungdb.reporting.names import FIGURES, LIBRARIES, OPERATING_POINTS, PARTS, part_title
from lungdb_web.access import current_account
from lungdb_web.audit import record
from lungdb_web.model_plots import comparison_plots, model_plots
from lungdb_web.plots import Plot
from lungdb_web.queries import installed as absences
from lungdb_web.queries import models
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.services import call, installed
from lungdb_web.withheld import Curves, coarse_curves

blueprint = Blueprint("models", __name__, url_prefix="/models")

_DISAGREEMENTS = 10
_WITHOUT_RUN = (
    f"{card.WITHOUT_RUN} What EvaluateModel has measured of it stands in its report, which lungdb report writes."
)


@blueprint.get("")
def index() -> str:
    """List all versions of all models."""
    return render_template(
        "models.html",
        versions=models.list_versions(call),
        libraries=LIBRARIES,
        installed=installed(),
        absences=absences,
    )


@blueprint.get("/find")
def find() -> ResponseReturnValue:
    """Lead to a version by the name and version of the query, where any name can stand."""
    return _lead_to(request.args.get("name", ""), request.args.get("version", 0, type=int))


# The addresses until version 0.2; a name may hold slashes, also two in a row, but not every name comes through.
@blueprint.get("/<path:name>/<int:version>", merge_slashes=False)
def show_named(name: str, version: int) -> ResponseReturnValue:
    """Lead to a version from where it had its page before."""
    return _lead_to(name, version)


@blueprint.get("/<int:number>")
def show(number: int) -> str:
    """Show a version with its figures, plots, training run and promotions."""
    model = _version(number)
    sees_truth = current_account().sees_truth
    figures = models.read_figures(call, model.classifier_id)
    origin = models.read_origin(call, model.classifier_id)
    parts = [part for part in PARTS if any(measured == part for measured, _ in figures)]
    return render_template(
        "models_version.html",
        model=model,
        origin=origin,
        figures=figures,
        parts={part: part_title(part, figures) for part in parts},
        groups=FIGURES,
        sees_truth=sees_truth,
        operating_points=OPERATING_POINTS,
        summary=_WITHOUT_RUN if origin.experiment_id is None else card.summary(figures),
        library=LIBRARIES.get(model.library, model.library),
        plots=_plots(model, origin, figures),
        promotions=models.read_promotions(call, model.name),
    )


@blueprint.get("/<int:number>/<plot>.svg")
def picture(number: int, plot: str) -> Response:
    """Give a plot of a version as a file."""
    model = _version(number)
    figures = models.read_figures(call, model.classifier_id)
    drawn = {one.name: one for one in _plots(model, models.read_origin(call, model.classifier_id), figures)}
    if plot not in drawn:
        known = ", ".join(drawn) or "none"
        abort(404, f"{model.name} version {model.version} has no plot {plot!r}. Its plots are: {known}.")
    return Response(render_template("models_plot.svg", plot=drawn[plot]), mimetype="image/svg+xml")


@blueprint.get("/compare")
def compare() -> str:
    """Compare the versions with the numbers a and b by a figure."""
    a, b = _chosen("a"), _chosen("b")
    metric = request.args.get("metric", models.COMPARED[0])
    if metric not in models.COMPARED:
        abort(400, f"The figure {metric!r} is not known. Choose one of {', '.join(models.COMPARED)}.")
    sees_truth = current_account().sees_truth
    comparison, here = None, installed()
    if here.compares:
        try:
            comparison = models.compare(call, a, b, metric, _DISAGREEMENTS, sees_truth=sees_truth)
        except NotInstalled:
            here = replace(here, compares=False)
    # Each of these rows has a patient's label.
    disagreements = comparison.disagreements if comparison else []
    for patient in disagreements:
        record("view_truth", patient_index=patient.patient_index, detail="comparison of models")
    return render_template(
        "models_compare.html",
        a=a,
        b=b,
        comparison=comparison,
        disagreements=disagreements,
        installed=here,
        absences=absences,
        metric=metric,
        metrics={name: title for group in FIGURES.values() for name, title, _ in group if name in models.COMPARED},
        plots=comparison_plots(
            f"{a.name} version {a.version}",
            _curves(a, sees_truth),
            f"{b.name} version {b.version}",
            _curves(b, sees_truth),
            withheld=not sees_truth,
        ),
        versions=models.list_versions(call),
        libraries=LIBRARIES,
    )


def _lead_to(name: str, version: int) -> ResponseReturnValue:
    found = models.find_version(call, name, version)
    if found is None:
        abort(404, f"There is no version {version} of a model named {name!r}. Choose one of the models listed.")
    return redirect(url_for("models.show", number=found.classifier_id))


def _version(number: int) -> models.Version:
    found = models.find_classifier(call, number)
    if found is None:
        abort(404, f"There is no model with the number {number}. Choose one of the models listed.")
    return found


def _chosen(argument: str) -> models.Version:
    number = request.args.get(argument, type=int)
    found = None if number is None else models.find_classifier(call, number)
    if found is None:
        abort(404, f"There is no model with the number {request.args.get(argument, '')!r}. Choose two of those listed.")
    return found


def _plots(model: models.Version, origin: models.Origin, figures: dict[tuple[str, str], float | None]) -> list[Plot]:
    sees_truth = current_account().sees_truth
    curves = _curves(model, sees_truth)
    return model_plots(curves, figures, origin.details, origin.parameters.get("folds"), withheld=not sees_truth)


def _curves(model: models.Version, sees_truth: bool) -> Curves:
    curves = models.read_curves(call, model.classifier_id)
    return curves if sees_truth else coarse_curves(curves)
