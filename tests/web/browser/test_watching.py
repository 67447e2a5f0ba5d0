"""What an administrator sees of models in use: accessible in light and dark, and no wider than any window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser.test_accessibility import WIDTHS, axe, faults
from tests.web.looking import query

pytestmark = pytest.mark.slow

__all__ = ["axe"]
PAGES = ("/watching", "/watching/1", "/watching/1/promote", "/watching/2/roll_back", "/watching/train", "/audit")


@pytest.fixture
def watched(web_database: Path) -> None:
    """Two versions with scores of several days, a check for drift, a queue, a failure and a search."""
    query(web_database, "EXECUTE dbo.TrainLungCancerModel @MinDataInLeaf = 3, @SkipMissing = 1, @Seed = 5;")
    query(web_database, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    for days in range(12):
        query(
            web_database,
            "INSERT INTO dbo.predictions (scan_id, classifier_id, probability, predicted_at, scope) "
            "SELECT s.scan_id, 1, CAST((s.scan_id * 37 + ? * 11) % 100 AS FLOAT) / 100, "
            "DATEADD(DAY, -?, SYSUTCDATETIME()), IIF(s.scan_id % 7 = 0, 'outside', 'inside') "
            "FROM dbo.scan_list AS s WHERE s.scan_id <= 20 + ?;",
            days, 2 * days, days,
        )  # fmt: skip
    query(
        web_database,
        "INSERT INTO dbo.drift_checks (classifier_id, later_since, tested_patients, later_patients, permutations, "
        "seed, alpha, statistic, p_value, is_alarm, checked_by) "
        "VALUES (1, '2026-01-01', 30, 20, 1999, 1, 0.01, 5.25, 0.0005, 1, N'job');"
        "INSERT INTO dbo.drift_items (drift_check_id, position, kind, name, statistic, p_value, stability_index) "
        "VALUES (1, 0, 'spacing', N'spacing of slices', 5.25, 0.0005, 0.4);"
        "EXECUTE dbo.QueueFeatures @ModelName = N'demo_resnet', @Pooling = N'max';"
        "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (37, N'damaged');"
        "EXECUTE dbo.SearchModels @ModelName = N's', @Trials = 3, @SkipMissing = 1;",
    )


@pytest.mark.usefixtures("watched")
def test_what_an_administrator_sees_has_no_serious_fault_and_fits(axe: str, visit: Callable[..., Any]) -> None:
    """Every page in both themes by axe-core, and at each width; the audit with rows, details open."""
    page = visit("ada", viewport={"width": 1440, "height": 1000})
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for address in PAGES:
            page.set_viewport_size({"width": 1440, "height": 1000})
            page.goto(address)
            if address == "/audit":
                page.get_by_role("button", name="Search", exact=True).last.click()
                page.wait_for_selector("table")
            page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
            found += faults(page, axe)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                needed = page.evaluate("document.documentElement.scrollWidth")
                found += [f"{address} needs {needed} of {width}"] * (needed > width)
    assert found == []


def test_a_training_is_watched_until_it_is_done(visit: Callable[..., Any]) -> None:
    """From the form to the new version, without a script of the page."""
    page = visit("ada", java_script_enabled=False)
    page.goto("/watching/train")
    form = page.locator("form[action='/watching/train']")
    form.get_by_label("Algorithm").select_option("logistic")
    form.get_by_label("Leave out labelled patients").check()
    form.get_by_role("button", name="Train").click()
    page.wait_for_url("**/watching#job")
    for _ in range(120):
        if "running" not in page.locator("#job .notice").inner_text():
            break
        page.wait_for_timeout(500)
        page.reload()
    assert "done" in page.locator("#job .notice").inner_text()
    page.goto("/models")
    assert page.get_by_role("link", name="Version 2").count() == 1
