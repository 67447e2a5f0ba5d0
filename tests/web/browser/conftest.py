"""A served application and a headless Chromium to visit it with."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from lungdb_web.serving import make_server

from lungdb.config import Settings
from tests.support.browsers import ARGUMENTS, NAMES
from tests.support.fixtures import PASSWORD


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one the tests are skipped, and say so."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="NO BROWSER TEST RAN: Playwright is missing. Run: pip install 'lungdb[test]'"
    )
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip("NO BROWSER TEST RAN: there is no Chromium on the path. Install it, as with apt install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address at which waitress serves the application."""
    server = make_server(app, Settings(web_host="127.0.0.1"), 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Give a function that opens a window, with Playwright's options, and signs somebody in there."""
    contexts = []

    def open_window(name: str | None = None, **options: Any) -> Any:
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        if name is not None:
            page.goto("/sign-in")
            page.get_by_label("Name", exact=True).fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("/")
        return page

    yield open_window
    for context in contexts:
        context.close()
