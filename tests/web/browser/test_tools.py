"""The viewer's tools in a real browser: lengths, values, slabs, windows and grey levels beside NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lungdb_web.scans import niivue
from numpy.typing import NDArray

from tests.web.browser.seeing import (
    SLICES,
    WAIT,
    WINDOWS,
    mean_difference,
    middle_of,
    open_viewer,
    picture,
    reach,
    read_scan,
)
from tests.web.looking import query

pytestmark = pytest.mark.slow

LABEL = "#viewer-marks .viewer-length:visible span"
Point = tuple[int, int]


def _scale(page: Any) -> float:
    return float(page.locator("#viewer").get_attribute("data-scale"))


def _on_page(page: Any, shape: tuple[int, ...], spacing: tuple[float, float], point: Point) -> tuple[float, float]:
    """Say where a row and column of a whole plane lie in the window; both are counted as they are drawn."""
    centre, scale = middle_of(page), _scale(page)
    row, col = point
    return (
        centre[0] + (col - (shape[1] - 1) / 2) * spacing[1] / scale,
        centre[1] + (row - (shape[0] - 1) / 2) * spacing[0] / scale,
    )


def _drag(page: Any, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(*end, steps=3)
    page.mouse.up(button=button)


def _check_value(page: Any, plane: NDArray[Any], spacing: tuple[float, float], point: Point) -> None:
    """Lay the mouse on a pixel of a plane: its value is the plane's."""
    page.mouse.move(*_on_page(page, plane.shape, spacing, point))
    said = f"{np.floor(plane[point] + 0.5):.0f} HU".replace("-", "−")
    page.wait_for_selector(f"#viewer-value:text-is('{said}')", timeout=WAIT)


def _check_length(page: Any, plane: NDArray[Any], spacing: tuple[float, float], start: Point, end: Point) -> None:
    """Draw a length from one pixel to another: it is as long as they are apart, to 1.5 pixels of the page."""
    _drag(page, _on_page(page, plane.shape, spacing, start), _on_page(page, plane.shape, spacing, end))
    number, unit = page.locator(LABEL).inner_text(timeout=WAIT).split()
    expected = np.hypot((end[0] - start[0]) * spacing[0], (end[1] - start[1]) * spacing[1])
    assert unit == "mm"
    assert float(number) == pytest.approx(expected, abs=1.5 * _scale(page))


def test_lengths_values_and_slabs_are_those_of_numpy(visit: Callable[..., Any], web_database: Path) -> None:
    """In all planes of the volume; a slab's values are those of the slices that its thickness takes in."""
    hu, (z, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    middle = [count // 2 for count in hu.shape]
    page.click("button[data-drag=length]")
    for name, axis, spacing, start, end in (
        ("axial", 0, (y, x), (15, 20), (40, 50)),
        ("coronal", 1, (z, x), (2, 12), (6, 40)),
        ("sagittal", 2, (z, y), (7, 45), (1, 15)),
    ):
        page.select_option("#viewer-slab", "none")
        page.click(f"button[data-plane={name}]")
        reach(page, plane=name, slab="none")

        def drawn(volume: NDArray[Any], axis: int = axis) -> NDArray[Any]:
            # Coronal and sagittal planes are drawn from the head down.
            return volume if axis == 0 else volume[::-1]

        thin = drawn(hu.take(middle[axis], axis))
        _check_value(page, thin, spacing, start)
        step = (z, y, x)[axis]
        thickness = round(3.1 * step, 1)  # the slice and one to each side
        around = hu.take(range(middle[axis] - 1, middle[axis] + 2), axis)
        for kind, expected in (("max", drawn(around.max(axis))), ("mean", drawn(around.mean(axis)))):
            page.select_option("#viewer-slab", kind)
            page.fill("#viewer-thickness", str(thickness))
            page.keyboard.press("Enter")
            reach(page, plane=name, slab=kind, thickness=thickness)
            words = f"{'Maximum' if kind == 'max' else 'Mean'} of 3 slices, {thickness:g} mm"
            assert page.locator("#viewer-slab-words").inner_text() == words
            difference = mean_difference(picture(page), expected, spacing, _scale(page), WINDOWS["lung"])
            assert difference < 3, (name, kind)
            _check_value(page, expected, spacing, (start[0] + 1, start[1] + 1))
        _check_length(page, thin, spacing, start, end)
        page.click("#viewer-unmeasure")
        assert page.locator(LABEL).count() == 0


def test_a_length_stays_on_its_slice_and_the_keyboard_measures(visit: Callable[..., Any], web_database: Path) -> None:
    """M draws twenty columns; an arrow makes it one more; another slice does not have it; Delete removes it."""
    _, (_, _, x) = read_scan(web_database)
    page = open_viewer(visit)
    assert page.locator(".viewer-hair").count() == 0, "nobody asked for a crosshair"
    page.focus("#viewer-stage")
    page.keyboard.press("m")
    page.wait_for_selector(f"{LABEL}:text-is('{20 * x:.1f} mm')", timeout=WAIT)
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"{LABEL}:text-is('{21 * x:.1f} mm')", timeout=WAIT)
    page.wait_for_selector(f"#viewer-status:text-is('Length {21 * x:.1f} mm')", timeout=WAIT)
    page.focus("#viewer-stage")
    page.keyboard.press("ArrowUp")
    reach(page, slice=6)
    assert page.locator(LABEL).count() == 0
    page.keyboard.press("ArrowDown")
    reach(page, slice=5)
    page.locator(".viewer-handle").first.focus()
    page.keyboard.press("Delete")
    page.wait_for_selector(".viewer-handle", state="detached", timeout=WAIT)
    page.keyboard.press("c")
    page.wait_for_selector(".viewer-hair", state="attached", timeout=WAIT)
    assert page.locator(".viewer-hair").count() == 4

    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys and mouse").is_visible()
    page.get_by_label("Left button").select_option("slices")
    page.get_by_label("Right button").select_option("menu")
    page.keyboard.press("Escape")
    page.click("#viewer-full")
    page.wait_for_function("document.fullscreenElement?.id === 'viewer'", timeout=WAIT)
    page.click("#viewer-full")
    page.wait_for_function("!document.fullscreenElement", timeout=WAIT)


def test_a_typed_window_inverted_and_the_buttons_of_the_mouse(visit: Callable[..., Any], web_database: Path) -> None:
    """As OHIF has them: left for the window, the middle one moves, the right one enlarges; a choice is kept."""
    hu, (_, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    page.evaluate("addEventListener('contextmenu', (event) => { window.menus = [event.defaultPrevented]; })")
    page.fill("#viewer-level", "-321")
    page.fill("#viewer-width", "777")
    page.keyboard.press("Enter")
    reach(page, level=-321, width=777)
    assert mean_difference(picture(page), hu[4], (y, x), _scale(page), (-321, 777)) < 3
    page.fill("#viewer-width", "99999")
    page.focus("#viewer-stage")
    assert page.locator("#viewer-width").input_value() == "777"
    page.click("#viewer-invert")
    reach(page, level=-321, width=777, inverted="true")
    assert mean_difference(255 - picture(page), hu[4], (y, x), _scale(page), (-321, 777)) < 3

    whole, centre = _scale(page), middle_of(page)
    _drag(page, centre, (centre[0], centre[1] + 80), "right")
    reach(page, zoom="1.56")  # 1.25 for each forty pixels, about where it began
    assert page.evaluate("window.menus") == [True]
    scale = _scale(page)
    assert scale == pytest.approx(whole / 1.25**2, rel=1e-6)
    _drag(page, centre, (centre[0] + 30, centre[1] - 20), "middle")
    place = ((hu.shape[1] - 1) / 2 + 20 * scale / y, (hu.shape[2] - 1) / 2 - 30 * scale / x)
    assert mean_difference(255 - picture(page), hu[4], (y, x), scale, (-321, 777), place) < 3

    page.click("#viewer-keys")
    page.get_by_label("Left button").select_option("slices")
    page.get_by_label("Right button").select_option("menu")
    page.reload()
    reach(page, slice=5)
    page.evaluate("addEventListener('contextmenu', (event) => { window.menus = [event.defaultPrevented]; })")
    centre = middle_of(page)
    _drag(page, centre, (centre[0], centre[1] - 500))
    reach(page, slice=9, level=-600)
    page.mouse.click(*centre, button="right")
    assert page.evaluate("window.menus") == [False]


def test_plain_slices_have_the_tools_too(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, web_database: Path
) -> None:
    """Length, value, typed window, inversion, slabs, without WebGL; where no size is known, lengths are in pixels."""
    hu, (z, y, x) = read_scan(web_database)
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = open_viewer(visit, SLICES)
    page.fill("#viewer-level", "-321")
    page.fill("#viewer-width", "777")
    page.keyboard.press("Enter")
    page.click("#viewer-invert")
    reach(page, level=-321, width=777, inverted="true")
    assert mean_difference(255 - picture(page), hu[4], (y, x), _scale(page), (-321, 777)) < 3
    _check_value(page, hu[4], (y, x), (20, 20))
    thickness = round(3.1 * z, 1)
    for kind, expected in (("max", hu[3:6].max(0)), ("mean", hu[3:6].mean(0))):
        page.select_option("#viewer-slab", kind)
        page.fill("#viewer-thickness", str(thickness))
        page.keyboard.press("Enter")
        reach(page, slab=kind, thickness=thickness)
        assert mean_difference(255 - picture(page), expected, (y, x), _scale(page), (-321, 777)) < 3
        _check_value(page, np.rint(expected), (y, x), (30, 17))
    page.click("button[data-drag=length]")
    _check_length(page, hu[4], (y, x), (15, 20), (40, 50))

    query(web_database, "UPDATE dbo.scans SET spacing_x = NULL;")
    page.goto("/patients/0")
    page.wait_for_selector(SLICES, timeout=WAIT)
    page.focus("#viewer-stage")
    page.keyboard.press("m")
    page.wait_for_selector(f"{LABEL}:text-is('20.0 pixels')", timeout=WAIT)


BESIDE = """() => {
  const box = (part) => document.getElementById(`viewer-${part}`).getBoundingClientRect();
  const [card, stage] = [box("card"), box("stage")];
  return card.left >= stage.left + stage.width / 2 - 2;
}"""


def test_stage_and_controls_fit_the_window(visit: Callable[..., Any]) -> None:
    """On a desk nothing is scrolled, on a telephone all is seen at once; beside three planes stands the result."""
    page = open_viewer(visit)
    page.get_by_role("button", name="All three").click()
    reach(page, plane="all")
    for width, height in ((1024, 768), (1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        page.evaluate("scrollTo(0, 0)")
        bar = page.locator(".top").bounding_box()
        if width < 1000:
            page.evaluate("document.getElementById('viewer').scrollIntoView()")
        boxes = [page.locator(f"#viewer-{part}").bounding_box() for part in ("tools", "stage", "cine")]
        assert boxes[0]["y"] >= bar["height"], (width, "the bar covers the controls")
        assert boxes[2]["y"] + boxes[2]["height"] <= height, (width, boxes)
        assert boxes[1]["height"] > 250, (width, boxes)
        # It lies beside the planes once they are drawn at the new size.
        page.wait_for_function(BESIDE, timeout=WAIT)
        assert page.locator("#viewer-card").inner_text() == "Not scored yet."
