"""OHIF over the page's DICOMweb: a patient's page leads to it, and it draws the stored slice."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from flask import Flask
from lungdb_web.ohif import CONTENT_SECURITY_POLICY
from numpy.typing import NDArray
from PIL import Image

from lungdb.config import Settings
from lungdb.imaging.codecs import decode_slice
from tests.support.web import MakeApp
from tests.web.looking import query

pytestmark = pytest.mark.slow

BUILD = Path(__file__).resolve().parents[3] / "web" / "ohif"
WAIT = 90_000


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    """The application with OHIF; without its build the test is skipped, and says so."""
    if not (BUILD / "index.html").is_file():
        pytest.skip("OHIF WAS NOT TRIED: its build is not there. Run: make ohif")
    return make_app(replace(settings, web_ohif=str(BUILD)))


def _slices(database: Path) -> list[NDArray[np.int16]]:
    rows = query(
        database,
        "SELECT i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i "
        "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1 INNER JOIN dbo.patients AS p "
        "ON p.patient_id = s.patient_id WHERE p.idx = 0 ORDER BY i.slice_index;",
    )
    return [decode_slice(*row) for row in rows]


def _likeness(drawn: NDArray[np.float64], hu: NDArray[np.int16]) -> float:
    """Correlate the picture's middle square with the slice in the lung window, both coarse."""
    side = min(drawn.shape)
    top, left = (drawn.shape[0] - side) // 2, (drawn.shape[1] - side) // 2
    square = Image.fromarray(drawn[top : top + side, left : left + side].astype(np.float32))
    shown = np.clip((hu.astype(np.float32) + 600) / 1500 + 0.5, 0, 1)
    coarse = [
        np.asarray(image.resize((32, 32), Image.Resampling.BOX)).ravel() for image in (square, Image.fromarray(shown))
    ]
    return float(np.corrcoef(*coarse)[0, 1])


def test_ohif_draws_the_slices_that_are_stored(visit: Callable[..., Any], address: str, web_database: Path) -> None:
    """One and the third from it, as NumPy draws them; nothing breaks the policy, and no other site is asked."""
    page = visit("ana", viewport={"width": 1440, "height": 900})
    asked, refused, said = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    page.on("console", lambda message: said.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto("/patients/0")
    page.get_by_role("link", name="Open in OHIF").click()
    page.wait_for_url("**/ohif/viewer?**", timeout=WAIT)
    stored = query(web_database, "SELECT s.study_uid FROM dbo.scans AS s INNER JOIN dbo.patients AS p "
                   "ON p.patient_id = s.patient_id WHERE p.idx = 0;")  # fmt: skip
    assert parse_qs(urlsplit(page.url).query)["StudyInstanceUIDs"] == [stored[0][0]]
    for name in ("Skip all", "Confirm and hide"):
        page.get_by_text(name).click(timeout=WAIT)
    page.wait_for_function("() => document.querySelector('canvas') !== null", timeout=WAIT)
    stored_slices = _slices(web_database)
    first = _drawn(page, stored_slices, None)
    page.locator("canvas").first.hover()
    for _ in range(3):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(300)
    second = _drawn(page, stored_slices, first)
    assert abs(second - first) == 3
    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {urlsplit(address).netloc}
    assert (refused, said) == ([], [])
    assert page.request.get("/ohif/").headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in page.request.get("/").headers["content-security-policy"]


def _drawn(page: Any, slices: list[NDArray[np.int16]], before: int | None) -> int:
    """Wait until OHIF shows another slice than before, and tell which it is most like."""
    best, likeness = 0, 0.0
    for _ in range(60):
        found = [_likeness(_picture(page), hu) for hu in slices]
        best, likeness = int(np.argmax(found)), max(found)
        if likeness > 0.9 and (before is None or abs(best - before) == 3):
            break
        page.wait_for_timeout(500)
    assert likeness > 0.9
    return best


def _picture(page: Any) -> NDArray[np.float64]:
    image = Image.open(io.BytesIO(page.locator("canvas").first.screenshot())).convert("L")
    return np.asarray(image, dtype=np.float64)
