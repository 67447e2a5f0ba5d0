"""A load that is killed while it runs: nothing half is stored, the page goes on, and a second try completes it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from flask import Flask

from tests.cli.test_load_scans import write_patient
from tests.support.uploads import Person, contents
from tests.web.looking import audit, query

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def test_a_load_that_is_killed_leaves_whole_series_and_no_files(
    ana: Person, taking: Flask, empty_database: Path, tmp_path: Path, temporary: Path
) -> None:
    """By SIGKILL after the first series was stored."""
    folder = tmp_path / "archive"
    for number in range(40):
        write_patient(folder, f"P{number:02}", slices=8)
    given = contents(folder)
    upload = ana.send(given)
    found = taking.extensions["lungdb.uploads"].find(upload, "ana")
    while found.phase[0] != "slices" or found.phase[1] < 8:
        assert not found.is_over, found
        time.sleep(0.01)
    os.kill(taking.extensions["lungdb.uploads"].process.pid, signal.SIGKILL)
    while not found.is_over:
        time.sleep(0.01)
    assert found.state == "failed"
    assert "Series that were whole are loaded" in ana.client.get(f"/uploads/{upload}").text
    assert [path for path in temporary.rglob("*") if path.is_file() and path.name != "in-use"] == []
    assert audit(empty_database, "action, outcome, detail")[-1] == ("load", "failed", "loading did not come to its end")
    stored = query(
        empty_database,
        "SELECT s.number_images, COUNT(i.slice_index) AS slices FROM dbo.scans AS s "
        "LEFT OUTER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id GROUP BY s.scan_id, s.number_images;",
    )
    assert 0 < len(stored) < 40
    assert set(stored) == {(8, 8)}

    shown = ana.load(given)
    assert f'<dd id="loaded">{40 - len(stored)}</dd>' in shown
    assert query(empty_database, "SELECT COUNT(*) FROM dbo.scan_images;") == [(320,)]


def test_closing_the_page_ends_what_is_loading(ana: Person, taking: Flask, tmp_path: Path, temporary: Path) -> None:
    """Its process is gone, and so is the folder."""
    folder = tmp_path / "archive"
    for number in range(40):
        write_patient(folder, f"P{number:02}", slices=8)
    upload = ana.send(contents(folder))
    uploads = taking.extensions["lungdb.uploads"]
    found = uploads.find(upload, "ana")
    while found.phase[1] == 0:
        assert not found.is_over, found
        time.sleep(0.01)
    pid = uploads.process.pid
    uploads.close()
    assert found.state == "failed"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list(temporary.iterdir()) == []
