"""What an administrator does with models: training, searches, drift checks, promotion and rollback."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TypeVar

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lungdb.errors import ErrorNumber, SqlError
from lungdb.reporting.names import FIGURES
from lungdb_web.access import require
from lungdb_web.pages.watching import version_of
from lungdb_web.queries import administering, models, watching
from lungdb_web.queries import installed as absences
from lungdb_web.queries.administering import LongCall
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.recorded_work import OnMessage, recorded, start_recorded
from lungdb_web.services import call, installed

blueprint = Blueprint("administering", __name__, url_prefix="/watching")

ADMINISTRATOR = "administrator"
DRIFT_DAYS = 90
_MOST_NAME = 128
_MOST_REASON = 400
_METRIC_NAMES = {name: title for group in FIGURES.values() for name, title, _ in group if name in models.COMPARED}

T = TypeVar("T", int, str)


@blueprint.get("/<int:classifier_id>/promote")
@require(ADMINISTRATOR)
def ask_promotion(classifier_id: int) -> str:
    """Show a version beside the champion of its name, and ask whether it is to take its place."""
    return _promotion_page(version_of(classifier_id), models.COMPARED[0])


@blueprint.post("/<int:classifier_id>/promote/compare")
@require(ADMINISTRATOR)
def compare_before_promotion(classifier_id: int) -> str:
    """Show both on the test patients that both have scored, which is a look at them, and ask then."""
    metric = _one_of("metric", models.COMPARED, request.form.get("metric", ""))
    return _promotion_page(version_of(classifier_id), metric, compares=True)


@blueprint.post("/<int:classifier_id>/promote")
@require(ADMINISTRATOR)
def promote(classifier_id: int) -> ResponseReturnValue:
    """Make a version the champion of its name."""
    candidate = version_of(classifier_id)
    metric = _one_of("metric", models.COMPARED, request.form.get("metric", ""))
    is_forced = "force" in request.form
    reason = " ".join(request.form.get("reason", "").split())[:_MOST_REASON]
    if is_forced and not reason:
        return _promotion_page(candidate, metric, "Say why it is to be promoted whatever the figures say."), 400
    detail = f"{candidate.name} version {candidate.version} by {metric}" + (f", by force: {reason}" * is_forced)
    try:
        with recorded("promote", detail):
            administering.promote(call, candidate.name, candidate.version, metric, force=is_forced)
    except SqlError as error:
        return _promotion_page(candidate, metric, _refusal(error)), 409
    return redirect(url_for("watching.show", classifier_id=classifier_id), 303)


@blueprint.get("/<int:classifier_id>/roll_back")
@require(ADMINISTRATOR)
def ask_rollback(classifier_id: int) -> str:
    """Show the champion beside the version that would take its place again, and ask whether it is to."""
    return _rollback_page(version_of(classifier_id))


@blueprint.post("/<int:classifier_id>/roll_back/compare")
@require(ADMINISTRATOR)
def compare_before_rollback(classifier_id: int) -> str:
    """Show both on the test patients that both have scored, which is a look at them, and ask then."""
    metric = _one_of("metric", models.COMPARED, request.form.get("metric", ""))
    return _rollback_page(version_of(classifier_id), metric=metric, compares=True)


@blueprint.post("/<int:classifier_id>/roll_back")
@require(ADMINISTRATOR)
def roll_back(classifier_id: int) -> ResponseReturnValue:
    """Undo the newest promotion of a name."""
    model = version_of(classifier_id)
    if not model.is_champion:  # somebody else was faster, so that another version would be rolled back
        return _rollback_page(model, f"Version {model.version} is not the champion any more. Look again."), 409
    try:
        with recorded("roll_back", f"{model.name} version {model.version}"):
            administering.roll_back(call, model.name)
    except SqlError as error:
        return _rollback_page(model, _refusal(error)), 409
    return redirect(url_for("watching.index"), 303)


@blueprint.get("/train")
@require(ADMINISTRATOR)
def ask_training() -> str:
    """Ask what is to be trained, or searched for."""
    return render_template(
        "watching_train.html",
        served=watching.list_served(call),
        administering=administering,
        installed=installed(),
        absences=absences,
    )


@blueprint.post("/train")
@require(ADMINISTRATOR)
def train() -> ResponseReturnValue:
    """Train a new version of a model in the background."""
    asked = administering.Training(
        _name(),
        _one_of("algorithm", administering.ALGORITHMS, request.form.get("algorithm", "")),
        request.form.get("pooling", "").strip()[:32] or None,
        _one_of("calibration", administering.CALIBRATIONS, request.form.get("calibration", "")),
        _number("folds"),
        _number("seed"),
        "skip_missing" in request.form,
    )
    detail = f"{asked.name}, {asked.algorithm}, folds {asked.folds}, seed {asked.seed}"

    def work(long_call: LongCall, on_message: OnMessage) -> None:
        administering.train(long_call, asked, on_message)

    start_recorded(f"Training of {asked.name}", "train", detail, work)
    return redirect(url_for("watching.index", _anchor="job"), 303)


@blueprint.post("/search")
@require(ADMINISTRATOR)
def search() -> ResponseReturnValue:
    """Search for the best settings of a model in the background, and train it with them."""
    asked = administering.Searching(
        _name(),
        _number("trials"),
        _one_of("metric", administering.METRICS, request.form.get("metric", "")),
        _number("folds"),
        _number("seed"),
        "skip_missing" in request.form,
    )
    detail = f"{asked.name}, {asked.trials} trials by {asked.metric}, folds {asked.folds}, seed {asked.seed}"

    def work(long_call: LongCall, on_message: OnMessage) -> None:
        administering.search(long_call, asked, on_message)

    start_recorded(f"Search for {asked.name}", "search_models", detail, work)
    return redirect(url_for("watching.index", _anchor="job"), 303)


@blueprint.post("/end_search")
@require(ADMINISTRATOR)
def end_search() -> ResponseReturnValue:
    """End a search that is not finished: its workers stop after the trials that they have."""
    search_id = _number("search_id")
    try:
        with recorded("end_search", f"search {search_id}"):
            administering.end_search(call, search_id)
    except SqlError as error:
        abort(409, _refusal(error))
    return redirect(url_for("watching.index", _anchor="job"), 303)


@blueprint.post("/<int:classifier_id>/check_drift")
@require(ADMINISTRATOR)
def check_drift(classifier_id: int) -> ResponseReturnValue:
    """Compare the patients of the last 90 days with those whom the version was tested on, in the background."""
    model = version_of(classifier_id)
    since = (datetime.now(timezone.utc) - timedelta(days=DRIFT_DAYS)).replace(tzinfo=None, microsecond=0)

    def work(long_call: LongCall, on_message: OnMessage) -> None:
        administering.check_drift(long_call, model.name, model.version, since, on_message)

    detail = f"{model.name} version {model.version} since {since:%Y-%m-%d}"
    start_recorded(f"Check of {model.name} version {model.version} for drift", "check_drift", detail, work)
    return redirect(url_for("watching.index", _anchor="job"), 303)


def _promotion_page(
    candidate: models.Version, metric: str, refusal: str | None = None, *, compares: bool = False
) -> str:
    champion = next((one for one in models.list_versions(call) if one.name == candidate.name and one.is_champion), None)
    return render_template(
        "watching_promote.html",
        model=candidate,
        other=champion,
        stored=_stored(candidate, champion),
        compared=compares,
        comparison=_compare(candidate, champion, metric) if compares else None,
        metric=metric,
        metrics=_METRIC_NAMES,
        refusal=refusal,
        is_rollback=False,
        installed=installed(),
        absences=absences,
    )


def _rollback_page(
    model: models.Version, refusal: str | None = None, *, metric: str = models.COMPARED[0], compares: bool = False
) -> str:
    promotions = models.read_promotions(call, model.name)
    standing = [promotion for promotion in promotions if promotion.rolled_back_at is None]
    before = models.find_version(call, model.name, standing[1].version) if len(standing) > 1 else None
    return render_template(
        "watching_promote.html",
        model=model,
        other=before,
        stored=_stored(model, before),
        compared=compares,
        comparison=_compare(model, before, metric) if compares else None,
        metric=metric,
        metrics=_METRIC_NAMES,
        refusal=refusal,
        is_rollback=True,
        installed=installed(),
        absences=absences,
    )


def _stored(a: models.Version, b: models.Version | None) -> list[dict[tuple[str, str], float | None]]:
    return [models.read_figures(call, one.classifier_id) for one in (a, b) if one is not None]


def _compare(a: models.Version, b: models.Version | None, metric: str) -> models.Comparison | None:
    """Compare both on common test patients, which the database counts as a look at them, and tell the audit."""
    if b is None or a.classifier_id == b.classifier_id or not installed().compares:
        return None
    try:
        with recorded("compare", f"{a.name} version {a.version} with version {b.version} by {metric}"):
            return models.compare(call, a, b, metric, 0, sees_truth=False)
    except NotInstalled:
        return None


def _refusal(error: SqlError) -> str:
    if error.number not in list(ErrorNumber):  # what lungdb's own procedures refuse is for people to read
        raise error
    return error.message


def _name() -> str:
    name = request.form.get("name", "").strip()
    if not 1 <= len(name) <= _MOST_NAME:
        abort(400, f"Give a model a name of 1 to {_MOST_NAME} characters.")
    return name


def _number(field: str) -> int:
    value = request.form.get(field, type=int)
    if value is None or not -(2**31) <= value < 2**31:
        abort(400, f"The field {field} needs a whole number.")
    return value


def _one_of(field: str, known: tuple[str, ...], value: str) -> str:
    if value not in known:
        abort(400, f"The value {value!r} of {field} is not known. Choose one of {', '.join(known)}.")
    return value
