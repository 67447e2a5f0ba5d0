"""A scan for the browser and for programs: as a volume, slice by slice, as an animation."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http import HTTPStatus

import numpy as np
from flask import Blueprint, Response, jsonify, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest, NotFound

from lungdb.errors import ErrorNumber, SqlError
from lungdb_web.audit import record_view
from lungdb_web.queries.scans import (
    Scan,
    find_scan,
    keep_animation,
    kept_animation,
    read_slice,
    read_slices,
)
from lungdb_web.scans import niivue
from lungdb_web.scans.animation import animation, shown_slices
from lungdb_web.scans.geometry import pixel_size
from lungdb_web.scans.nifti import compressed, header, size, volume
from lungdb_web.scans.pictures import LEVELS, WIDTHS, WINDOWS, Window, png
from lungdb_web.scans.slabs import KINDS, MOST_MILLIMETRES, MOST_SLICES, covered, project
from lungdb_web.services import call
from lungdb_web.turns import Turns

blueprint = Blueprint("scans", __name__)
blueprint.app_template_global("viewer_version")(niivue.version)

_CACHING = "private, no-cache"
# As large as an INT of SQL can be: what is larger is no page.
_INDEX = "<int(max=2147483647):index>"
_NUMBER = "<int(max=2147483647):number>"
ANIMATIONS = Turns(workers=2, waiting=4, wait=10.0)
# A volume holds its thread until the slowest network has taken all but the last megabytes of it.
VOLUMES = Turns(workers=16, waiting=0)


@blueprint.get(f"/patients/{_INDEX}/scan.json")
def describe(index: int) -> ResponseReturnValue:
    """Tell the viewer what it is about to load."""
    scan = find_scan(call, index)
    record_view("view_scan", index)
    geometry = scan.geometry
    height, width = geometry.pixel
    return jsonify(
        # Its planes are those of the slices, with the middle at 0.
        volume=url_for("scans.show_volume", index=index, place="middle"),
        bytes=size(geometry),
        size=[geometry.cols, geometry.rows, geometry.slices],
        spacing=[width, height, geometry.step],
        start=geometry.start,
        positions=geometry.known_positions,
        has_millimetres=geometry.has_millimetres,
        has_step=geometry.has_step,
        notes=geometry.notes,
        windows={key: [window.name, window.level, window.width] for key, window in WINDOWS.items()},
    )


@blueprint.get(f"/patients/{_INDEX}/volume.nii")
def show_volume(index: int) -> Response:
    """Send the scan as NIfTI-1 where it lies in the patient; with the query place=middle, upright around its middle."""
    scan = find_scan(call, index)
    if request.args.get("place") == "middle":
        scan = replace(scan, geometry=replace(scan.geometry, placement=None))
    record_view("view_scan", index)
    return volume_response(scan)


@blueprint.get(f"/patients/{_INDEX}/slices/{_NUMBER}.png")
def show_slice(index: int, number: int) -> Response:
    """Draw a slice through the window that the query names, lung by default, or through one of its level and width."""
    return slice_response(index, number, _asked_window())


@blueprint.get(f"/patients/{_INDEX}/slices/{_NUMBER}.hu")
def show_values(index: int, number: int) -> Response:
    """Send a slice's Hounsfield units for a browser to draw: int16, the low byte first, row after row.

    With slab=max or slab=mean and mm=THICKNESS in the query, those of the slices through that thickness as one.
    """
    slab = _asked_slab()
    if slab is None:
        with _not_found(ErrorNumber.UNKNOWN_SLICES):
            patient, hu, sha256 = read_slice(call, index, number)
        record_view("view_scan", index)
        return _values_response(f"{sha256} {patient.patient_orientation}", lambda: hu)
    kind, millimetres = slab
    scan = find_scan(call, index)
    geometry = scan.geometry
    if number >= geometry.slices:
        raise NotFound(f"The scan has no slice {number}. It has those from 0 to {geometry.slices - 1}.")
    wanted = covered(number, geometry.slices, millimetres, geometry.step)
    if len(wanted) > MOST_SLICES:
        raise BadRequest(f"So thick a slab is {len(wanted)} slices of this scan. Ask for at most {MOST_SLICES}.")
    record_view("view_scan", index)
    key = f"{scan.content_sha256} {scan.orientation} {number} {kind} {millimetres}"
    return _values_response(key, lambda: project(read_slices(call, scan, wanted), kind))


@blueprint.get(f"/patients/{_INDEX}/animation")
def show_animation(index: int) -> Response:
    """Send the moving picture: WebP to whom says that he takes it, else GIF."""
    return animation_response(index, "webp" if "image/webp" in request.accept_mimetypes.values() else "gif")


@blueprint.get("/viewer/niivue-<version>.js")
def viewer_script(version: str) -> Response:
    """Send NiiVue; its version is in the address, so a browser asks once."""
    if version != niivue.version():
        raise NotFound("This version of the scan viewer is not installed. Load the page again.")
    takes_gzip = request.accept_encodings["gzip"] > 0
    script = niivue.compressed_script(version) if takes_gzip else niivue.script()
    response = Response(script, mimetype="text/javascript")
    if takes_gzip:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def volume_response(scan: Scan) -> Response:
    """Send a scan as NIfTI-1, compressed on its way where the client takes that; 304 to whom has it already.

    A slice that turns out damaged breaks the transfer off, so that nobody takes the part for the whole.

    Raises
    ------
    TooBusy
        As many volumes are being sent as may.
    """
    takes_gzip = request.accept_encodings["gzip"] > 0
    geometry = scan.geometry
    response = Response(iter(()), mimetype="application/octet-stream")
    # The pieces come last, and nobody knows their length when they are packed.
    response.automatically_set_content_length = False
    if takes_gzip:
        response.content_encoding = "gzip"
    else:
        response.content_length = size(geometry)
    response.vary.add("Accept-Encoding")
    response.headers["Content-Disposition"] = f'attachment; filename="patient-{scan.index}.nii"'
    cached(response, header(geometry).hex() + scan.orientation + scan.content_sha256)
    if response.status_code == HTTPStatus.OK and request.method != "HEAD":
        turn = ExitStack()
        turn.enter_context(VOLUMES.take())
        response.call_on_close(turn.close)
        pieces = stream_with_context(volume(geometry, read_slices(call, scan)))
        response.response = compressed(pieces) if takes_gzip else pieces
    return response


def _asked_window() -> Window:
    """Read the window of a query: level and width where it has them, else one of WINDOWS by name."""
    if not {"level", "width"} & set(request.args):
        key = request.args.get("window", "lung")
        if key not in WINDOWS:
            raise BadRequest(f"There is no such window. Windows are {', '.join(WINDOWS)}.")
        return WINDOWS[key]
    numbers = []
    for name, (least, most) in (("level", LEVELS), ("width", WIDTHS)):
        number = request.args.get(name, type=int)
        if number is None or not least <= number <= most:
            raise BadRequest(f"The {name} of this window cannot be drawn. Give a whole number from {least} to {most}.")
        numbers.append(number)
    return Window("Window", *numbers)


def _asked_slab() -> tuple[str, float] | None:
    """Read kind and thickness of a query's slab; None where it asks for a single slice."""
    kind = request.args.get("slab")
    if kind is None:
        return None
    if kind not in KINDS:
        raise BadRequest(f"There is no such slab. Slabs are {', '.join(KINDS)}.")
    millimetres = request.args.get("mm", math.nan, type=float)
    if not 0 < millimetres <= MOST_MILLIMETRES:
        raise BadRequest(
            f"This thickness of a slab cannot be drawn. Give millimetres as mm, up to {MOST_MILLIMETRES:.0f}."
        )
    return kind, millimetres


def _values_response(key: str, read: Callable[[], NDArray[np.int16]]) -> Response:
    """Send Hounsfield units, compressed where the client takes that; not even read for whom has them already."""
    response = cached(Response(mimetype="application/octet-stream"), key)
    response.vary.add("Accept-Encoding")
    if response.status_code == HTTPStatus.OK and request.method != "HEAD":
        sent = read().astype("<i2", copy=False).tobytes()
        if request.accept_encodings["gzip"] > 0:
            response.content_encoding = "gzip"
            sent = b"".join(compressed([sent]))
        response.data = sent
    return response


def slice_response(index: int, number: int, window: Window) -> Response:
    """Draw slice `number`, from 0 up, of a patient's scan as a PNG through a window."""
    with _not_found(ErrorNumber.UNKNOWN_SLICES):
        patient, hu, sha256 = read_slice(call, index, number)
    record_view("view_scan", index)
    pixel = pixel_size(patient.spacing_y, patient.spacing_x)
    key = f"{sha256} {patient.patient_orientation} {window} {pixel}"
    return cached(Response(png(hu, window, pixel), mimetype="image/png"), key)


def animation_response(index: int, image_format: str) -> Response:
    """Send the animation kept of a patient's scan; made first where there is none of the scan as it is now.

    Raises
    ------
    TooBusy
        As many animations are being made as may.
    """
    made = kept_animation(call, index, image_format)
    record_view("view_scan", index)
    if made is None:
        made = _make_animation(index, image_format)
    response = Response(made[0], mimetype=f"image/{image_format}")
    response.vary.add("Accept")
    return cached(response, made[1])


def _make_animation(index: int, image_format: str) -> tuple[bytes, str]:
    with ANIMATIONS.take():
        # Whoever waited may find that the one before made it.
        made = kept_animation(call, index, image_format)
        if made is not None:
            return made
        scan = find_scan(call, index)
        frames = read_slices(call, scan, shown_slices(scan.geometry.slices))
        file = animation(frames, scan.geometry.pixel, image_format)
        with _not_found(ErrorNumber.SCAN_REPLACED):
            return file, keep_animation(call, scan, image_format, file)


@contextmanager
def _not_found(number: int) -> Iterator[None]:
    """Answer the refusal of this number with 404."""
    try:
        yield
    except SqlError as error:
        if error.number != number:
            raise
        raise NotFound(error.message) from error


def cached(response: Response, key: str) -> Response:
    """Let a browser keep a response for this reader and ask about it each time; weak, as one tag holds for gzip too."""
    response.headers["Cache-Control"] = _CACHING
    response.set_etag(hashlib.sha256(key.encode("utf-8")).hexdigest()[:32], weak=True)
    response.make_conditional(request)
    return response
