"""The job of the page from end to end, in a real browser: sign in, find a patient, look at the scan, have it scored."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.web.looking import audit

pytestmark = pytest.mark.slow

WAIT = 60_000
"""Milliseconds; drawing in software on a busy machine takes a while."""
LUNG, BONE = (-600, 1500), (300, 1500)
"""Level and width in Hounsfield units."""


def _drawn(page: Any) -> NDArray[np.float64]:
    """Take a picture of the middle of the scan's canvas, as grey values 0 to 255, away from its labels."""
    picture = Image.open(io.BytesIO(page.locator("#viewer-stage").screenshot())).convert("L")
    width, height = picture.size
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    return np.asarray(picture.crop(box), dtype=np.float64)


def _show_window(page: Any, name: str, level: int) -> NDArray[np.float64]:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f'#viewer[data-level="{level}"]', timeout=WAIT)
    # The picture follows with the next frame of the screen.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return _drawn(page)


def test_a_reader_finds_a_patient_looks_at_the_scan_and_has_it_scored(
    visit: Callable[..., Any], web_database: Path
) -> None:
    """The percentage read is what PredictLungCancer returns, and the page asked nobody but its own server."""
    page = visit("ana", viewport={"width": 1440, "height": 1000})
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.get_by_label("Search patients by name, id or index").fill("anthony")
    page.get_by_role("button", name="Search").click()
    assert page.locator("table.worklist tbody th a").all_inner_texts() == ["Anthony Okafor", "Anthony Rossi"]
    assert "anthony" not in page.url.lower()
    page.get_by_role("link", name="Anthony Okafor").click()
    page.wait_for_url("**/patients/0?*")

    page.wait_for_selector('#viewer[data-mode="volume"][data-drawn="true"]', timeout=WAIT)
    lung = _show_window(page, "Lung", LUNG[0])
    assert len(np.unique(lung)) > 20, "the scan is not drawn: the canvas is one colour"
    bone = _show_window(page, "Bone", BONE[0])
    # A window maps level − width/2 … level + width/2 to 0 … 255: equal widths differ by the levels alone.
    darker = 255 * (BONE[0] - LUNG[0]) / BONE[1]
    shown = (lung > darker + 5) & (lung < 250)
    assert np.count_nonzero(shown) > 100
    assert np.median((lung - bone)[shown]) == pytest.approx(darker, abs=3)
    # At edges the drawing lies between its neighbours, which is more than black beside something bright.
    assert np.mean(bone[lung < darker - 5] <= 10) > 0.95

    assert page.locator("#probability").count() == 0
    page.get_by_role("button", name="Analyze scan").click()
    page.wait_for_selector("#probability", timeout=WAIT)
    said = page.locator("#probability")
    with closing(connect(target_of(web_database))) as connection:
        stored = "SELECT 100 * probability, predicted_by FROM dbo.predictions;"
        ((percent, predicted_by),) = run(connection, stored)[-1].rows
        returned = run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;")[-1].scalar()
    assert percent == pytest.approx(returned, rel=1e-12)
    assert float(said.get_attribute("value")) == pytest.approx(returned, rel=1e-12)
    assert said.inner_text() == f"{returned:.1f}"
    assert predicted_by == "ana"
    page.get_by_role("button", name="All three").click()
    card = page.locator("#viewer-card")
    card.wait_for(timeout=WAIT)
    assert card.inner_text().startswith(f"{returned:.1f} %")
    assert page.locator('#viewer[data-mode="volume"][data-level="300"]').count() == 1, "the viewer lost its place"
    assert ("ana", "score", 0, "ok") in audit(web_database)
    assert page.get_by_role("button", name="Explain this score").count() == 1, "a new score cannot be explained"

    assert asked == {urlsplit(page.url).netloc}
    assert complaints == []


def test_without_javascript_the_job_can_be_done_too(visit: Callable[..., Any], web_database: Path) -> None:
    """Plain forms, plain slices: another slice is another picture, and a triple that counts leads to its own."""
    page = visit("ana", java_script_enabled=False)
    page.goto("/patients/1")
    first = page.locator("#viewer-slice").get_attribute("src")
    page.get_by_role("link", name="Next slice").click()
    assert page.locator("#viewer-slice").get_attribute("src") != first
    picture = np.asarray(Image.open(io.BytesIO(page.locator("#viewer-slice").screenshot())).convert("L"))
    assert len(np.unique(picture)) > 20
    page.get_by_role("button", name="Analyze scan").click()
    page.wait_for_selector("#probability", timeout=WAIT)
    page.get_by_role("button", name="Explain this score").click()
    page.wait_for_selector(".why-list", timeout=WAIT)
    told = page.locator("#why a").first.inner_text()
    page.locator("#why a").first.click()
    assert page.locator("#viewer-place").inner_text().startswith(f"Slice {told.split()[1]} of")
    with closing(connect(target_of(web_database))) as connection:
        returned = run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 1;")[-1].scalar()
    assert page.locator("#probability").inner_text() == f"{returned:.1f}"


def test_the_keyboard_alone_suffices(visit: Callable[..., Any]) -> None:
    """From the address of the page to a patient, a slice and a window, and every stop on the way can be seen."""
    page = visit()
    page.goto("/sign-in")
    page.get_by_label("Name", exact=True).press_sequentially("rob")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery staple")
    page.keyboard.press("Enter")
    page.wait_for_url("/")
    _tab_to(page, "#q")
    page.keyboard.type("Okafor")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    _tab_to(page, 'table.worklist a[href^="/patients/0?"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('#viewer[data-mode="volume"][data-drawn="true"]', timeout=WAIT)
    _tab_to(page, "#viewer-stage")
    slice_before = page.locator("#viewer").get_attribute("data-slice")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(f'#viewer:not([data-slice="{slice_before}"])', timeout=WAIT)
    page.keyboard.press("4")
    page.wait_for_selector('#viewer[data-level="300"]', timeout=WAIT)
    _tab_to(page, '[data-plane="coronal"]', back=True)
    page.keyboard.press("Enter")
    page.wait_for_selector('#viewer[data-plane="coronal"]', timeout=WAIT)


def _tab_to(page: Any, selector: str, *, back: bool = False) -> None:
    """Press Tab until an element has the focus; each stop on the way has an outline or another sign of focus."""
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        state = page.evaluate(
            """(selector) => {
              const here = document.activeElement;
              const style = getComputedStyle(here);
              const hasOutline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              const isSeen = here === document.body || hasOutline || style.boxShadow !== "none";
              return { arrived: here.matches(selector), seen: isSeen, what: here.outerHTML.slice(0, 100) };
            }""",
            selector,
        )
        assert state["seen"], f"the focus cannot be seen on {state['what']}"
        if state["arrived"]:
            return
    pytest.fail(f"Tab does not lead to {selector}")
