"""`lungdb recompress`: old slices take less room, and nothing that is read or made of them is another."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.database import connect, install, run
from lungdb.imaging.codecs import PLAIN, SHUFFLED, decode_slice, encode_slice
from lungdb.operating import recompressing
from lungdb.operating.recompressing import recompress
from tests.old_schema import unpack_schema_7
from tests.sql import small_database
from tests.support.asking import Query
from tests.support.databases import target_of

SLICES = """
SELECT i.scan_id, i.slice_index, i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding
FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id ORDER BY i.scan_id, i.slice_index;
"""
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "loading.md"


@pytest.fixture
def old(target: str) -> str:
    """A database of three small scans whose slices lie as before schema version 8."""
    with closing(connect(target)) as connection:
        small_database.fill(connection, patients=3, pictures=0)
    return target


def test_pixels_and_hashes_stay_and_bytes_become_fewer(
    old: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every slice is the one it was, under its old SHA-256; a second call finds nothing to do."""
    before = query(SLICES)
    assert {row[-1] for row in before} == {PLAIN}
    assert main(["recompress", "-d", old]) == 0
    after = query(SLICES)
    assert {row[-1] for row in after} == {SHUFFLED}
    assert [(*row[:2], *row[3:6]) for row in after] == [(*row[:2], *row[3:6]) for row in before]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(decode_slice(*one[2:]), decode_slice(*other[2:]))
    sizes = [sum(len(row[2]) for row in rows) for rows in (before, after)]
    assert sizes[1] < sizes[0]
    said = capsys.readouterr().out
    assert f"{len(before):,} slices were stored again: {sizes[0]:,} bytes became {sizes[1]:,}" in said
    main(["check", "-d", old])
    assert "slices are not as they were stored" not in capsys.readouterr().out
    assert main(["recompress", "-d", old]) == 0
    assert query(SLICES) == after


def test_features_are_the_same_bit_for_bit_before_half_way_and_after(old: str, query: Query) -> None:
    """GenerateFeatures reads both encodings, also within a scan."""
    generate = "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Recompute = 1;"
    made = []
    for encoded in (0, 1, 2):
        if encoded == 1:
            rows = [row for row in query(SLICES) if row[1] % 2]
            for scan_id, index, *stored in rows:
                pixels, _ = encode_slice(decode_slice(*stored), SHUFFLED)
                query(
                    "UPDATE dbo.scan_images SET pixels = ?, encoding = N'shuffled' "
                    "WHERE scan_id = ? AND slice_index = ?;",
                    pixels, scan_id, index,
                )  # fmt: skip
        if encoded == 2:
            assert main(["recompress", "-d", old]) == 0
        query(generate)
        made.append(query("SELECT scan_id, array, sha256 FROM dbo.features ORDER BY scan_id;"))
    assert len(made[0]) == 3
    assert made[1] == made[0]
    assert made[2] == made[0]


def test_a_damaged_slice_stays_and_is_named_and_the_rest_is_done(
    old: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that does not match its SHA-256 is written under a new form."""
    query("UPDATE dbo.scan_images SET pixels = 0x1F8B00 WHERE scan_id = 2 AND slice_index = 3;")
    assert main(["recompress", "-d", old]) == 1
    assert "left as they are: 3 of scan_id 2 (1 in all)" in capsys.readouterr().out
    left = query("SELECT scan_id, slice_index, pixels FROM dbo.scan_images WHERE encoding IS NULL;")
    assert left == [(2, 3, b"\x1f\x8b\x00")]


def test_a_call_that_was_stopped_keeps_what_it_did_and_is_gone_on_with(
    old: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between two transactions; a slice is in the old form or in the new one, never between."""
    monkeypatch.setattr(recompressing, "_SLICES", recompressing._SLICES.replace("TOP (16)", "TOP (2)"))
    total = len(query(SLICES))

    def interrupt(what: str, done: int, of: int) -> None:
        assert of == total
        if done >= 4:
            raise KeyboardInterrupt

    with closing(connect(old)) as connection, pytest.raises(KeyboardInterrupt):
        recompress(connection, interrupt)
    rows = query(SLICES)
    assert sum(row[-1] == SHUFFLED for row in rows) == 4
    for row in rows:
        decode_slice(*row[2:])
    with closing(connect(old)) as connection:
        assert recompress(connection, lambda *seen: None).slices == total - 4
    assert {row[-1] for row in query(SLICES)} == {SHUFFLED}


def test_a_slice_that_was_replaced_meanwhile_is_not_overwritten(
    old: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read is no longer there when it would be stored: the newer pixels stay."""
    newer, sha256 = encode_slice(np.full((2, 2), 7, np.int16))
    encode = recompressing._again

    def replace_first(*arguments: object) -> bytes:
        query(
            "UPDATE dbo.scan_images SET pixels = ?, pixels_sha256 = ? WHERE scan_id = 1 AND slice_index = 0;",
            newer, sha256,
        )  # fmt: skip
        return encode(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(recompressing, "_again", replace_first)
    with closing(connect(old)) as connection:
        recompress(connection, lambda *seen: None)
    kept = query("SELECT pixels, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = 1 AND slice_index = 0;")
    assert kept == [(newer, sha256, None)]


def test_scans_of_schema_7_are_read_after_the_upgrade_and_recompressed(tmp_path: Path) -> None:
    """The column comes with the installation, empty; before it the command says what to do."""
    target = target_of(unpack_schema_7(tmp_path))
    assert main(["recompress", "-d", target]) == 1
    hu = np.array([[-800]], np.int16)
    with closing(connect(target)) as connection:
        run(connection, "UPDATE dbo.scan_images SET pixels = ?, pixels_sha256 = ?;", encode_slice(hu))
        run(connection, "UPDATE dbo.scans SET image_rows = 1, image_cols = 1;")
        before = run(connection, SLICES.replace("i.encoding", "NULL"))[0].rows
        install(connection)
        assert run(connection, SLICES)[0].rows == before
    assert main(["recompress", "-d", target]) == 0
    with closing(connect(target)) as connection:
        for row in run(connection, SLICES)[0].rows:
            assert row[-1] == SHUFFLED
            np.testing.assert_array_equal(decode_slice(*row[2:]), hu)


def test_the_documented_statement_reads_a_pixel_of_both_encodings(old: str, query: Query) -> None:
    """The block of docs/loading.md, for a pixel whose value is negative and whose low byte is not zero."""
    (block,) = re.findall(r"(    DECLARE @ScanId.*?\n)\n", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    hu = decode_slice(*query(SLICES)[3][2:])
    row, column = np.argwhere((hu < -256) & (hu % 256 != 0))[5]
    for name, value in {"@ScanId": 1, "@Slice": 3, "@Row": row, "@Column": column}.items():
        block = re.sub(rf"{name} INT = \d+", f"{name} INT = {value}", block)
    assert query(block) == [(hu[row, column],)]
    assert main(["recompress", "-d", old]) == 0
    assert query(block) == [(hu[row, column],)]
