"""The viewer in a real browser: what it draws are the stored Hounsfield units, and its controls do what they say."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lungdb_web.pages import scans
from lungdb_web.scans import niivue
from lungdb_web.turns import Turns
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter

from lungdb.imaging.codecs import decode_slice
from tests.support.browsers import ARGUMENTS, NAMES
from tests.web.looking import query

pytestmark = pytest.mark.slow

WAIT = 60_000
VOLUME = '#viewer[data-mode="volume"][data-drawn="true"]'
SLICES = '#viewer[data-mode="slices"][data-drawn="true"]'
WINDOWS = {"lung": (-600, 1500), "wide-lung": (-400, 1600), "mediastinum": (40, 400), "bone": (300, 1500)}


def _scan(database: Path) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """Read the first patient's scan: int16[slices, rows, cols], and the distances of slices, rows and columns in mm."""
    rows = query(
        database,
        "SELECT i.pixels, image_rows, image_cols, pixels_sha256, encoding, s.spacing_z, s.spacing_y, s.spacing_x "
        "FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1 "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 0 ORDER BY i.slice_index;",
    )
    hu = np.stack([decode_slice(*row[:5]) for row in rows])
    return hu, rows[0][5:]


def _open(visit: Callable[..., Any], state: str = VOLUME, **options: Any) -> Any:
    page = visit("ana", viewport={"width": 1100, "height": 800}, **options)
    page.goto("/patients/0")
    page.wait_for_selector(state, timeout=WAIT)
    return page


def _at(page: Any, **data: object) -> None:
    """Wait until the viewer has drawn a state."""
    parts = "".join(f'[data-{name}="{value}"]' for name, value in data.items())
    page.wait_for_selector(f'#viewer[data-drawn="true"]{parts}', timeout=WAIT)


def _picture(page: Any) -> NDArray[np.float64]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    image = Image.open(io.BytesIO(page.locator("#viewer-stage").screenshot())).convert("L")
    return np.asarray(image, dtype=np.float64)


def _difference(
    drawn: NDArray[np.float64],
    plane: NDArray[np.int16],
    spacing: tuple[float, float],
    scale: float,
    window: tuple[int, int],
    middle: tuple[float, float] | None = None,
) -> float:
    """Compare a picture with a plane of the scan drawn by NumPy: the mean difference where the plane is smooth.

    Parameters
    ----------
    plane : int16[down, across]
        As a radiologist sees it: the first pixel at the upper left.
    spacing : tuple of float
        Of the plane's rows and columns in mm.
    scale : float
        Millimetres a pixel of the picture.
    middle : tuple of float, optional
        Row and column of the plane in the middle of the picture; those of the plane's own by default.
    """
    level, width = window
    row, col = middle or ((plane.shape[0] - 1) / 2, (plane.shape[1] - 1) / 2)
    expected = np.clip((plane.astype(float) - level) / width + 0.5, 0, 1) * 255
    down, across = np.indices(drawn.shape)
    rows = (down - (drawn.shape[0] - 1) / 2) * scale / spacing[0] + row
    cols = (across - (drawn.shape[1] - 1) / 2) * scale / spacing[1] + col
    inside = (rows > 1) & (rows < plane.shape[0] - 2) & (cols > 1) & (cols < plane.shape[1] - 2)
    varies = maximum_filter(expected, 3) - minimum_filter(expected, 3)
    smooth = inside & (map_coordinates(varies, [rows, cols], order=0, mode="nearest") < 60)
    # The words in the corners and at the edges lie over the picture.
    smooth[:40], smooth[-40:], smooth[:, :40], smooth[:, -40:] = False, False, False, False
    assert smooth.mean() > 0.1
    return float(np.abs(map_coordinates(expected, [rows, cols], order=1, mode="nearest") - drawn)[smooth].mean())


def test_every_plane_and_window_is_what_numpy_draws(visit: Callable[..., Any], web_database: Path) -> None:
    """The patient's right is at the left, the front above or at the left, the head above; grey values as windowed."""
    hu, (z, y, x) = _scan(web_database)
    page = _open(visit)
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
            _at(page, plane=name, level=window[0], width=window[1])
            scale = float(page.locator("#viewer").get_attribute("data-scale"))
            drawn = _picture(page)
            difference = _difference(drawn, plane, spacing, scale, window)
            assert difference < 3, (name, key)
            assert _difference(drawn, plane[:, ::-1], spacing, scale, window) > 2 * difference, "turned over"
            assert _difference(drawn, plane[::-1], spacing, scale, window) > 2 * difference, "upside down"


def test_keys_wheel_slider_and_cine_change_the_slice(visit: Callable[..., Any]) -> None:
    """Of nine slices the fifth is in the middle; nothing leaves the scan."""
    page = _open(visit)
    _at(page, slice=5)
    page.focus("#viewer-stage")
    for key, expected in (
        ("ArrowUp", 6), ("ArrowLeft", 5), ("PageUp", 9), ("ArrowUp", 9), ("Home", 1), ("ArrowDown", 1), ("End", 9)
    ):  # fmt: skip
        page.keyboard.press(key)
        _at(page, slice=expected)
    page.mouse.move(*_middle(page))
    page.mouse.wheel(0, 100)
    _at(page, slice=8)
    page.mouse.wheel(0, -100)
    _at(page, slice=9)
    page.locator("#viewer-range").fill("3")
    _at(page, slice=3)
    assert page.locator("#viewer-place").inner_text().startswith("Slice 3 of 9 · z ")
    assert page.locator("#viewer-range").get_attribute("aria-valuetext") == "axial slice 3 of 9"
    page.get_by_role("button", name="Play").click()
    _at(page, slice=5)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    resting = page.locator("#viewer").get_attribute("data-slice")
    page.wait_for_timeout(500)
    assert page.locator("#viewer").get_attribute("data-slice") == resting
    page.get_by_role("button", name="Reset").click()
    _at(page, slice=5)
    page.wait_for_selector("#viewer-status:has-text('axial slice 5 of 9')", timeout=WAIT)


def test_dragging_changes_the_window_and_a_click_reads_the_value(visit: Callable[..., Any], web_database: Path) -> None:
    """Across is the width, down the level; the value shown is the table's at the voxel that was clicked."""
    hu, (_, y, x) = _scan(web_database)
    page = _open(visit)
    centre = _middle(page)
    page.mouse.move(*centre)
    page.mouse.down()
    page.mouse.move(centre[0] + 30, centre[1] - 20, steps=3)
    page.mouse.up()
    _at(page, level=-700, width=1650)
    assert page.locator("#viewer-window").inner_text() == "Window · L −700 W 1650"
    page.get_by_role("button", name="Reset").click()
    _at(page, level=-600, width=1500)

    centre = _middle(page)
    scale = float(page.locator("#viewer").get_attribute("data-scale"))
    for row, col in ((20, 20), (40, 45), (33, 12)):
        right = ((col - (hu.shape[2] - 1) / 2) * x) / scale
        down = ((row - (hu.shape[1] - 1) / 2) * y) / scale
        page.mouse.click(centre[0] + right, centre[1] + down)
        shown = f"{hu[4, row, col]} HU".replace("-", "−")
        page.wait_for_selector(f"#viewer-value:text-is('{shown}')", timeout=WAIT)


def test_what_is_enlarged_stays_under_the_hand(visit: Callable[..., Any], web_database: Path) -> None:
    """Ctrl with the wheel about the pointer, keys about the middle; dragging moves; NumPy draws the same part."""
    hu, (z, y, x) = _scan(web_database)
    page = _open(visit)
    for name, plane, spacing in (
        ("axial", hu[4], (y, x)),
        ("coronal", hu[::-1, hu.shape[1] // 2, :], (z, x)),
        ("sagittal", hu[::-1, :, hu.shape[2] // 2], (z, y)),
    ):
        page.click(f"button[data-plane={name}]")
        _at(page, plane=name, zoom="1.00")
        whole = float(page.locator("#viewer").get_attribute("data-scale"))
        across, down = 40, -30  # from the middle, in pixels
        scale = _enlarge(page, across, down)
        assert scale == pytest.approx(whole / 1.25**3, rel=1e-6)
        row = (plane.shape[0] - 1) / 2 + down * (whole - scale) / spacing[0]
        col = (plane.shape[1] - 1) / 2 + across * (whole - scale) / spacing[1]
        difference = _difference(_picture(page), plane, spacing, scale, WINDOWS["lung"], (row, col))
        assert difference < 3, name
        assert _difference(_picture(page), plane, spacing, scale, WINDOWS["lung"]) > 2 * difference, name

        page.click("button[data-drag=move]")
        centre = _middle(page)
        page.mouse.move(*centre)
        page.mouse.down()
        page.mouse.move(centre[0] + across, centre[1] + down, steps=3)
        page.mouse.up()
        row, col = row - down * scale / spacing[0], col - across * scale / spacing[1]
        assert _difference(_picture(page), plane, spacing, scale, WINDOWS["lung"], (row, col)) < 3, name
        page.focus("#viewer-stage")
        for _ in range(3):
            page.keyboard.press("-")
        _at(page, zoom="1.00")
        assert page.get_by_role("button", name="Zoom out").get_attribute("aria-disabled") == "true"


def test_the_keyboard_alone_moves_and_sets_the_window(visit: Callable[..., Any], web_database: Path) -> None:
    """Shift with an arrow goes there by forty pixels; the letters change width and level as dragging does."""
    hu, (_, y, x) = _scan(web_database)
    page = _open(visit)
    page.focus("#viewer-stage")
    for _ in range(4):
        page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    _at(page, zoom="2.44", slice=5)
    scale = float(page.locator("#viewer").get_attribute("data-scale"))
    row, col = (hu.shape[1] - 1) / 2 - 40 * scale / y, (hu.shape[2] - 1) / 2 + 40 * scale / x
    assert _difference(_picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3
    for key, level, width in (("w", -600, 1550), ("n", -600, 1498), ("d", -550, 1498), ("b", -600, 1498)):
        page.keyboard.press(key)
        _at(page, level=level, width=width)


def test_a_slice_that_does_not_come_is_told_of_and_the_one_before_stays(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, web_database: Path
) -> None:
    """Playing stops, the words are those of the picture that is seen, and once it works again nothing is left."""
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = _open(visit, SLICES)
    (whole,) = query(web_database, "SELECT pixels FROM dbo.scan_images WHERE scan_id = 1 AND slice_index = 6;")
    damage = "UPDATE dbo.scan_images SET pixels = ? WHERE scan_id = 1 AND slice_index = 6;"
    query(web_database, damage, b"no gzip")
    page.focus("#viewer-stage")
    # The damaged slice is the next one: a slow server's pictures are skipped while others are on their way.
    page.keyboard.press("ArrowUp")
    _at(page, slice=6)
    page.keyboard.press("Space")
    page.wait_for_selector("#viewer-problem:has-text('the server answered 500')", timeout=WAIT)
    _at(page, slice=6)
    assert page.locator("#viewer-place").inner_text().startswith("Slice 6 of 9")
    assert page.locator("#viewer-range").input_value() == "6"
    assert page.get_by_role("button", name="Play").get_attribute("aria-pressed") == "false"
    assert page.locator("#viewer-notes li").count() == 1
    query(web_database, damage, *whole)
    page.focus("#viewer-stage")
    page.keyboard.press("ArrowUp")
    _at(page, slice=7)
    assert page.locator("#viewer-problem").inner_text() == ""
    page.context.clear_cookies()
    page.keyboard.press("ArrowUp")
    page.wait_for_selector("#viewer-problem:has-text('you are signed out')", timeout=WAIT)
    _at(page, slice=7, level=WINDOWS["lung"][0])
    page.keyboard.press("4")
    _at(page, slice=7, level=WINDOWS["bone"][0])


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
    page = _open(visit)
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
    _at(page, slice=1, level=WINDOWS["bone"][0])
    opened.close()


def test_a_server_without_the_npm_files_shows_plain_slices(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page says how they are brought."""
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = _open(visit, SLICES)
    page.wait_for_selector("#viewer-notes:has-text('make web')")


def test_plain_slices_are_enlarged_too(
    visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, web_database: Path
) -> None:
    """About the pointer, and dragged; NumPy draws the same part."""
    hu, (_, y, x) = _scan(web_database)
    monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = _open(visit, SLICES)
    whole = float(page.locator("#viewer").get_attribute("data-scale"))
    page.click("button[data-drag=move]")
    across, down = 40, -30
    scale = _enlarge(page, across, down)
    centre = _middle(page)
    row = (hu.shape[1] - 1) / 2 + down * (whole - scale) / y
    col = (hu.shape[2] - 1) / 2 + across * (whole - scale) / x
    assert _difference(_picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3
    page.mouse.down()
    page.mouse.move(*centre, steps=3)
    page.mouse.up()
    row, col = row + down * scale / y, col + across * scale / x
    assert _difference(_picture(page), hu[4], (y, x), scale, WINDOWS["lung"], (row, col)) < 3


def test_two_fingers_enlarge_and_one_goes_through_the_slices(visit: Callable[..., Any]) -> None:
    """Real touches, by the protocol of Chromium's tools: twice as far apart is twice as large."""
    page = _open(visit, has_touch=True)
    tools = page.context.new_cdp_session(page)
    x, y = _middle(page)

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": right, "y": down, "id": number} for number, (right, down) in enumerate(fingers)]
        tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    touch("touchMove", (x - 70, y), (x + 70, y))
    touch("touchMove", (x - 100, y), (x + 100, y))
    touch("touchEnd")
    _at(page, zoom="2.00", slice=5)
    page.click("button[data-drag=slices]")
    x, y = _middle(page)
    touch("touchStart", (x, y))
    touch("touchMove", (x, y - 100))
    touch("touchMove", (x, y - 500))
    touch("touchEnd")
    _at(page, zoom="2.00", slice=9)


def test_a_damaged_scan_is_told_of_in_words(visit: Callable[..., Any], web_database: Path) -> None:
    """The transfer breaks off; the slices that are whole can still be looked at one by one."""
    query(web_database, "UPDATE dbo.scan_images SET pixels = ? WHERE slice_index = 7;", b"no gzip")
    page = _open(visit, SLICES)
    page.wait_for_selector("#viewer-notes:has-text('The volume could not be shown')", timeout=WAIT)
    page.wait_for_selector(SLICES, timeout=WAIT)
    page.focus("#viewer-stage")
    page.keyboard.press("Home")
    _at(page, slice=1)
    assert page.locator("#viewer-loading").is_hidden()


def _enlarge(page: Any, across: int, down: int) -> float:
    """Turn the wheel by three notches, with Ctrl, so far from the middle; return the millimetres of a pixel then."""
    centre = _middle(page)
    page.mouse.move(centre[0] + across, centre[1] + down)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -180)
    page.keyboard.up("Control")
    _at(page, zoom="1.95")
    return float(page.locator("#viewer").get_attribute("data-scale"))


def _middle(page: Any) -> tuple[float, float]:
    """The middle of the canvas, in pixels of the window; the stage is brought into view first."""
    page.locator("#viewer-stage").scroll_into_view_if_needed()
    box = page.locator("#viewer-stage").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
