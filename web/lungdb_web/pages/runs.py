"""/runs: what procedures are at work on, and what they did last."""

from __future__ import annotations

from flask import Blueprint, render_template

from lungdb_web.queries import runs
from lungdb_web.services import call

blueprint = Blueprint("runs", __name__, url_prefix="/runs")


@blueprint.get("")
def index() -> str:
    """List the long calls of procedures."""
    return render_template("runs.html", runs=runs.list_runs(call))
