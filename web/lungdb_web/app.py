"""create_app(): settings become a WSGI application."""

from __future__ import annotations

import mimetypes

from flask import Flask

from lungdb.config import Settings, load_settings
from lungdb_web import access, formatting, security
from lungdb_web.api.application import register_api
from lungdb_web.database import Database
from lungdb_web.pages import errors, health, models, original, patient, reasons, runs, scans, sign_in, uploads, worklist
from lungdb_web.services import Services, comparing_turns, scoring_turns

BLUEPRINTS = (
    sign_in.blueprint,
    health.blueprint,
    worklist.blueprint,
    patient.blueprint,
    reasons.blueprint,
    scans.blueprint,
    models.blueprint,
    runs.blueprint,
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
    app = Flask("lungdb_web")
    settings = settings or load_settings()
    with app.app_context():
        Services(settings, Database(settings.database), scoring_turns(), comparing_turns()).install()
    formatting.register(app)
    access.register(app)
    security.register(app, settings)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    uploads.register(app)
    register_api(app)
    return app
