"""What goes wrong while files are handed in: folders that are cleaned away, a disk that is full, what never ends."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from lungdb_web.uploads import folders
from lungdb_web.uploads.folders import OwnFolder
from lungdb_web.uploads.limits import RefusedError

from lungdb.loading.handed_in import MOST_LISTED
from tests.support.uploads import CHUNK, Person
from tests.support.web import sign_in
from tests.web.looking import audit, query


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the system write no file longer than so many bytes: of what is too long it writes the beginning."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def to_be_loaded(database: Path) -> list[str]:
    """List what the audit says is to be loaded."""
    return [detail for (detail,) in audit(database, "detail") if str(detail).endswith("are to be loaded")]


def test_a_folder_that_was_cleaned_away_is_made_anew(ana: Person, temporary: Path) -> None:
    """Another upload is taken, the one of before is told what happened, and the new folder is locked as the old was."""
    lost = ana.begin(1, 5).json["id"]
    (folder,) = temporary.glob(f"{folders.PREFIX}*")
    shutil.rmtree(folder)
    answer = ana.part(lost, 0, 0, b"12345")
    assert answer.status_code == 409
    assert "Begin another upload" in answer.json["error"]
    assert ana.load({"a.txt": b"a text"})
    assert folders.delete_abandoned() == 0


def test_a_lock_that_was_cleaned_away_is_made_anew(temporary: Path) -> None:
    """In the same folder, where files may be arriving."""
    own = OwnFolder()
    (own.path() / "slice.dcm").write_text("x")
    (own.path() / "in-use").unlink()
    assert (own.path() / "slice.dcm").exists()
    assert folders.delete_abandoned() == 0
    own.delete()
    assert list(temporary.iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_followed(temporary: Path, tmp_path: Path) -> None:
    """Whoever may write in the folder for temporary files may put one there."""
    own = OwnFolder()
    shutil.rmtree(was := own.path())
    (tmp_path / "another").mkdir()
    was.symlink_to(tmp_path / "another")
    assert own.path() != was
    assert list((tmp_path / "another").iterdir()) == []
    own.delete()


def test_an_account_keeps_one_place_whatever_it_signs_in_anew(ana: Person, taking: Flask, temporary: Path) -> None:
    """Of others it gives nothing up."""
    uploads = taking.extensions["lungdb.uploads"]
    of_another = uploads.begin("bob", "a session", 1, 5)
    older = ana.begin(1, 5).json["id"]
    ana.part(older, 0, 0, b"123")
    for _ in range(5):
        assert Person(sign_in(taking.test_client(), "ana")).begin(1, 5).status_code == 201
    assert uploads.find(older, "ana") is None
    assert list(temporary.rglob("000000")) == []
    assert ana.part(older, 0, 3, b"45").status_code == 404
    assert uploads.find(of_another.upload_id, "bob").state == "arriving"


def test_parts_without_a_byte_keep_no_place(ana: Person, taking: Flask) -> None:
    """An empty file has come, and the upload ages on."""
    upload = ana.begin(2, 5).json["id"]
    found = taking.extensions["lungdb.uploads"].find(upload, "ana")
    assert ana.part(upload, 0, 0, b"123").status_code == 200
    touched = found.touched = found.touched - 60
    assert ana.part(upload, 0, 3, b"").json == {"received": 3}
    assert ana.part(upload, 1, 0, b"").json == {"received": 0}
    assert found.touched == touched
    ana.part(upload, 0, 3, b"45")
    assert found.touched > touched


def test_names_that_the_report_does_not_show_are_forgotten(ana: Person, taking: Flask) -> None:
    """Of more files than it lists; a load that failed lists none."""
    uploads = taking.extensions["lungdb.uploads"]
    upload = uploads.begin("ana", "a session", MOST_LISTED + 100, MOST_LISTED + 100)
    for number in range(upload.files):
        upload.take(number, 0, f"DOE^JANE {number}.", b"x")
    uploads.finish(upload, lambda: None)
    while not upload.is_over:
        time.sleep(0.05)
    shown = ana.client.get(f"/uploads/{upload.upload_id}").text
    listed = {number for number in range(upload.files) if f"DOE^JANE {number}." in shown}
    assert len(listed) == MOST_LISTED
    assert upload.names == {number: f"DOE^JANE {number}." for number in listed}
    upload.report = None
    upload.drop_names()
    assert upload.names == {}


def test_a_part_that_is_half_written_is_sent_again(ana: Person, taking: Flask, temporary: Path) -> None:
    """The system writes a beginning of it and no more, as on a full disk; there is room later."""
    uploads = taking.extensions["lungdb.uploads"]
    upload = uploads.begin("ana", "a session", 1, 2 * CHUNK)
    upload.take(0, 0, "a.dcm", b"a" * CHUNK)
    with files_of_at_most(CHUNK + 1000), pytest.raises(RefusedError) as refused:
        upload.take(0, CHUNK, "a.dcm", b"b" * CHUNK)
    assert refused.value.status == 507
    (kept,) = temporary.rglob("000000")
    assert kept.read_bytes() == b"a" * CHUNK
    assert upload.take(0, CHUNK, "a.dcm", b"b" * CHUNK) == 2 * CHUNK
    assert kept.read_bytes() == b"a" * CHUNK + b"b" * CHUNK
    assert upload.received == upload.size


def test_the_audit_tells_of_no_load_that_is_refused(ana: Person, empty_database: Path) -> None:
    """Where bytes lack; and a second time says nothing new."""
    upload = ana.begin(1, 5).json["id"]
    ana.part(upload, 0, 0, b"123")
    assert ana.post(f"/uploads/{upload}/finish").status_code == 409
    assert to_be_loaded(empty_database) == []
    ana.part(upload, 0, 3, b"45")
    for _ in range(2):
        assert ana.post(f"/uploads/{upload}/finish").status_code == 202
    assert to_be_loaded(empty_database) == ["1 files are to be loaded"]


def test_without_the_audit_nothing_is_loaded(ana: Person, taking: Flask, empty_database: Path) -> None:
    """It waits for another try."""
    upload = ana.begin(1, 5).json["id"]
    ana.part(upload, 0, 0, b"123")
    query(empty_database, "DROP PROCEDURE dbo.RecordAudit;")
    ana.part(upload, 0, 3, b"45")
    assert ana.post(f"/uploads/{upload}/finish").status_code == 503
    assert taking.extensions["lungdb.uploads"].find(upload, "ana").state == "arriving"
