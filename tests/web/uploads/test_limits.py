"""What an upload may have, who may begin one, whose it is, and that nothing stays of what is given up."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from lungdb_web.uploads import folders, store
from lungdb_web.uploads.limits import RefusedError
from lungdb_web.uploads.store import Uploads

from lungdb.config import Settings
from lungdb.errors import LungdbError
from tests.cli.test_load_scans import KEY
from tests.support.uploads import CHUNK, Person
from tests.support.web import MakeApp, sign_in
from tests.web.looking import audit


def files_of(temporary: Path) -> list[str]:
    """List what was handed in and still lies there."""
    return sorted(path.name for path in temporary.rglob("*") if path.is_file() and path.name != "in-use")


def test_it_is_off_by_default(make_app: MakeApp, site: Settings) -> None:
    """Nobody is offered it, and its addresses say by which setting it is turned on."""
    client = sign_in(make_app(replace(site, web_uploads="")).test_client(), "ana")
    answer = client.get("/uploads")
    assert answer.status_code == 404
    assert "web_uploads" in answer.text
    assert "/uploads" not in client.get("/").text


def test_who_may_not_load_is_refused_and_recorded(taking: Flask, empty_database: Path) -> None:
    """Whatever the role; and no link leads there."""
    client = sign_in(taking.test_client(), "rob")
    assert "/uploads" not in client.get("/").text
    assert client.get("/uploads").status_code == 403
    assert audit(empty_database, "account, action, detail")[-1] == (
        "rob",
        "refused",
        "GET /uploads: may not load scans",
    )


def test_a_part_without_the_sessions_token_is_refused(ana: Person) -> None:
    """As any form is."""
    assert ana.client.post("/uploads", data={"files": "1", "bytes": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("web_uploads", "much", "megabytes"),
        ("web_uploads", "0", "megabytes"),
        ("web_uploads", "1000001", "megabytes"),
        ("id_key", "", "No id_key is set"),
        ("id_key", "short", "characters"),
        ("web_keep_ids", "no", "Give yes"),
    ],
)
def test_a_setting_that_is_wrong_stops_the_start(site: Settings, setting: str, value: str, said: str) -> None:
    """Before anybody hands anything in; of ids the sentence is that of load-scans."""
    with pytest.raises(LungdbError, match=said):
        Uploads(replace(site, **{setting: value}), lambda upload: None)


def test_what_needs_no_key_starts_without_one(site: Settings) -> None:
    """Ids that are kept, and a site that takes nothing."""
    Uploads(replace(site, id_key="", web_keep_ids="yes"), lambda upload: None)
    Uploads(replace(site, id_key="", web_uploads=""), lambda upload: None)


def test_the_connection_for_loading_stands_in_no_repr() -> None:
    """It may hold a password."""
    assert "secret" not in repr(Settings(web_load_database="Driver=x;PWD=secret", id_key=KEY))


@pytest.mark.parametrize(("files", "size"), [(0, 10), (1, 0), (1, 2_000_001), (20_001, 30_000)])
def test_more_than_the_site_takes_is_refused_before_it_is_sent(ana: Person, files: int, size: int) -> None:
    """By what is announced."""
    answer = ana.begin(files, size)
    assert answer.status_code == 413
    assert "2 MB" in answer.json["error"]


@pytest.mark.parametrize("size", ["", "-1", "1.5", "٣", "9" * 16, "1e3"])
def test_an_announcement_that_is_no_number_is_refused(ana: Person, size: str) -> None:
    """With a sentence, not an error."""
    assert ana.post("/uploads", data={"files": "1", "bytes": size}).status_code == 400


def test_parts_come_in_order_and_go_on_where_they_broke_off(ana: Person, temporary: Path) -> None:
    """A part that came twice, early, too large, of no such file, or beyond what was announced changes nothing."""
    upload = ana.begin(2, 100_000).json["id"]
    assert ana.part(upload, 0, 0, b"a" * CHUNK).json == {"received": CHUNK}
    again = ana.part(upload, 0, 0, b"a" * CHUNK)
    assert (again.status_code, again.json["received"]) == (409, CHUNK)
    assert ana.part(upload, 0, CHUNK + 5, b"b").json["received"] == CHUNK
    assert ana.part(upload, 0, CHUNK, b"b" * 10).json == {"received": CHUNK + 10}
    assert ana.part(upload, 1, 0, b"c" * (CHUNK + 1)).status_code == 413
    assert ana.part(upload, 2, 0, b"c").status_code == 404
    assert ana.part(upload, 1, 0, b"c" * 39_991).status_code == 413
    assert ana.post(f"/uploads/{upload}/finish").status_code == 409
    (kept,) = temporary.rglob("000000")
    assert kept.read_bytes() == b"a" * CHUNK + b"b" * 10
    assert os.name == "nt" or kept.parent.stat().st_mode & 0o077 == 0


def test_a_name_is_no_path(ana: Person, temporary: Path, tmp_path: Path) -> None:
    """Files are numbered, whatever the browser calls them."""
    upload = ana.begin(1, 5).json["id"]
    for name in ("../../../evil", "/etc/passwd", "%2e%2e%2fevil", "a\x00b", "%ff%fe"):
        ana.part(upload, 0, 9, b"x", name.replace("\x00", "%00"))
    assert ana.part(upload, 0, 0, b"12345", "../../../evil").status_code == 200
    assert files_of(temporary) == ["000000"]
    assert not list(tmp_path.rglob("*evil*"))


def test_an_upload_is_its_accounts_and_changed_by_its_session_alone(ana: Person, taking: Flask) -> None:
    """Nobody else sees that it is there; the same person elsewhere sees it and changes nothing."""
    upload = ana.begin(1, 5).json["id"]
    elsewhere = Person(sign_in(taking.test_client(), "ana"))
    assert elsewhere.client.get(f"/uploads/{upload}").status_code == 200
    for act in (
        lambda: elsewhere.part(upload, 0, 0, b"12345"),
        lambda: elsewhere.post(f"/uploads/{upload}/finish"),
        lambda: elsewhere.post(f"/uploads/{upload}/cancel"),
    ):
        assert act().status_code == 404
    assert taking.extensions["lungdb.uploads"].find(upload, "rob") is None
    assert ana.client.get("/uploads/another").status_code == 404
    assert ana.part(upload, 0, 0, b"12345").status_code == 200


def test_what_is_given_up_is_deleted(ana: Person, temporary: Path) -> None:
    """By a button, and by beginning anew."""
    for give_up in (lambda upload: ana.post(f"/uploads/{upload}/cancel"), lambda upload: ana.begin(1, 5)):
        upload = ana.begin(1, 5).json["id"]
        ana.part(upload, 0, 0, b"123")
        assert files_of(temporary) == ["000000"]
        give_up(upload)
        assert files_of(temporary) == []
        assert ana.part(upload, 0, 3, b"45").status_code == 404


def test_four_are_under_way_at_once_and_what_lies_long_is_given_up(ana: Person, taking: Flask, temporary: Path) -> None:
    """Of different accounts; two hours without a byte end one."""
    uploads = taking.extensions["lungdb.uploads"]
    first, *_ = [uploads.begin(f"other {number}", "a session", 1, 5) for number in range(4)]
    first.take(0, 0, "a.dcm", b"123")
    assert ana.begin(1, 5).status_code == 429
    first.touched -= 2 * 3600 + 1
    assert ana.begin(1, 5).status_code == 201
    with pytest.raises(RefusedError, match="takes no more files"):
        first.take(0, 3, "a.dcm", b"45")
    assert files_of(temporary) == []


def test_a_full_disk_is_refused_before_it_is_full(ana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a gigabyte stays free: here more than any disk has."""
    monkeypatch.setattr(store, "FREE_MEGABYTES", 10**9)
    assert ana.begin(1, 5).status_code == 507


def test_the_folder_goes_with_the_page_and_what_a_killed_one_left_goes_at_the_next_start(
    site: Settings, temporary: Path
) -> None:
    """By real processes: one runs while another starts, then it is killed."""
    program = (
        "import sys, tempfile\nfrom lungdb_web.uploads.folders import OwnFolder\n"
        "tempfile.tempdir = sys.argv[1]\nfolder = OwnFolder()\n(folder.path() / 'slice.dcm').write_text('x')\n"
        "print(folder.path(), flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(temporary)]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    left = Path(running.stdout.readline().strip())
    assert folders.delete_abandoned() == 0
    assert (left / "slice.dcm").exists()
    running.kill()
    running.communicate()
    (temporary / f"{folders.PREFIX}link").symlink_to(temporary.parent)
    here = Uploads(site, lambda upload: None)
    assert not left.exists()
    assert temporary.parent.exists()
    here.begin("ana", "session", 1, 5)
    assert list(temporary.glob(f"{folders.PREFIX}*"))
    here.close()
    assert [path for path in temporary.glob(f"{folders.PREFIX}*") if not path.is_symlink()] == []
