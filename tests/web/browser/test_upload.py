"""A folder and an archive are handed in by a real browser: chosen, dropped, interrupted; what is stored is compared."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from flask import Flask
from lungdb_web import create_app

from lungdb.config import Settings
from lungdb.imaging.codecs import decode_slice
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.writing import write_series
from tests.support.databases import target_of
from tests.web.browser.test_accessibility import AXE, faults
from tests.web.looking import query

pytestmark = pytest.mark.slow

WAIT = 60_000
README = Path("😀" * 40, f"{'y' * 140} <now>.txt")
"""A file whose last 200 units of UTF-16, of its path, begin in the middle of a character."""
WIDTHS = (1440, 1024, 390)


@pytest.fixture
def app(empty_database: Path) -> Iterator[Flask]:
    """The application of a site without patients that takes files and keeps their ids; ana may load them."""
    made = create_app(Settings(database=target_of(empty_database), web_uploads="50", web_keep_ids="yes"))
    yield made
    made.extensions["lungdb.uploads"].close()
    made.extensions["lungdb"].database.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients whom the database has not, and a text beside them."""
    made = tmp_path_factory.mktemp("arriving") / "export"
    for number in range(2):
        write_series(
            made / f"P{number}", make_phantom(71 + number, cancer=False, slices=6, size=96), f"arrived-{number}"
        )
    (made / README).parent.mkdir()
    (made / README).write_text("remember the milk", encoding="utf-8")
    return made


def check(page: Any, folder: Path, database: Path) -> None:
    """Wait for the result; compare what it says, what the list shows and every stored pixel with the files."""
    page.wait_for_selector("#loaded", timeout=WAIT)
    assert page.locator("#loaded").inner_text() == "2"
    page.get_by_text("Each file, or the first one").click()
    row = page.get_by_role("row", name=re.compile(re.escape(README.name[-20:])))
    assert "not a DICOM file" in row.inner_text()
    for number in range(2):
        files = [pydicom.dcmread(path) for path in (folder / f"P{number}").iterdir()]
        stored = query(
            database,
            "SELECT i.pixels, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i "
            "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE s.patient_id = ? ORDER BY i.slice_index;",
            f"arrived-{number}",
        )
        assert len(stored) == len(files) == 6
        in_order = sorted(files, key=lambda each: float(each.ImagePositionPatient[2]))
        for (pixels, sha256, encoding), each in zip(stored, in_order, strict=True):
            expected = each.pixel_array.astype(int) * int(each.RescaleSlope) + int(each.RescaleIntercept)
            # What is below air is padding, and stored as air.
            np.testing.assert_array_equal(decode_slice(pixels, 96, 96, sha256, encoding), np.maximum(expected, -1024))
    page.get_by_role("link", name="Patient 1", exact=True).click()
    page.wait_for_url("/patients/1")
    page.get_by_label("Search patients by name, id or index").fill("1")
    page.get_by_role("button", name="Search").click()
    page.wait_for_selector('table.worklist a[href^="/patients/1?"]', timeout=WAIT)


def test_a_folder_that_is_chosen_arrives_though_the_line_breaks(
    visit: Callable[..., Any], folder: Path, empty_database: Path
) -> None:
    """A part whose answer is lost and one that never comes are sent again; nothing is stored twice."""
    page = visit("ana", viewport={"width": 1440, "height": 1000})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    broken: list[str] = []

    def lose(route: Any) -> None:
        broken.append(route.request.url)
        number = len(broken)
        if number == 2:
            route.fetch()  # it came, and its answer is lost
        if number in (2, 5):
            route.abort()
        else:
            route.continue_()

    page.route("**/uploads/*/files/*", lose)
    page.get_by_role("link", name="Load", exact=True).click()
    page.wait_for_url("/uploads")
    page.locator("#upload-folder").set_input_files(folder)
    check(page, folder, empty_database)
    assert len(broken) == 13 + 2
    assert complaints == []


def test_a_folder_and_an_archive_that_are_dropped_arrive(
    visit: Callable[..., Any], folder: Path, empty_database: Path, tmp_path: Path
) -> None:
    """By Chromium's own drop, with the folder's entries; and one file alone, whose archive holds the rest."""
    together = tmp_path / "dropped"
    shutil.copytree(folder / "P0", together / "inner" / "P0")
    shutil.copyfile(folder / README, together / README.name)
    archive = shutil.make_archive(str(tmp_path / "rest"), "zip", folder, "P1")
    page = visit("ana", viewport={"width": 1440, "height": 1000})
    page.goto("/uploads")
    box = page.locator("#upload-drop").bounding_box()
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(together), archive], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data},
        )
    check(page, folder, empty_database)


def test_what_is_too_large_is_said_before_it_is_sent(visit: Callable[..., Any], tmp_path: Path) -> None:
    """With the size; another choice is possible at once, and Cancel gives one up that is under way."""
    page = visit("ana")
    page.goto("/uploads")
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(50_000_001)
    page.locator("#upload-files").set_input_files(large)
    page.get_by_text("more than can be handed in at a time").wait_for(timeout=WAIT)
    page.route("**/uploads/*/files/*", lambda route: route.abort())
    with large.open("wb") as file:
        file.truncate(500_000)
    page.locator("#upload-files").set_input_files(large)
    page.get_by_text("The server does not answer").wait_for(timeout=WAIT)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("nothing was loaded").wait_for(timeout=WAIT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_have_no_serious_fault_and_fit_their_window(
    scheme: str, visit: Callable[..., Any], folder: Path
) -> None:
    """By axe-core and at three widths: before, and when all is loaded."""
    page = visit("ana", color_scheme=scheme)
    page.goto("/uploads")
    axe = AXE.read_text(encoding="utf-8") if AXE.is_file() else ""
    for _ in range(2):
        assert not axe or faults(page, axe) == []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
        if page.url.endswith("/uploads"):
            page.locator("#upload-folder").set_input_files(folder)
            page.wait_for_selector("#loaded", timeout=WAIT)
            page.get_by_text("Each file, or the first one").click()


def test_without_javascript_the_page_says_how_files_are_loaded(visit: Callable[..., Any]) -> None:
    """And offers nothing that would not work."""
    page = visit("ana", java_script_enabled=False)
    page.goto("/uploads")
    # Chromium without scripts by its tools' switch shows no <noscript>; a browser whose owner turned them off does.
    assert "lungdb load-scans FOLDER" in (page.locator("noscript").text_content() or "")
    assert not page.locator("#upload").is_visible()
