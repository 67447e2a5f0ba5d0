"""The animation: Pillow reads it, it is made once and kept, and made anew when the scan is another."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.scans.animation import MOST_FRAMES, MOST_PIXELS, animation, shown_slices
from lungdb_web.scans.pictures import WINDOWS, grey
from PIL import Image, ImageSequence

from lungdb.database import connect, run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import SHUFFLED, content_sha256, encode_slice
from tests.support.databases import target_of
from tests.support.web import sign_in

ANIMATION = "/patients/0/animation"
WEBP = {"Accept": "image/webp,image/*"}


def _kept(file: Path, columns: str) -> list[tuple[Any, ...]]:
    with closing(connect(target_of(file))) as connection:
        return run(connection, f"SELECT {columns} FROM dbo.animations ORDER BY format;")[0].rows


def _frames(data: bytes) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    return [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(Image.open(BytesIO(data)))]


@pytest.mark.parametrize(("headers", "kind", "tolerance"), [({}, "GIF", 0.0), (WEBP, "WEBP", 6.0)])
def test_each_slice_is_a_frame_in_the_lung_window(
    signed_in: FlaskClient, headers: dict[str, str], kind: str, tolerance: float
) -> None:
    """Frames are the slices as the page draws them, ten a second, without end; WebP within a few grey levels."""
    answer = signed_in.get(ANIMATION, headers=headers)
    image = Image.open(BytesIO(answer.data))
    image.load()
    assert (image.format, image.n_frames, image.info["loop"], image.info["duration"]) == (kind, 9, 0, 100)
    assert answer.mimetype == f"image/{kind.lower()}"
    assert "Accept" in answer.vary
    for number, frame in enumerate(_frames(answer.data)):
        slice_ = np.asarray(Image.open(BytesIO(signed_in.get(f"/patients/0/slices/{number}.png").data)))
        assert np.abs(frame.astype(int) - slice_).mean() <= tolerance


def test_it_is_made_once_and_kept_with_its_hash(signed_in: FlaskClient, web_database: Path) -> None:
    """The second time nothing is written; WebP and GIF are a row each."""
    first = signed_in.get(ANIMATION)
    [(made_at, sha256, content)] = _kept(web_database, "made_at, sha256, content_sha256")
    assert sha256 == hashlib.sha256(first.data).digest()
    assert signed_in.get(ANIMATION).data == first.data
    assert _kept(web_database, "made_at, sha256, content_sha256") == [(made_at, sha256, content)]
    signed_in.get(ANIMATION, headers=WEBP)
    assert _kept(web_database, "format") == [("gif",), ("webp",)]


def _replace_scan(file: Path) -> None:
    """Exchange the pixels of the first patient's scan, with hashes that fit."""
    slices = [encode_slice(np.full((64, 64), 100 * number - 1000, np.int16), SHUFFLED) for number in range(9)]
    with closing(connect(target_of(file))) as connection:
        sql = "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id"
        scan_id = run(connection, f"{sql} WHERE p.idx = 0;")[0].scalar()
        for number, (pixels, sha256) in enumerate(slices):
            sql = "UPDATE dbo.scan_images SET pixels = ?, pixels_sha256 = ? WHERE scan_id = ? AND slice_index = ?;"
            run(connection, sql, (pixels, sha256, scan_id, number))
        content = content_sha256(sha256 for _, sha256 in slices)
        run(connection, "UPDATE dbo.scans SET content_sha256 = ? WHERE scan_id = ?;", (content, scan_id))


def test_it_is_made_anew_when_the_scan_is_another(signed_in: FlaskClient, web_database: Path) -> None:
    """In place of the old one; the browser's tag does not fit any more."""
    before = signed_in.get(ANIMATION)
    _replace_scan(web_database)
    after = signed_in.get(ANIMATION, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    level = grey(np.array([[-700]], np.int16), WINDOWS["lung"])[0, 0]
    assert (_frames(after.data)[3] == level).all()
    assert len(_kept(web_database, "sha256")) == 1


def test_a_damaged_animation_is_made_again(signed_in: FlaskClient, web_database: Path) -> None:
    """What is kept is compared with its SHA-256."""
    first = signed_in.get(ANIMATION).data
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "UPDATE dbo.animations SET animation = ?;", (first[:-1],))
    assert signed_in.get(ANIMATION).data == first
    assert _kept(web_database, "animation") == [(first,)]


def test_several_at_once_make_one_row(app: Flask, web_database: Path) -> None:
    """Four browsers ask for what nobody has asked for yet: all get the same file."""
    browsers = [sign_in(app.test_client(), name) for name in ("ana", "rob", "tess", "ana")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda browser: browser.get(ANIMATION), browsers))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.data for answer in answers}) == 1
    assert len(_kept(web_database, "sha256")) == 1


def test_an_animation_of_another_scan_is_not_kept(web_database: Path) -> None:
    """StoreAnimation compares hashes, of the file and of the scan that it was made of, and how the scan lay."""
    sql = "EXECUTE dbo.StoreAnimation @PatientIndex = 0, @Format = ?, @Animation = ?, @Sha256 = ?, @ContentSha256 = ?;"
    right = hashlib.sha256(b"a").hexdigest()
    with closing(connect(target_of(web_database))) as connection:
        for number, parameters in (
            (50211, ("gif", b"a", right, "00" * 32)),
            (50105, ("gif", b"b", right, "00" * 32)),
            (50101, ("png", b"a", right, "00" * 32)),
        ):
            with pytest.raises(SqlError) as refusal:
                run(connection, sql, parameters)
            assert refusal.value.number == number
        content = "SELECT CONVERT(VARCHAR(64), content_sha256, 2) FROM dbo.scans WHERE scan_id = 1;"
        [(scan,)] = run(connection, content)[0].rows
        run(connection, "UPDATE dbo.scans SET patient_orientation = N'RA';")
        with pytest.raises(SqlError) as refusal:
            run(connection, sql, ("gif", b"a", right, scan))
        assert refusal.value.number == 50211
    assert _kept(web_database, "sha256") == []


def test_deleting_a_scan_deletes_its_animation(signed_in: FlaskClient, web_database: Path) -> None:
    """load_scans --replace deletes scans and knows nothing of animations."""
    signed_in.get(ANIMATION)
    with closing(connect(target_of(web_database))) as connection:
        for table in ("pooled_features", "features", "predictions", "scan_images", "scans"):
            run(connection, f"DELETE FROM dbo.{table} WHERE scan_id IN (SELECT scan_id FROM dbo.animations);")
    assert _kept(web_database, "sha256") == []


def test_long_and_large_scans_make_small_animations() -> None:
    """At most MOST_FRAMES frames from the first slice to the last, at most MOST_PIXELS wide, in the right shape."""
    assert shown_slices(9) == list(range(9))
    chosen = shown_slices(1000)
    assert (len(chosen), chosen[0], chosen[-1]) == (MOST_FRAMES, 0, 999)
    assert set(np.diff(chosen)) <= {6, 7}
    data = animation(np.zeros((2, 512, 512), np.int16), (1.0, 0.5), "gif")
    assert Image.open(BytesIO(data)).size == (MOST_PIXELS // 2, MOST_PIXELS)
