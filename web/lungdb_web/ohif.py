"""OHIF, a viewer that others make, under /ohif: behind the page's sign-in, and set to read this site's DICOMweb alone.

Its build expects to lie at the root of a site. It lies under a path of this one instead, so that cookies, the proxy and
the policy that nothing is fetched from elsewhere hold for it as they are; the two places in its files where the root
stands are written anew on their way, and its start page, which has scripts inside, is replaced by ours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from isal import isal_zlib
from werkzeug.exceptions import NotFound

from lungdb.errors import LungdbError
from lungdb.imaging.dicom_values import valid_uid
from lungdb_web.audit import record_view
from lungdb_web.pages.scans import cached
from lungdb_web.queries.patients import show_patient
from lungdb_web.queries.scans import NoImagesError
from lungdb_web.queries.series import Asked, find_series
from lungdb_web.services import call

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "connect-src 'self' blob: data:",
        "worker-src 'self' blob:",
        "font-src 'self' data:",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Of OHIF's files alone: its decoders are WebAssembly, and its components write style sheets."""
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_COMPRESSED = {".js", ".mjs", ".css", ".wasm", ".json", ".svg"}
_ROOTS = {
    ".js": (b'__webpack_require__.p = "/"', b'__webpack_require__.p = "/ohif/"'),
    ".css": (b"url(/", b"url(/ohif/"),
}
# The start page of the build, and scripts of it that are for other sites.
_LEFT_OUT = {"index.html", "app-config.js", "init-service-worker.js", "sw.js", "google.js"}
_HASHED = re.compile(r"\.[0-9a-f]{16}\.js$|^[0-9a-f]{16}\.\w+$")
_BUNDLE = re.compile(r'src="/(app\.bundle\.[0-9a-f]+\.js)"')
_GZIP = 31


def register(app: Flask, folder: str) -> None:
    """Serve the build in a folder; with an empty name nothing, and then no page links to it.

    Raises
    ------
    LungdbError
        The folder is not the build of OHIF that can be served under a path.
    """
    app.jinja_env.globals["has_ohif"] = bool(folder)
    if not folder:
        return
    place = Path(folder).resolve()
    files = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.suffix in _TYPES}
    bundle = _bundle(place, files)
    blueprint = Blueprint("ohif", __name__)

    @blueprint.get("/patients/<int:index>/ohif")
    def open_patient(index: int) -> ResponseReturnValue:
        """Lead to the study of the patient's scan, its series first."""
        scan_id = show_patient(call, index).scan_id
        (series,) = [one for one in find_series(call, Asked(patient_index=index)) if one.scan_id == scan_id]
        if not series.has_pixels:
            raise NoImagesError()
        record_view("view_scan", index)
        address = url_for(
            "ohif.show",
            path="viewer",
            StudyInstanceUIDs=valid_uid(series.study_uid),
            initialSeriesInstanceUID=valid_uid(series.series_uid),
        )
        return redirect(address, 303)

    @blueprint.get("/ohif/", defaults={"path": ""})
    @blueprint.get("/ohif/<path:path>")
    def show(path: str) -> Response:
        """Send a file of the build; for an address that its scripts know, its start page."""
        if path == "app-config.js":
            response = app.send_static_file("ohif_config.js")
        elif path in files and path not in _LEFT_OUT:
            response = _file(path, files[path])
        elif "." in path.rpartition("/")[2]:
            raise NotFound("OHIF has no such file here.")
        else:
            response = Response(render_template("ohif.html", bundle=bundle), mimetype="text/html")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    app.register_blueprint(blueprint)


def _bundle(place: Path, files: dict[str, Path]) -> str:
    """Find the name of the script that its start page loads."""
    found = None
    if (place / "index.html").is_file():
        found = _BUNDLE.search((place / "index.html").read_text(encoding="utf-8"))
    if found is None or found[1] not in files or files[found[1]].read_bytes().count(_ROOTS[".js"][0]) != 1:
        raise LungdbError(
            f"The folder '{place}' is not the build of OHIF that the page can serve. Run make ohif, which brings it to "
            "web/ohif, or give the folder dist of npm's package @ohif/app 3.13.2."
        )
    return found[1]


def _file(name: str, path: Path) -> Response:
    takes_gzip = request.accept_encodings["gzip"] > 0 and path.suffix in _COMPRESSED
    changed = path.stat().st_mtime_ns
    response = Response(_compressed(path, changed) if takes_gzip else _content(path), mimetype=_TYPES[path.suffix])
    if takes_gzip:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    if _HASHED.search(name):
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response
    return cached(response, f"{name} {changed}")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    before, after = _ROOTS.get(path.suffix, (b"", b""))
    return content.replace(before, after) if before else content


@lru_cache(maxsize=64)
def _compressed(path: Path, changed: int) -> bytes:
    """Compress a file as it is since a moment."""
    compressed: bytes = isal_zlib.compress(_content(path), 3, _GZIP)
    return compressed
