"""Circles around nodules in a real browser: where NumPy puts the sphere's section, read from the screen."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from lungdb_web.scans import niivue
from numpy.typing import NDArray
from PIL import Image

from lungdb.database import connect
from tests.support.databases import target_of
from tests.support.nodules import add_found, add_network, add_truth, lay
from tests.web.browser.seeing import SLICES, VOLUME, WAIT, open_viewer, reach, read_scan
from tests.web.looking import audit, query

pytestmark = pytest.mark.slow

SCAN = (
    "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 0;"
)
CENTRE = (20.25, 40.5, 4.3)
"""Column, row and slice of the sphere."""
DIAMETER = 60.0


@dataclass(frozen=True)
class Sphere:
    """The scan's size and distances, slices first, and the sphere in the stage's pixels."""

    shape: tuple[int, ...]
    spacing: tuple[float, float, float]

    def section(
        self, axis: int, index: int, scale: float, stage: dict[str, float]
    ) -> tuple[float, float, float] | None:
        """Give across, down and radius of the circle in an axis' slice; axes are column, row, slice."""
        steps, sizes = np.array(self.spacing[::-1]), np.array(self.shape[::-1])
        square = (DIAMETER / 2) ** 2 - ((CENTRE[axis] - index) * steps[axis]) ** 2
        if square <= 0:
            return None
        across, down = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[axis]
        places = (np.array(CENTRE) - (sizes - 1) / 2) * steps / scale
        sign = -1 if down == 2 else 1  # the head is above
        return stage["width"] / 2 + places[across], stage["height"] / 2 + sign * places[down], np.sqrt(square) / scale


@pytest.fixture
def sphere(web_database: Path) -> Sphere:
    """The first scan lies askew in the patient; a detector has found a sphere in it, which readers marked too."""
    hu, spacing = read_scan(web_database)
    [(scan,)] = query(web_database, SCAN)
    turn = np.radians(10.0)
    row, column = (np.cos(turn), np.sin(turn), 0.0), (-np.sin(turn), np.cos(turn), 0.0)
    with closing(connect(target_of(web_database))) as connection:
        matrix = lay(connection, scan, (-90.0, -80.0, 30.0), row, column, (0, 0, spacing[0]), spacing[1:])
        x, y, z, _ = (float(value) for value in matrix @ [*CENTRE, 1.0])
        add_found(connection, scan, add_network(connection, "detector"), (x, y, z), DIAMETER, 0.93)
        add_truth(connection, scan, (x + 1, y, z), 12.0, 3, 4)
    return Sphere(hu.shape, spacing)


CROWD = [
    (0, 0, 0, 60, 0.93),
    (3, 2, 0, 20, 0.9),
    (3, 2, 0, 12, 0.8),
    (6, 4, 0, 14, 0.7),
    (-8, 3, 0, 16, 0.6),
    (70, 0, 0, 9, 0.5),
]
"""Columns, rows and slices from the sphere's centre in mm, diameters in mm, scores."""


@pytest.fixture
def crowd(web_database: Path) -> list[str]:
    """Nodules inside one another and side by side, one at the right end; gives their words."""
    _, spacing = read_scan(web_database)
    [(scan,)] = query(web_database, SCAN)
    with closing(connect(target_of(web_database))) as connection:
        matrix = lay(connection, scan, (-90.0, -80.0, 30.0), (1, 0, 0), (0, 1, 0), (0, 0, spacing[0]), spacing[1:])
        centre = (matrix @ [*CENTRE, 1.0])[:3]
        network = add_network(connection, "detector")
        for across, down, up, diameter, score in CROWD:
            x, y, z = (float(value) for value in np.add(centre, (across, down, up)))
            add_found(connection, scan, network, (x, y, z), diameter, score)
    return [f"{rank} · {one[3]:.1f} mm · {one[4]:.2f}" for rank, one in enumerate(CROWD, 1)]


def _stage(page: Any) -> dict[str, float]:
    box: dict[str, float] = page.locator("#viewer-stage").bounding_box()
    return box


def _picture(page: Any) -> NDArray[np.int64]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    image = Image.open(io.BytesIO(page.locator("#viewer-stage").screenshot())).convert("RGB")
    return np.asarray(image).astype(np.int64)


def _circles(page: Any) -> list[list[float]]:
    """Read centre and radius of the circles, in pixels of the stage, tile after tile."""
    circles: list[list[float]] = page.evaluate(
        "() => Array.from(document.querySelectorAll('#nodule-rings .nodule-ring'), (ring) => {"
        "const tile = ring.parentElement; const number = (one, name) => Number(one.getAttribute(name));"
        "return [number(tile, 'x') + number(ring, 'cx'), number(tile, 'y') + number(ring, 'cy'), number(ring, 'r')]; })"
    )
    return circles


def _scale(page: Any) -> float:
    return float(page.locator("#viewer").get_attribute("data-scale"))


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("mode", [VOLUME, SLICES])
def test_the_circle_is_where_the_sphere_cuts_each_slice(
    visit: Callable[..., Any], sphere: Sphere, mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Off at first; then pixels change on NumPy's circle and its words alone, in each slice that the sphere reaches."""
    if mode == SLICES:
        monkeypatch.setattr(niivue, "_PACKAGE", tmp_path)
    page = open_viewer(visit, mode)
    button = page.get_by_role("button", name="Nodules on the slices")
    assert button.get_attribute("aria-pressed") == "false"
    assert _circles(page) == []
    seen = 0
    for index in range(2, 7):
        page.locator("#viewer-range").fill(str(index + 1))
        reach(page, slice=index + 1)
        before = _picture(page)
        button.click()
        expected = sphere.section(2, index, _scale(page), _stage(page))
        after = _picture(page)
        changed = np.abs(after - before).max(axis=2) > 40
        if expected is None:
            assert not changed.any()
            assert "None on this slice. Slices with one: 5." in page.locator("#nodule-said").inner_text()
        else:
            seen += 1
            np.testing.assert_allclose(_circles(page), [expected], atol=0.1)
            across, down, radius = expected
            rows, cols = np.nonzero(changed)
            away = np.hypot(cols + 0.5 - across, rows + 0.5 - down) - radius
            is_ring = np.abs(away) <= 4  # half the halo, and its smoothed edge
            # The words stand at the right of it, on the height of its middle.
            is_word = (away > 0) & (cols > across) & (np.abs(rows - down) <= 12)
            aside = ~(is_ring | is_word)
            assert not aside.any(), (cols[aside].tolist(), rows[aside].tolist(), expected)
            angles = np.arctan2(rows[is_ring] - down, cols[is_ring] - across)
            assert len(np.unique(np.floor(angles / (np.pi / 9)))) == 18, "the ring is whole"
            assert page.locator("#nodule-said").inner_text() == "On this slice: 1 · 60.0 mm · 0.93."
        button.click()
    assert seen == 2


@pytest.mark.usefixtures("app")
def test_a_row_leads_to_its_nodule_in_all_planes(visit: Callable[..., Any], sphere: Sphere) -> None:
    """A click shows the circles and moves the three planes there; O turns them off and on."""
    page = open_viewer(visit)
    page.click("button[data-plane=all]")
    reach(page, plane="all")
    page.get_by_role("link", name="Slice 5, nodule 1").click()
    reach(page, plane="all", slice=5)
    page.locator("#nodule-rings .nodule-ring").nth(2).wait_for(state="attached", timeout=WAIT)
    scale = _scale(page)
    radii = sorted(
        np.sqrt((DIAMETER / 2) ** 2 - ((CENTRE[axis] - round(CENTRE[axis])) * sphere.spacing[2 - axis]) ** 2) / scale
        for axis in range(3)
    )
    np.testing.assert_allclose(sorted(circle[2] for circle in _circles(page)), radii, rtol=1e-3)
    assert page.evaluate("document.activeElement.id") == "viewer-stage"
    page.keyboard.press("o")
    assert _circles(page) == []
    page.keyboard.press("o")
    assert len(_circles(page)) == 3


@pytest.mark.usefixtures("sphere", "app")
def test_what_readers_marked_joins_the_circles_when_it_is_asked_for(
    visit: Callable[..., Any], web_database: Path
) -> None:
    """Without leaving the page: the viewer keeps its place, and the audit has the look."""
    query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;")
    page = open_viewer(visit)
    page.get_by_role("link", name="Slice 5, nodule 1").click()
    reach(page, slice=5)
    assert len(_circles(page)) == 1
    page.get_by_role("button", name="Compare with what readers marked").click()
    page.locator("#nodule-rings .nodule-ring.nodule-marked").wait_for(state="attached", timeout=WAIT)
    assert len(_circles(page)) == 2
    assert page.locator("#nodules").get_by_text("found 1 of 1").count() == 1
    assert page.evaluate("document.activeElement.id") == "nodules"
    assert page.locator("#viewer").get_attribute("data-slice") == "5"
    assert ("ana", "view_truth", 0, "ok") in audit(web_database)


@pytest.mark.usefixtures("sphere", "app")
def test_without_javascript_a_slice_is_a_link(visit: Callable[..., Any], app: Flask) -> None:
    """The table stands there, and its slice is drawn as a picture; no button that does nothing."""
    page = visit("ana", java_script_enabled=False)
    page.goto("/patients/0")
    assert page.locator("#nodule-tools").is_hidden()
    page.get_by_role("link", name="Slice 5, nodule 1").click()
    assert page.url.endswith("/patients/0?slice=5#viewer")
    assert "Axial slice 5 of" in page.locator("#viewer-slice").get_attribute("alt")


def _words(page: Any) -> list[tuple[int, str, float, float, float, float]]:
    """Read the labels: tile, text, and left, top, right and bottom as they are drawn, in pixels of the tile."""
    words: list[tuple[int, str, float, float, float, float]] = page.evaluate(
        "() => Array.from(document.querySelectorAll('#nodule-rings > svg')).flatMap((tile, number) => "
        "Array.from(tile.querySelectorAll('.nodule-words'), (text) => { const box = text.getBBox();"
        "return [number, text.textContent, box.x, box.y, box.x + box.width, box.y + box.height]; }))"
    )
    return words


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("window", [1440, 390])
def test_words_of_nodules_near_each_other_do_not_overlap(
    visit: Callable[..., Any], crowd: list[str], window: int
) -> None:
    """Of one inside another, two at one place, and some beside: each circle has its words, all within the picture."""
    page = open_viewer(visit)
    page.set_viewport_size({"width": window, "height": 900})
    page.get_by_role("link", name="Slice 5, nodule 1").click()
    reach(page, slice=5)
    page.locator("#nodule-rings .nodule-words").nth(len(crowd) - 1).wait_for(state="attached", timeout=WAIT)
    words = _words(page)
    assert sorted(text for _, text, *_ in words) == sorted(crowd)
    tile = page.locator("#nodule-rings > svg")
    width, height = (float(tile.get_attribute(side)) for side in ("width", "height"))
    for place, (_, text, left, top, right, bottom) in enumerate(words):
        assert 0 <= left < right <= width, text
        assert 0 <= top < bottom <= height, text
        for _, other, first, above, last, below in words[:place]:
            assert last <= left or right <= first or below <= top + 1 or bottom <= above + 1, (text, other)
