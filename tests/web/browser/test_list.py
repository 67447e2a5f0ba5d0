"""The list at work in a browser: J and K, two tabs, reviews, scoring all with a stop."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from lungdb_web import bulk as scoring
from lungdb_web.queries import bulk as queries

from tests.support.fixtures import UNSCORED

pytestmark = pytest.mark.slow
Visit = Callable[..., Any]


def _at(page: Any) -> tuple[int, str]:
    """Read which patient a page shows, and his place, when its scripts listen."""
    page.wait_for_load_state()
    found = re.search(r"/patients/(\d+)", page.url)
    assert found is not None
    return int(found[1]), page.locator(".place-at").inner_text()


def test_j_and_k_go_through_the_list_unless_somebody_types(visit: Visit) -> None:
    """To the next and back; in a field they are letters; at the end of the list nothing happens."""
    page = visit("ana")
    page.goto("/?state=no+features&sort=index&order=desc")
    page.locator("tbody th a").first.click()
    assert _at(page) == (39, "1 of 4")
    for key, wanted in (("j", (38, "2 of 4")), ("j", (37, "3 of 4")), ("k", (38, "2 of 4"))):
        page.keyboard.press(key)
        page.wait_for_url(f"**/patients/{wanted[0]}?*")
        assert _at(page) == wanted
    page.get_by_label("Note").fill("")
    page.get_by_label("Note").press_sequentially("jk jk")
    assert page.get_by_label("Note").input_value() == "jk jk"
    assert _at(page) == (38, "2 of 4")
    page.get_by_role("link", name="The list").click()
    assert page.locator("tbody th a").count() == 4
    assert page.locator(".filters [aria-current]").inner_text() == "No features"
    page.locator("tbody th a").last.click()
    page.keyboard.press("j")
    page.wait_for_timeout(300)
    assert _at(page) == (36, "4 of 4")


def test_two_tabs_have_each_their_own_list(visit: Visit) -> None:
    """A search in one changes nothing in the other, whichever is loaded again; the way back keeps it."""
    first = visit("ana")
    second = first.context.new_page()
    for page, text in ((first, "Anthony"), (second, "Lindq")):
        page.goto("/")
        page.get_by_label("Search patients by name, id or index").fill(text)
        page.get_by_role("button", name="Search").click()
        page.wait_for_url("**/?s=*")
    first.reload()
    names = first.locator("tbody th a").all_inner_texts()
    assert names == ["Anthony Okafor", "Anthony Rossi"]
    first.get_by_role("link", name="Anthony Rossi").click()
    assert _at(first) == (6, "2 of 2")
    second.reload()
    assert second.locator("tbody th a").all_inner_texts() == ["Ana Lindqvist"]
    first.keyboard.press("k")
    first.wait_for_url("**/patients/0?*")
    first.get_by_role("link", name="The list").click()
    assert first.locator("tbody th a").all_inner_texts() == names
    assert not any("nthony" in page.url for page in (first, second))


def test_scoring_all_shows_how_far_it_is_and_stops(visit: Visit, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed, stopped, pressed again; the list shows the scores when it has ended, without being loaded by hand."""
    stop_asked, score, chunks = threading.Event(), queries.score, itertools.count()

    def after_stop(*arguments: Any) -> None:
        """Score the first four, and the next when Stop has been pressed, however slow the browser is."""
        if next(chunks) == 1:
            assert stop_asked.wait(120)
        score(*arguments)

    def stop() -> None:
        stop_bulk()
        stop_asked.set()

    bulk = app.extensions["lungdb"].bulk
    stop_bulk = bulk.stop
    monkeypatch.setattr(scoring, "CHUNK", 4)
    monkeypatch.setattr(queries, "score", after_stop)
    monkeypatch.setattr(bulk, "stop", stop)
    page = visit("ana")
    page.get_by_role("button", name="Score all unscored").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on scoring").wait_for(timeout=60_000)
    before = bulk.state()
    assert (before.status, before.done) == ("stopped", 8)
    page.get_by_role("button", name="Go on scoring").click()
    assert "Scoring: " in page.locator("#scoring-text").inner_text()
    page.get_by_text(f"Done: {UNSCORED - before.done} of {UNSCORED - before.done}").wait_for(timeout=60_000)
    page.goto("/?state=scored")
    assert page.locator("tbody tr").count() == UNSCORED
    sizes = page.evaluate("[...document.querySelectorAll('.list-picture img')].slice(0, 3).map(i => i.naturalWidth)")
    assert sizes == [64, 64, 64]
