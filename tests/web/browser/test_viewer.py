"""The viewer in a real browser: what it draws are the stored Hounsfield units, and its controls do what they say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lungdb_web.pages import scans
from lungdb_web.scans import niivue
from lungdb_web.turns import Turns

from tests.support.browsers import ARGUMENTS, NAMES
from tests.web.browser.seeing import (
    SLICES,
    VOLUME,
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


def test_every_plane_and_window_is_what_numpy_draws(visit: Callable[..., Any], web_database: Path) -> None:
    """The patient's right is at the left, the front above or at the left, the head above; grey values as windowed."""
    hu, (z, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    middle = [count // 2 for count in hu.shape]
    planes = {
        "axial": (hu[middle[0]], (y, x)),
        "coronal": (hu[::-1, middle[1], :], (z, x)),
        "sagittal": (hu[::-1, :, middle[2]], (z, y)),
    }
    for name, (plane, spacing) in planes.items():
        page.click(f"button[data-plane={name}]")
        for key, window in WINDOWS.items():
            page.click(f"button[data-window={key}]")
            reach(page, plane=name, level=window[0], width=window[1])
            scale = float(page.locator("#viewer").get_attribute("data-scale"))
            drawn = picture(page)
            difference = mean_difference(drawn, plane, spacing, scale, window)
            assert difference < 3, (name, key)
            assert mean_difference(drawn, plane[:, ::-1], spacing, scale, window) > 2 * difference, "turned over"
            assert mean_difference(drawn, plane[::-1], spacing, scale, window) > 2 * difference, "upside down"


def test_keys_wheel_slider_and_cine_change_the_slice(visit: Callable[..., Any]) -> None:
    """Of nine slices the fifth is in the middle; nothing leaves the scan."""
    page = open_viewer(visit)
    reach(page, slice=5)
    page.focus("#viewer-stage")
    for key, expected in (
        ("ArrowUp", 6), ("ArrowLeft", 5), ("PageUp", 9), ("ArrowUp", 9), ("Home", 1), ("ArrowDown", 1), ("End", 9)
    ):  # fmt: skip
        page.keyboard.press(key)
        reach(page, slice=expected)
    page.mouse.move(*middle_of(page))
    page.mouse.wheel(0, 100)
    reach(page, slice=8)
    page.mouse.wheel(0, -100)
    reach(page, slice=9)
    page.locator("#viewer-range").fill("3")
    reach(page, slice=3)
    assert page.locator("#viewer-place").inner_text().startswith("Slice 3 of 9 · z ")
    assert page.locator("#viewer-range").get_attribute("aria-valuetext") == "axial slice 3 of 9"
    page.get_by_role("button", name="Play").click()
    reach(page, slice=5)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    resting = page.locator("#viewer").get_attribute("data-slice")
    page.wait_for_timeout(500)
    assert page.locator("#viewer").get_attribute("data-slice") == resting
    page.get_by_role("button", name="Reset").click()
    reach(page, slice=5)
    page.wait_for_selector("#viewer-status:has-text('axial slice 5 of 9')", timeout=WAIT)


def test_dragging_changes_the_window_and_a_click_reads_the_value(visit: Callable[..., Any], web_database: Path) -> None:
    """Across is the width, down the level; the value shown is the table's at the voxel that was clicked."""
    hu, (_, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    centre = middle_of(page)
    page.mouse.move(*centre)
    page.mouse.down()
    page.mouse.move(centre[0] + 30, centre[1] - 20, steps=3)
    page.mouse.up()
    reach(page, level=-700, width=1650)
    assert page.locator("#viewer-window").inner_text() == "Window · L −700 W 1650"
    page.get_by_role("button", name="Reset").click()
    reach(page, level=-600, width=1500)

    centre = middle_of(page)
    scale = float(page.locator("#viewer").get_attribute("data-scale"))
    for row, col in ((20, 20), (40, 45), (33, 12)):
        right = ((col - (hu.shape[2] - 1) / 2) * x) / scale
        down = ((row - (hu.shape[1] - 1) / 2) * y) / scale
        page.mouse.click(centre[0] + right, centre[1] + down)
        shown = f"{hu[4, row, col]} HU".replace("-", "−")
        page.wait_for_selector(f"#viewer-value:text-is('{shown}')", timeout=WAIT)


def test_what_is_enlarged_stays_under_the_hand(visit: Callable[..., Any], web_database: Path) -> None:
    """Ctrl with the wheel about the pointer, keys about the middle; dragging moves; NumPy draws the same part."""
    hu, (z, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    for name, plane, spacing in (
        ("axial", hu[4], (y, x)),
        ("coronal", hu[::-1, hu.shape[1] // 2, :], (z, x)),
        ("sagittal", hu[::-1, :, hu.shape[2] // 2], (z, y)),
    ):
        page.click(f"button[data-plane={name}]")
        reach(page, plane=name, zoom="1.00")
        whole = float(page.locator("#viewer").get_attribute("data-scale"))
        across, down = 40, -30  # from the middle, in pixels
        scale = _enlarge(page, across, down)
        assert scale == pytest.approx(whole / 1.25**3, rel=1e-6)
        row = (plane.shape[0] - 1) / 2 + down * (whole - scale) / spacing[0]
        col = (plane.shape[1] - 1) / 2 + across * (whole - scale) / spacing[1]
        difference = mean_difference(picture(page), plane, spacing, scale, WINDOWS["lung"], (row, col))
        assert difference < 3, name
        assert mean_difference(picture(page), plane, spacing, scale, WINDOWS["lung"]) > 2 * difference, name

        page.click("button[data-drag=move]")
        centre = middle_of(page)
        page.mouse.move(*centre)
        page.mouse.down()
        page.mouse.move(centre[0] + across, centre[1] + down, steps=3)
        page.mouse.up()
        row, col = row - down * scale / spacing[0], col - across * scale / spacing[1]
        assert mean_difference(picture(page), plane, spacing, scale, WINDOWS["lung"], (row, col)) < 3, name
        page.focus("#viewer-stage")
        for _ in range(3):
            page.keyboard.press("-")
        reach(page, zoom="1.00")
        assert page.get_by_role("button", name="Zoom out").get_attribute("aria-disabled") == "true"


def test_the_keyboard_alone_moves_and_sets_the_window(visit: Callable[..., Any], web_database: Path) -> None:
    """Shift with an arrow goes there by forty pixels; the letters change width and level as dragging does."""
    hu, (_, y, x) = read_scan(web_database)
    page = open_viewer(visit)
    page.focus("#viewer-stage")
    for _ in range(4):
        page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    reach(page, zoom="2.44", slice=5)
    scale = float(page.locator("#viewer").get_attribute("data-scale"))
    row, col = (hu.shape[1] - 1) / 2 - 40 * scale / y, (hu.shape[2] - 1) / 2 + 40 * scale / x
    assert mean_difference(picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3
    for key, level, width in (("w", -600, 1550), ("n", -600, 1498), ("d", -550, 1498), ("b", -600, 1498)):
        page.keyboard.press(key)
        reach(page, level=level, width=width)


def test_a_slice_that_does_not_come_is_told_of_and_the_one_before_stays(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, web_database: Path
) -> None:
    """Playing stops, the words are those of the picture that is seen, and once it works again nothing is left."""
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = open_viewer(visit, SLICES)
    read = "SELECT slice_index, pixels FROM dbo.scan_images WHERE scan_id = 1 AND slice_index <> 5;"
    whole = query(web_database, read)
    # Any but the sixth: which one is asked for next is the browser's to say, which passes some by where it is slow.
    query(web_database, "UPDATE dbo.scan_images SET pixels = ? WHERE scan_id = 1 AND slice_index <> 5;", b"no gzip")
    page.focus("#viewer-stage")
    page.keyboard.press("ArrowUp")
    reach(page, slice=6)
    page.keyboard.press("Space")
    page.wait_for_selector("#viewer-problem:has-text('the server answered 500')", timeout=WAIT)
    reach(page, slice=6)
    assert page.locator("#viewer-place").inner_text().startswith("Slice 6 of 9")
    assert page.locator("#viewer-range").input_value() == "6"
    assert page.get_by_role("button", name="Play").get_attribute("aria-pressed") == "false"
    assert page.locator("#viewer-notes li").count() == 1
    for index, pixels in whole:
        query(
            web_database, "UPDATE dbo.scan_images SET pixels = ? WHERE scan_id = 1 AND slice_index = ?;", pixels, index
        )
    page.focus("#viewer-stage")
    page.keyboard.press("ArrowUp")
    reach(page, slice=7)
    assert page.locator("#viewer-problem").inner_text() == ""
    page.context.clear_cookies()
    page.keyboard.press("ArrowUp")
    page.wait_for_selector("#viewer-problem:has-text('you are signed out')", timeout=WAIT)
    reach(page, slice=7, level=WINDOWS["lung"][0])
    page.keyboard.press("4")
    reach(page, slice=7, level=WINDOWS["bone"][0])


def test_a_volume_that_has_to_wait_comes_later(visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says when to ask again."""
    full = Turns(workers=1, waiting=0)
    monkeypatch.setattr(scans, "VOLUMES", full)
    page = visit("ana", viewport={"width": 1100, "height": 800})
    with full.take(), page.expect_response(lambda response: response.status == 429):
        page.goto("/patients/0")
    page.wait_for_selector(VOLUME, timeout=WAIT)


def test_the_scale_is_as_long_as_it_says(visit: Callable[..., Any]) -> None:
    """The bar's length in pixels of the page, times the millimetres of a pixel, whatever the window's size."""
    page = open_viewer(visit)
    for _ in range(2):
        # Read at one go: the viewer may draw itself anew between two questions.
        text, width, scale = page.evaluate("""() => [
            document.getElementById("viewer-scale-text").textContent,
            document.getElementById("viewer-scale").getBoundingClientRect().width,
            Number(document.getElementById("viewer").dataset.scale),
        ]""")
        said = re.fullmatch(r"(\d+) (mm|cm)", text)
        assert said is not None
        millimetres = int(said.group(1)) * (10 if said.group(2) == "cm" else 1)
        assert width * scale == pytest.approx(millimetres, rel=0.02)
        page.set_viewport_size({"width": 700, "height": 600})
        page.wait_for_timeout(500)


def test_a_browser_without_webgl2_shows_plain_slices(browser: Any, address: str, visit: Callable[..., Any]) -> None:
    """In words, with the windows and the keys that plain slices have."""
    executable = next(filter(None, map(shutil.which, NAMES)))
    arguments = [one for one in ARGUMENTS if "swiftshader" not in one]
    opened = browser.browser_type.launch(
        executable_path=executable, args=[*arguments, "--disable-gpu", "--disable-3d-apis"]
    )
    cookies = visit("ana").context.cookies()
    context = opened.new_context(base_url=address)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/patients/0")
    page.wait_for_selector(SLICES, timeout=WAIT)
    page.wait_for_selector("#viewer-notes:has-text('no WebGL 2')")
    assert page.locator("[data-plane=coronal]").is_disabled()
    page.focus("#viewer-stage")
    page.keyboard.press("Home")
    page.keyboard.press("4")
    reach(page, slice=1, level=WINDOWS["bone"][0])
    opened.close()


def test_a_server_without_the_npm_files_shows_plain_slices(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page says how they are brought."""
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = open_viewer(visit, SLICES)
    page.wait_for_selector("#viewer-notes:has-text('make web')")


def test_plain_slices_are_enlarged_too(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, web_database: Path
) -> None:
    """About the pointer, and dragged; NumPy draws the same part."""
    hu, (_, y, x) = read_scan(web_database)
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = open_viewer(visit, SLICES)
    whole = float(page.locator("#viewer").get_attribute("data-scale"))
    page.click("button[data-drag=move]")
    across, down = 40, -30
    scale = _enlarge(page, across, down)
    centre = middle_of(page)
    row = (hu.shape[1] - 1) / 2 + down * (whole - scale) / y
    col = (hu.shape[2] - 1) / 2 + across * (whole - scale) / x
    assert mean_difference(picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3
    page.mouse.down()
    page.mouse.move(*centre, steps=3)
    page.mouse.up()
    row, col = row + down * scale / y, col + across * scale / x
    assert mean_difference(picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3


def test_two_fingers_enlarge_and_one_goes_through_the_slices(visit: Callable[..., Any]) -> None:
    """Real touches, by the protocol of Chromium's tools: twice as far apart is twice as large."""
    page = open_viewer(visit, has_touch=True)
    tools = page.context.new_cdp_session(page)
    x, y = middle_of(page)

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": right, "y": down, "id": number} for number, (right, down) in enumerate(fingers)]
        tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    touch("touchMove", (x - 70, y), (x + 70, y))
    touch("touchMove", (x - 100, y), (x + 100, y))
    touch("touchEnd")
    reach(page, zoom="2.00", slice=5)
    page.click("button[data-drag=slices]")
    x, y = middle_of(page)
    touch("touchStart", (x, y))
    touch("touchMove", (x, y - 100))
    touch("touchMove", (x, y - 500))
    touch("touchEnd")
    reach(page, zoom="2.00", slice=9)


def test_a_damaged_scan_is_told_of_in_words(visit: Callable[..., Any], web_database: Path) -> None:
    """The transfer breaks off; the slices that are whole can still be looked at one by one."""
    query(web_database, "UPDATE dbo.scan_images SET pixels = ? WHERE slice_index = 7;", b"no gzip")
    page = open_viewer(visit, SLICES)
    page.wait_for_selector("#viewer-notes:has-text('The volume could not be shown')", timeout=WAIT)
    page.wait_for_selector(SLICES, timeout=WAIT)
    page.focus("#viewer-stage")
    page.keyboard.press("Home")
    reach(page, slice=1)
    assert page.locator("#viewer-loading").is_hidden()


def _enlarge(page: Any, across: int, down: int) -> float:
    """Turn the wheel by three notches, with Ctrl, so far from the middle; return the millimetres of a pixel then."""
    centre = middle_of(page)
    page.mouse.move(centre[0] + across, centre[1] + down)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -180)
    page.keyboard.up("Control")
    reach(page, zoom="1.95")
    return float(page.locator("#viewer").get_attribute("data-scale"))
