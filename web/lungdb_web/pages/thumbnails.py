"""The small picture of a scan that stands beside its patient on the list: the middle slice in the lung window."""

from __future__ import annotations

import threading
from collections import OrderedDict
from io import BytesIO

from flask import Blueprint, Response
from PIL import Image
from werkzeug.exceptions import NotFound

from lungdb.errors import ErrorNumber, SqlError
from lungdb_web.audit import record_thumbnail
from lungdb_web.pages.scans import cached
from lungdb_web.queries.installed import NO_IMAGES
from lungdb_web.queries.patients import show_patient
from lungdb_web.queries.scans import has_images, read_slice
from lungdb_web.scans.geometry import pixel_size
from lungdb_web.scans.pictures import WINDOWS, picture
from lungdb_web.services import call
from lungdb_web.turns import Turns

blueprint = Blueprint("thumbnails", __name__)
SIZE = 96
"""Pixels of the longer edge: twice what the list shows, for screens of twice the density."""
MOST_KEPT = 4000
MAKING = Turns(workers=2, waiting=16, wait=10.0)
_kept: OrderedDict[str, bytes] = OrderedDict()
_lock = threading.Lock()


@blueprint.get("/patients/<int(max=2147483647):index>/thumbnail.png")
def show(index: int) -> Response:
    """Send the small picture; 304 to whom has it already, 404 where no slices are stored."""
    patient = show_patient(call, index)
    pixel = pixel_size(patient.spacing_y, patient.spacing_x)
    key = f"thumbnail {patient.content_sha256} {patient.patient_orientation} {pixel}"
    record_thumbnail(index)
    with _lock:
        made = _kept.get(key)
    if made is not None and not has_images(call, index):
        raise NotFound(NO_IMAGES)
    if made is None:
        with MAKING.take():
            made = _make(index, patient.slices // 2, pixel)
        with _lock:
            _kept[key] = made
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return cached(Response(made, mimetype="image/png"), key)


def _make(index: int, number: int, pixel: tuple[float, float]) -> bytes:
    try:
        _, hu, _ = read_slice(call, index, number)
    except SqlError as error:
        if error.number != ErrorNumber.UNKNOWN_SLICES:
            raise
        raise NotFound(NO_IMAGES) from error
    image = picture(hu, WINDOWS["lung"], pixel)
    image.thumbnail((SIZE, SIZE), Image.Resampling.BOX)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
