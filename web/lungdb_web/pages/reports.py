"""The report about a version of a model, as `lungdb report` writes it, for administrators who may see the truth."""

from __future__ import annotations

from flask import Blueprint, Response, abort
from werkzeug.exceptions import Forbidden

from lungdb.errors import LungdbError
from lungdb_web.access import current_account, require
from lungdb_web.audit import record, refuse
from lungdb_web.queries import models
from lungdb_web.queries.installed import NO_REPORT, granted_or
from lungdb_web.services import call, services

blueprint = Blueprint("reports", __name__)


@blueprint.get("/models/<int:number>/report.html")
@require("administrator")
def download(number: int) -> Response:
    """Write the report, and send it as a file.

    Raises
    ------
    NotInstalled
        The page's login has no right to read the tables that the report is made of.
    LungdbError
        matplotlib is not installed.
    """
    account = current_account()
    if not account.sees_truth:
        refuse("may not see the truth")
        raise Forbidden("The report has figures that need the truth, which your account may not see.")
    model = models.find_classifier(call, number)
    if model is None:
        abort(404, f"There is no model with the number {number}. Choose one of the models listed.")
    record("report", detail=f"model {number}")
    try:
        from lungdb.reporting.detectors import read_detectors
        from lungdb.reporting.facts import read_facts
        from lungdb.reporting.page import render_page
        from lungdb.reporting.plots import draw_detectors, draw_evaluations, draw_plots
    except ModuleNotFoundError as error:
        raise LungdbError(f'The report needs {error.name}. Run on the server: pip install "lungdb[report]"') from error
    here = services()
    with here.comparing.take():
        with granted_or(NO_REPORT), here.database.lend(account.name, "comparisons") as connection:
            facts = read_facts(connection, model.name, model.version)
            detectors = read_detectors(connection)
        evaluated = [*draw_evaluations(facts.evaluations), *draw_detectors(detectors.measured)]
        page = render_page(facts, draw_plots(facts), evaluated, None, detectors)
    response = Response(page, mimetype="text/html")
    response.headers["Content-Disposition"] = f'attachment; filename="model-{number}.html"'
    return response
