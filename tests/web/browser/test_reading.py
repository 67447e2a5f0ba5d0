"""Reading in a real browser: the strip, the map over the slice, the truth, themes, paper, locales, a narrow window."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from numpy.typing import NDArray
from PIL import Image

from tests.web.looking import audit, query

pytestmark = pytest.mark.slow

WAIT = 60_000
DRAWN = '#viewer[data-mode="volume"][data-drawn="true"]'
MAP = (
    "SELECT m.map, m.map_rows, m.map_cols, m.first_row, m.end_row, m.first_col, m.end_col, s.image_rows, s.image_cols, "
    "s.spacing_y, s.spacing_x FROM dbo.score_maps AS m INNER JOIN dbo.predictions AS p ON p.prediction_id = "
    "m.prediction_id INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id;"
)
WHITE, BLACK = "rgb(255, 255, 255)", "rgb(14, 19, 23)"


@pytest.fixture
def explained(web_database: Path) -> None:
    """The first patient's score is explained, with a map of the fifth slice."""
    query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;")
    query(web_database, "EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 4;")
    query(web_database, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'4', @Grid = 2;")


def _open(visit: Callable[..., Any], **options: Any) -> Any:
    page = visit("ana", viewport={"width": 1100, "height": 900}, **options)
    page.goto("/patients/0")
    page.wait_for_selector(DRAWN, timeout=WAIT)
    return page


def _at(page: Any, slice_number: int) -> None:
    page.wait_for_selector(f'{DRAWN}[data-slice="{slice_number}"]', timeout=WAIT)


def _picture(page: Any) -> NDArray[np.int64]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    image = Image.open(io.BytesIO(page.locator("#viewer-stage").screenshot())).convert("RGB")
    return np.asarray(image).astype(np.int64)


def _coloured(page: Any, change: NDArray[np.int64], row: tuple[Any, ...]) -> int:
    """Hold what the map has changed to its numbers, cell by cell; count the pixels beside it, which stayed."""
    data, rows, cols, top, bottom, left, right, high, wide, y, x = row
    values = np.frombuffer(data, "<f4").reshape(rows, cols)
    scale = float(page.locator("#viewer").get_attribute("data-scale"))
    down, across = np.indices(change.shape[:2])
    at_row = (down + 0.5 - change.shape[0] / 2) * scale / y + high / 2
    at_col = (across + 0.5 - change.shape[1] / 2) * scale / x + wide / 2
    edge = 0.3  # of a pixel of the scan: edges are drawn in part
    beside = (at_row < top - edge) | (at_row > bottom + edge) | (at_col < left - edge) | (at_col > right + edge)
    assert not change[beside].any()
    for place in np.ndindex(rows, cols):
        share = values[place] / np.abs(values).max()
        cell_row = (at_row - top) / (bottom - top) * rows - place[0]
        cell_col = (at_col - left) / (right - left) * cols - place[1]
        cell = (cell_row > 0.1) & (cell_row < 0.9) & (cell_col > 0.1) & (cell_col < 0.9)
        # The words in the corners and at the edges lie over it.
        cell[:40], cell[-40:], cell[:, :40], cell[:, -40:] = False, False, False, False
        warmth = (change[cell][:, 0] - change[cell][:, 2]).mean()
        assert warmth * np.sign(share) >= 40 * abs(share), place
    return int(beside.sum())


def _background(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.usefixtures("explained", "app")
def test_the_strip_moves_the_viewer_and_the_map_colours_its_cells_alone(
    visit: Callable[..., Any], web_database: Path
) -> None:
    """A click and the arrow keys; the map is off at first, orange where it raises and blue where it lowers."""
    page = _open(visit)
    page.click("button[data-plane=coronal]")
    page.locator(".strip-mark").nth(2).click()
    page.wait_for_selector(f'{DRAWN}[data-plane="axial"][data-slice="7"]', timeout=WAIT)
    assert page.locator("#strip-said").inner_text().startswith("Slices 7 to 9: ")
    assert page.locator("#strip-here").get_attribute("x") == "6"
    page.keyboard.press("ArrowLeft")
    _at(page, 4)
    assert page.evaluate("document.activeElement.dataset.first") == "4"
    assert page.locator('.strip-mark[tabindex="0"]').count() == 1
    page.keyboard.press("Home")
    _at(page, 1)
    page.locator("#viewer-range").fill("5")
    _at(page, 5)
    assert page.locator("#strip-said").inner_text().startswith("Slices 4 to 6: ")

    button = page.get_by_role("button", name="Map over the slice")
    assert button.get_attribute("aria-pressed") == "false"
    before = _picture(page)
    button.click()
    page.wait_for_selector("#viewer-map:not([hidden])")
    page.evaluate("document.getElementById('viewer-map').decode()")
    [row] = query(web_database, MAP)
    assert _coloured(page, _picture(page) - before, row) > 1000, "no pixel of the slice lies beside the map"
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_selector('#viewer[data-zoom="1.25"]')
    enlarged = _picture(page)
    button.click()
    _coloured(page, enlarged - _picture(page), row)
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_selector('#viewer[data-zoom="1.00"]')
    assert np.array_equal(_picture(page), before)
    button.click()
    assert page.locator("#strip-legend").is_visible()
    page.locator("#viewer-range").fill("6")
    _at(page, 6)
    assert page.locator("#viewer-map").is_hidden()
    assert "No map of this slice. Slices with one: 5." in page.locator("#strip-map-said").inner_text()
    page.locator("#viewer-range").fill("5")
    _at(page, 5)
    assert page.locator("#viewer-map").is_visible()


def test_the_truth_comes_when_asked_for_and_a_score_brings_its_button(
    visit: Callable[..., Any], web_database: Path
) -> None:
    """Without loading the page again; until it is pressed the audit has no look."""
    page = visit("ana")
    page.goto("/patients/1")
    assert page.get_by_role("button", name="Show the truth").count() == 0
    page.get_by_role("button", name="Analyze scan").click()
    button = page.get_by_role("button", name="Show the truth")
    button.wait_for(timeout=WAIT)
    page.get_by_role("button", name="Re-score").wait_for(timeout=WAIT)
    assert "view_truth" not in {row[1] for row in audit(web_database)}
    button.click()
    page.wait_for_selector("#truth strong", timeout=WAIT)
    assert page.evaluate("document.activeElement.id") == "truth"
    assert ("ana", "view_truth", 1, "ok") in audit(web_database)
    page.reload()
    assert page.locator("#truth strong").count() == 0


def test_a_theme_is_kept_in_the_browser_and_over_signing_out(visit: Callable[..., Any]) -> None:
    """The page comes with it, so that nothing flashes; the system's comes back when it is asked for."""
    page = visit("ana", color_scheme="light")
    assert _background(page) != BLACK
    page.get_by_label("Theme").select_option("dark")
    assert _background(page) == BLACK
    answer = page.goto("/models")
    assert '<html lang="en" data-theme="dark">' in answer.text()
    assert page.get_by_label("Theme").input_value() == "dark"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in*")
    assert _background(page) == BLACK
    page.get_by_label("Theme").select_option("light")
    page.emulate_media(color_scheme="dark")
    assert _background(page) != BLACK
    page.get_by_label("Theme").select_option("")
    assert _background(page) == BLACK
    page.reload()
    assert "data-theme" not in page.content().partition(">")[2].partition(">")[0]


@pytest.mark.usefixtures("explained")
def test_paper_is_light_and_has_the_result_the_reasons_and_the_slice(visit: Callable[..., Any]) -> None:
    """In the dark theme, too; nothing to press; the slice that WebGL drew is copied, pixel by pixel."""
    page = _open(visit, color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    same = page.evaluate(
        """() => {
          const copy = document.getElementById("viewer-printed");
          const { data } = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
          return new Set(Array.from(data).filter((_, place) => place % 4 === 0)).size;
        }"""
    )
    assert same > 20, "the slice on paper is one colour"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    for kept in ("#result", "#probability", "#why", "#viewer-stage", "#strip", ".result-details p"):
        assert page.locator(kept).first.is_visible(), kept
    for gone in (".bar", "#analyze", "#viewer-tools", "#viewer-cine", ".foot", "#truth form"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator("button:visible").count() == 0
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#viewer-printed").count() == 0


@pytest.mark.usefixtures("explained")
def test_numbers_and_times_are_written_as_the_reader_writes_them(visit: Callable[..., Any], web_database: Path) -> None:
    """A decimal comma and the reader's zone in German; without JavaScript a point and UTC."""
    query(web_database, "UPDATE dbo.predictions SET probability = 0.125, predicted_at = '2026-07-01T22:30:00';")
    page = visit("ana", locale="de-DE", timezone_id="Europe/Berlin")
    page.goto("/patients/0")
    assert page.locator("#probability").inner_text() == "12,5"
    time = page.locator("#result time")
    assert "00:30" in time.inner_text()
    assert "MESZ" in time.inner_text()
    assert time.get_attribute("title") == "2026-07-01 22:30 UTC"
    assert time.get_attribute("datetime") == "2026-07-01T22:30:00Z"
    plain = visit("ana", locale="de-DE", java_script_enabled=False)
    plain.goto("/patients/0")
    assert plain.locator("#probability").inner_text() == "12.5"
    assert plain.locator("#result time").inner_text() == "2026-07-01 22:30 UTC"


def test_the_list_is_cards_in_a_narrow_window(app: Flask, visit: Callable[..., Any]) -> None:
    """No row is wider than the window, and it can still be sorted; in a wide one it is a table."""
    page = visit("ana", viewport={"width": 390, "height": 800})
    assert page.evaluate(
        "(() => { const box = document.querySelector('.scrolls'); return box.scrollWidth <= box.clientWidth; })()"
    )
    rows = page.locator(".worklist tbody tr")
    boxes = [rows.nth(place).bounding_box() for place in range(3)]
    assert all(box["width"] <= 390 and box["height"] > 60 for box in boxes)
    page.get_by_role("link", name="Name, id").click()
    page.wait_for_url("**sort=name*")
    page.set_viewport_size({"width": 1024, "height": 800})
    assert rows.first.evaluate("row => getComputedStyle(row).display") == "table-row"
