"""The web page of lungdb: a Flask application over stored procedures."""

from lungdb_web.app import create_app

__all__ = ["create_app"]
