"""DICOMweb, read only: series are searched by QIDO-RS and read by WADO-RS (DICOM PS3.18, chapter 10)."""

from __future__ import annotations

from flask import Flask

from lungdb_web.converters import Uid


def register(app: Flask) -> None:
    """Add /dicomweb to an application."""
    from lungdb_web.dicomweb import retrieving, searching

    app.url_map.converters["uid"] = Uid
    app.register_blueprint(searching.blueprint)
    app.register_blueprint(retrieving.blueprint)
