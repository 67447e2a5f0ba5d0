"""create_app(): settings become a WSGI application."""

from __future__ import annotations

import mimetypes

from flask import Flask

from lungdb.config import Settings, load_settings
from lungdb_web import access, dicomweb, formatting, ohif, security
from lungdb_web.api.application import register_api
from lungdb_web.bulk import BulkScoring
from lungdb_web.database import Database
from lungdb_web.logs import Application
from lungdb_web.pages import (
    administering,
    audit,
    errors,
    health,
    metrics,
    models,
    nodules,
    original,
    patient,
    reasons,
    reports,
    reviews,
    runs,
    scans,
    scoring,
    sign_in,
    thumbnails,
    uploads,
    watching,
    worklist,
)
from lungdb_web.services import Services, comparing_turns, scoring_turns

BLUEPRINTS = (
    sign_in.blueprint,
    health.blueprint,
    metrics.blueprint,
    worklist.blueprint,
    scoring.blueprint,
    patient.blueprint,
    reviews.blueprint,
    nodules.blueprint,
    thumbnails.blueprint,
    reasons.blueprint,
    scans.blueprint,
    models.blueprint,
    reports.blueprint,
    runs.blueprint,
    watching.blueprint,
    administering.blueprint,
    audit.blueprint,
    original.blueprint,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application.

    Parameters
    ----------
    settings : Settings, optional
        Those of config.py and the environment by default. The database need not be there yet.
    """
    # Windows may have another type for it in its registry, and then browsers refuse the page's scripts.
    mimetypes.add_type("text/javascript", ".js")
    app = Application("lungdb_web")
    settings = settings or load_settings()
    with app.app_context():
        database = Database(settings.database)
        Services(settings, database, scoring_turns(), comparing_turns(), BulkScoring(database)).install()
    formatting.register(app)
    access.register(app)
    security.register(app, settings)
    metrics.register(app, settings)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    dicomweb.register(app)
    ohif.register(app, settings.web_ohif)
    uploads.register(app)
    register_api(app)
    return app
