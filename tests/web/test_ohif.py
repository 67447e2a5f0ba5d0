"""What is served of OHIF's build, by files of its shape: the real one is tried in a browser (browser/test_ohif.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lungdb_web.ohif import CONTENT_SECURITY_POLICY

from lungdb.config import Settings
from lungdb.errors import LungdbError
from tests.support.web import MakeApp, sign_in
from tests.web.routes import TEXTS

BUNDLE = "app.bundle.0f6159c501addfe9.js"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder as npm's package has it, with the least that is looked at."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text(f'<script defer src="/{BUNDLE}"></script>', encoding="utf-8")
    (folder / BUNDLE).write_text('__webpack_require__.p = "/";', encoding="utf-8")
    (folder / "app.bundle.css").write_text("a { src: url(/font.woff2) }", encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    return folder


def test_files_lie_under_a_path_behind_the_sign_in(make_app: MakeApp, settings: Settings, build: Path) -> None:
    """The root stands for /ohif/ in scripts and styles; the start page has no script inside; nothing lies outside."""
    app = make_app(replace(settings, web_ohif=str(build)))
    stranger = app.test_client()
    assert stranger.get("/ohif/").location == "/sign-in?next=/ohif/"
    assert stranger.get(f"/ohif/{BUNDLE}", headers={"Sec-Fetch-Mode": "no-cors"}).status_code == 401
    client = sign_in(app.test_client(), "rob")
    assert client.get(f"/ohif/{BUNDLE}").text == '__webpack_require__.p = "/ohif/";'
    assert client.get("/ohif/app.bundle.css").text == "a { src: url(/ohif/font.woff2) }"
    compressed = client.get(f"/ohif/{BUNDLE}", headers={"Accept-Encoding": "gzip"})
    assert (compressed.content_encoding, compressed.data[:2]) == ("gzip", b"\x1f\x8b")
    for path in ("/ohif/", "/ohif/viewer?StudyInstanceUIDs=1.2", "/ohif/segmentation/dicomweb"):
        page = client.get(path)
        assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert (
            page.text.count("<script") == page.text.count("<script src=") + page.text.count("<script defer src=") == 2
        )
    assert "/dicomweb" in client.get("/ohif/app-config.js").text
    for path in ("/ohif/sw.js", "/ohif/../secret.js", "/ohif/%2e%2e/secret.js", "/ohif/index.html", "/ohif/no.js"):
        assert client.get(path).status_code == 404, path
    assert "unsafe" not in client.get("/").headers["Content-Security-Policy"]


def test_a_patient_leads_to_the_study(make_app: MakeApp, settings: Settings, build: Path) -> None:
    """Only where OHIF is served."""
    client = sign_in(make_app(replace(settings, web_ohif=str(build))).test_client(), "rob")
    assert "/patients/0/ohif" in client.get("/patients/0").text
    location = client.get("/patients/0/ohif").location
    assert location == (f"/ohif/viewer?StudyInstanceUIDs={TEXTS['study']}&initialSeriesInstanceUID={TEXTS['series']}")
    assert client.get("/patients/999/ohif").status_code == 404
    without = sign_in(make_app(settings).test_client(), "rob")
    assert "ohif" not in without.get("/patients/0").text
    assert without.get("/ohif/").status_code == 404


def test_another_folder_is_refused(make_app: MakeApp, settings: Settings, build: Path) -> None:
    """Before anything is served, with what to do."""
    (build / BUNDLE).write_text("__webpack_require__.p = '/';", encoding="utf-8")
    for folder in (build, build / "missing", build.parent):
        with pytest.raises(LungdbError, match="Run make ohif"):
            make_app(replace(settings, web_ohif=str(folder)))
