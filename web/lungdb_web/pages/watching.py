"""/watching: models in use, and what the installation is at work on."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, abort, render_template, request

from lungdb_web.access import current_account
from lungdb_web.queries import installed as absences
from lungdb_web.queries import models, watching
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.services import call, installed, services
from lungdb_web.watching_plots import calibration_plot, watching_plots
from lungdb_web.withheld import coarse_calibration

blueprint = Blueprint("watching", __name__, url_prefix="/watching")


@blueprint.get("")
def index() -> str:
    """List what each model's name serves, with its last check for drift, and what goes on."""
    here, work = installed(), None
    if here.watches_work:
        try:
            work = watching.read_work(call)
        except NotInstalled:
            here = replace(here, watches_work=False)
    served = watching.list_served(call)
    job = services().background.job if current_account().may("administrator") else None
    return render_template(
        "watching.html",
        served=served,
        drift={one.name: next(iter(watching.list_drift(call, one.classifier_id)), None) for one in served},
        work=work,
        job=job,
        installed=here,
        absences=absences,
    )


@blueprint.get("/<int:classifier_id>")
def show(classifier_id: int) -> str:
    """Show a version in use: scores over time, drift, calibration, subgroups and looks."""
    model = version_of(classifier_id)
    period, days = request.args.get("period", "day"), request.args.get("days", 30, type=int)
    if period not in watching.PERIODS or days not in watching.SPANS:
        abort(400, "Choose a period, day or week, and 30, 90 or 366 days.")
    here = installed()
    scores: list[watching.ScorePeriod] = []
    looks: list[watching.Look] = []
    if here.watches_models:
        try:
            scores, looks = watching.read_scores(call, model.name, model.version, period, days)
        except NotInstalled:
            here = replace(here, watches_models=False)
    sees_truth = current_account().sees_truth
    curves = models.read_curves(call, classifier_id)
    promotions = models.read_promotions(call, model.name)
    return render_template(
        "watching_model.html",
        model=model,
        period=period,
        periods=watching.PERIODS,
        days=days,
        spans=watching.SPANS,
        scores=scores,
        looks=looks,
        plots=watching_plots(scores, period),
        calibration=calibration_plot(curves if sees_truth else coarse_calibration(curves)),
        drift=watching.list_drift(call, classifier_id),
        evaluation=watching.read_evaluation(call, classifier_id),
        figures=dict(watching.FIGURES),
        standing=[promotion for promotion in promotions if promotion.rolled_back_at is None],
        sees_truth=sees_truth,
        installed=here,
        absences=absences,
    )


def version_of(classifier_id: int) -> models.Version:
    """Give the version with this number; a 404 where there is none."""
    found = models.find_classifier(call, classifier_id)
    if found is None:
        abort(404, f"There is no model with the number {classifier_id}. Choose one of those listed.")
    return found
