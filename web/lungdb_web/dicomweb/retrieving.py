"""WADO-RS: metadata, frames, and pictures of studies, series and slices (PS3.18 10.4)."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from lungdb_web.audit import record, record_view
from lungdb_web.dicomweb.attributes import EXPLICIT_VR_LITTLE_ENDIAN, metadata
from lungdb_web.dicomweb.elements import dataset
from lungdb_web.dicomweb.negotiating import JSON, choose, choose_frames
from lungdb_web.dicomweb.pictures import FORMATS, THUMBNAIL, Rendering, draw, read_rendering
from lungdb_web.pages.scans import cached
from lungdb_web.queries.scans import NoImagesError
from lungdb_web.queries.series import Asked, Instance, Series, find_series, list_instances, read_pixels
from lungdb_web.services import call
from lungdb_web.turns import Turns

blueprint = Blueprint("dicomweb", __name__, url_prefix="/dicomweb/studies/<uid:study>")
_SERIES = "/series/<uid:series>"
_INSTANCE = f"{_SERIES}/instances/<uid:instance>"
_FRAMES = f"{_INSTANCE}/frames/<frames>"
# A viewer asks for hundreds at once; threads are left for everybody else.
SLICES = Turns(workers=8, waiting=32, wait=30.0)
_LONGEST_LIST = 100


@blueprint.get("/metadata")
def study_metadata(study: str) -> Response:
    """Tell all of the slices of a study but their pixels."""
    return _metadata(_find(study))


@blueprint.get(f"{_SERIES}/metadata")
def series_metadata(study: str, series: str) -> Response:
    """Tell all of the slices of a series but their pixels."""
    return _metadata(_find(study, series))


@blueprint.get(f"{_INSTANCE}/metadata")
def instance_metadata(study: str, series: str, instance: str) -> Response:
    """Tell all of a slice but its pixels."""
    return _metadata(_find(study, series), instance)


@blueprint.get(_FRAMES)
def show_frames(study: str, series: str, instance: str, frames: str) -> Response:
    """Send the one frame of a slice: Hounsfield units, int16, little-endian, row after row."""
    _check_frames(frames)
    media_type = choose_frames(EXPLICIT_VR_LITTLE_ENDIAN)
    found, one = _slice(study, series, instance)
    response = cached(Response(mimetype="application/octet-stream"), f"{one.sha256} {media_type}")
    response.vary.add("Accept")
    if response.status_code != 200:
        return response
    with SLICES.take():
        pixels = read_pixels(call, found, one).astype("<i2", copy=False).tobytes()
    if media_type == "multipart/related":
        boundary = secrets.token_hex(16)
        head = (
            f"--{boundary}\r\nContent-Type: application/octet-stream; "
            f"transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN}\r\nContent-Length: {len(pixels)}\r\n"
            f"Content-Location: {quote(request.path)}\r\n\r\n"
        )
        response.headers["Content-Type"] = (
            f'multipart/related; type="application/octet-stream"; boundary="{boundary}"; '
            f"transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN}"
        )
        pixels = head.encode("ascii") + pixels + f"\r\n--{boundary}--\r\n".encode("ascii")
    else:
        response.headers["Content-Type"] = f"{media_type}; transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN}"
    response.set_data(pixels)
    return response


@blueprint.get(f"{_INSTANCE}/rendered")
def show_instance(study: str, series: str, instance: str) -> Response:
    """Draw a slice through a window."""
    return _picture(read_rendering(), study, series, instance)


@blueprint.get(f"{_FRAMES}/rendered")
def show_frame(study: str, series: str, instance: str, frames: str) -> Response:
    """Draw the one frame of a slice through a window."""
    _check_frames(frames)
    return _picture(read_rendering(), study, series, instance)


@blueprint.get("/thumbnail", defaults={"series": None, "instance": None})
@blueprint.get(f"{_SERIES}/thumbnail", defaults={"instance": None})
@blueprint.get(f"{_INSTANCE}/thumbnail")
def show_thumbnail(study: str, series: str | None, instance: str | None) -> Response:
    """Draw a slice small: of a study or a series the one in the middle."""
    return _picture(read_rendering(THUMBNAIL), study, series, instance)


@blueprint.get(f"{_FRAMES}/thumbnail")
def show_frame_thumbnail(study: str, series: str, instance: str, frames: str) -> Response:
    """Draw the one frame of a slice small."""
    _check_frames(frames)
    return _picture(read_rendering(THUMBNAIL), study, series, instance)


def _metadata(found: list[Series], instance: str | None = None) -> Response:
    media_type = choose(JSON, "application/json")
    told = []
    for series in found:
        instances = list_instances(call, series)
        record_view("view_scan", series.patient_index)
        wanted = instances if instance is None else [_among(instances, instance)]
        told += [dataset(metadata(series, instances, one)) for one in wanted]
    body = json.dumps(told, ensure_ascii=False)
    response = cached(Response(body, mimetype=media_type), body)
    response.vary.add("Accept")
    return response


def _picture(rendering: Rendering, study: str, series: str | None, instance: str | None) -> Response:
    media_type = choose(*FORMATS)
    found, one = _slice(study, series, instance)
    response = cached(Response(mimetype=media_type), f"{one.sha256} {media_type} {sorted(asdict(rendering).items())}")
    response.vary.add("Accept")
    if response.status_code == 200:
        with SLICES.take():
            response.set_data(draw(read_pixels(call, found, one), rendering, media_type))
    return response


def _slice(study: str, series: str | None, instance: str | None) -> tuple[Series, Instance]:
    """Find a slice, of a study or series that in the middle, and record that it is looked at."""
    found = _find(study, series)[0]
    instances = list_instances(call, found)
    record_view("view_scan", found.patient_index)
    return found, instances[len(instances) // 2] if instance is None else _among(instances, instance)


def _find(study: str, series: str | None = None) -> list[Series]:
    """Find the series of a study, or one, of those of which slices are stored.

    Raises
    ------
    NotFound
        There is no such study or series.
    NoImagesError
        There are, and no slices of them here.
    """
    found = find_series(call, Asked(study_uid=study, series_uid=series))
    if not found:
        record("view_scan", outcome="failed", detail="no such study or series")
        raise NotFound(
            "There is no study of this UID here." if series is None else "The study has no series of this UID here."
        )
    stored = [one for one in found if one.has_pixels]
    if not stored:
        raise NoImagesError()
    return stored


def _among(instances: list[Instance], uid: str) -> Instance:
    for instance in instances:
        if instance.uid == uid:
            return instance
    raise NotFound("The series has no instance of this UID here.")


def _check_frames(frames: str) -> None:
    parts = frames.split(",")
    if len(frames) > _LONGEST_LIST or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise BadRequest("Frames are whole numbers from 1 up with commas between.")
    if any(int(part) != 1 for part in parts):
        raise NotFound("A slice has one frame, of the number 1.")
    if len(parts) > 1:
        raise BadRequest("A frame stands in the list more than once.")
