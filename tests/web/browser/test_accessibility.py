"""axe-core finds no serious fault on any page, in light and dark, and no page is wider than its window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lungdb.database import connect
from tests.support.databases import target_of
from tests.support.fixtures import UNSCORED
from tests.support.nodules import add_found, add_network
from tests.support.web import sign_in
from tests.web.looking import query
from tests.web.routes import routes

pytestmark = pytest.mark.slow

AXE = Path(__file__).resolve().parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WAIT = 60_000
SERIOUS = ("serious", "critical")
DRAWN = '#viewer[data-mode="volume"][data-drawn="true"]'
WIDTHS = (1440, 1024, 390)


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core; without it the tests are skipped, and say so."""
    if not AXE.is_file():
        pytest.skip("NO PAGE WAS CHECKED FOR ACCESSIBILITY: axe-core is missing. Run: make lint")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def scored(app: Flask, web_database: Path) -> None:
    """A result of patient 0, explained and with maps, a nodule, a second version of the model, and a failed scan."""
    with closing(connect(target_of(web_database))) as connection:
        add_found(connection, 1, add_network(connection, "detector"), (0.0, 0.0, 0.0), 8.0, 0.9)
    query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 0; EXECUTE dbo.PromoteModel;")
    query(web_database, "EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 4;")
    query(web_database, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'4', @Grid = 2;")
    query(web_database, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @MinDataInLeaf = 3, @SkipMissing = 1;")


def pages(app: Flask, client: FlaskClient) -> list[str]:
    """Give the addresses of all pages: every route that answers GET with HTML, and states of some worth a look."""
    found = []
    for route in routes(app):
        if route.method == "GET":
            answer = client.get(route.path)
            if answer.mimetype == "text/html" and answer.status_code in (200, 404):
                found.append(route.path)
    return [
        *found,
        f"/patients/{UNSCORED}",
        "/?state=failed",
        "/?sort=name&order=desc",
        "/models/compare?a=1&b=2",
        "/patients/99999",
        "/no/such/page",
    ]


def faults(page: Any, axe: str) -> list[str]:
    """Let axe-core look at a page, and say each fault in a line."""
    page.evaluate(axe)
    result = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{page.url}: {violation['id']} ({violation['impact']}): {node['html'][:120]} {node['failureSummary'][:300]}"
        for violation in result["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def faults_of_both_themes(page: Any, axe: str) -> list[str]:
    """Look at a page in the light and in the dark theme, as the switch below it forces them."""
    found = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found += [f"{theme}: {fault}" for fault in faults(page, axe)]
    return found


@pytest.mark.usefixtures("scored")
def test_axe_finds_no_serious_fault_on_any_page(
    axe: str, app: Flask, client: FlaskClient, visit: Callable[..., Any]
) -> None:
    """As a scorer who may see the truth, with details open, and on the page to sign in as nobody; in both themes."""
    addresses = pages(app, sign_in(client, "ana"))
    assert {
        "/",
        "/patients/0",
        "/models",
        "/models/1",
        "/patients/0/similar",
        "/patients/0/scores/1",
    } <= set(addresses)
    page = visit("ana", reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    found = []
    for address in addresses:
        page.goto(address)
        if address == "/patients/0":
            page.wait_for_selector(DRAWN, timeout=WAIT)
            page.get_by_role("button", name="Map over the slice").click()
            page.get_by_role("button", name="Show the truth").click()
            page.wait_for_selector("#truth strong")
            page.focus("#viewer-stage")
            page.keyboard.press("m")
            page.get_by_role("button", name="All three").click()
            page.wait_for_selector("#viewer-card", timeout=WAIT)
            # Not as a modal one, so that it and the page are looked at together.
            page.evaluate("document.getElementById('viewer-help').show()")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        found += faults_of_both_themes(page, axe)
    stranger = visit(reduced_motion="reduce")
    stranger.goto("/sign-in")
    found += faults_of_both_themes(stranger, axe)
    stranger.get_by_label("Name", exact=True).fill("ana")
    stranger.get_by_label("Password").fill("not hers")
    stranger.get_by_role("button", name="Sign in").click()
    stranger.wait_for_selector("[role=alert]")
    found += faults_of_both_themes(stranger, axe)
    assert found == []


def test_a_fault_is_found(axe: str, visit: Callable[..., Any]) -> None:
    """Pale text on white, and a field without a label."""
    page = visit()
    page.goto("/sign-in")
    page.evaluate(
        "document.querySelector('h1').style.color = '#ddd'; document.querySelector('label[for=name]').remove();"
    )
    found = "\n".join(faults(page, axe))
    assert "color-contrast" in found
    assert "label (critical)" in found


@pytest.mark.usefixtures("scored")
def test_no_page_is_wider_than_its_window(app: Flask, client: FlaskClient, visit: Callable[..., Any]) -> None:
    """On a desk, a tablet and a telephone: what is wide scrolls inside its own box."""
    addresses = pages(app, sign_in(client, "ana"))
    page = visit("ana")
    wide = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for address in addresses:
            page.goto(address)
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                wide.append(f"{address} needs {needed} pixels of {width}")
    assert wide == []


@pytest.mark.usefixtures("scored")
def test_research_use_only_is_in_view_wherever_one_scrolls(
    app: Flask, client: FlaskClient, visit: Callable[..., Any]
) -> None:
    """The words are within the window at the top and at the end of every page."""
    page = visit("ana", viewport={"width": 1024, "height": 500})
    for address in pages(app, sign_in(client, "ana")):
        page.goto(address)
        for place in ("0", "document.documentElement.scrollHeight"):
            page.evaluate(f"window.scrollTo(0, {place})")
            box = page.get_by_text("Research use only").first.bounding_box()
            assert box is not None, address
            assert 0 <= box["y"] < 500, (address, place)
