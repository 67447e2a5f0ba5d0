"""Scoring all that is not scored: begun and stopped by buttons on the list, told how far it is."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue

from lungdb_web.access import current_account, require
from lungdb_web.audit import background_recorder
from lungdb_web.listing import present_listing
from lungdb_web.queries.installed import NO_BULK, NotInstalled
from lungdb_web.services import bulk, installed, services

blueprint = Blueprint("scoring", __name__, url_prefix="/scoring")


@blueprint.post("/start")
@require("scorer")
def start() -> ResponseReturnValue:
    """Begin to score all that is not scored, unless that goes on already."""
    if not installed().scores_many:
        raise NotInstalled(NO_BULK)
    bulk().start(current_account().name, installed(), services().settings.web_model, background_recorder())
    return _back()


@blueprint.post("/stop")
@require("scorer")
def stop() -> ResponseReturnValue:
    """End it after the chunk that it is at."""
    bulk().stop()
    return _back()


@blueprint.get("/state.json")
def state() -> ResponseReturnValue:
    """Say how far it is."""
    now = bulk().state()
    return jsonify(
        status=now.status,
        done=now.done,
        total=now.total,
        failed=now.failed,
        percent=now.percent,
        rate=now.rate,
        seconds_left=now.seconds_left,
        message=now.message,
    )


def _back() -> ResponseReturnValue:
    return redirect(url_for("worklist.index", **present_listing().query), 303)
