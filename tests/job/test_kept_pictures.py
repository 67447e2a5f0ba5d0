"""Kept pictures give the same features, do not stay when they are wrong, and stay within their bound."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from lungdb.embedded.running import modules
from lungdb.embedded.running.events import Result
from lungdb.errors import SqlError
from lungdb.imaging.codecs import SHUFFLED, content_sha256, decode_slice, encode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from tests.support.databases import rows, target_of

GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Recompute = 1;"
# Another work on the same scans and pictures: the same work would be shared, and waits for what the first call holds.
OTHER_POOLING = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'max', @Recompute = 1;"
FEATURES = (
    "SELECT f.scan_id, s.layer, f.sha256 FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
    "ON s.feature_set_id = f.feature_set_id ORDER BY f.scan_id, s.layer;"
)
PICTURES = "SELECT scan_id, slice_index, digest, sha256 FROM dbo.prepared_slices ORDER BY scan_id, slice_index;"
PAYS = """
INSERT INTO dbo.preparation_costs (preprocessing, picture_rows, picture_cols, calls, sent_bytes, sent_seconds,
    made_slices, made_bytes, made_seconds, read_slices, read_bytes, read_seconds,
    written_slices, written_bytes, written_seconds)
VALUES (N'lung', 224, 224, 3, 1000000000, 1, 1000000, 100000000, {make}, 1000000, 200000000, 100,
    1000000, 200000000, {write});
"""
BYTES = """
SELECT p.scan_id, p.bytes, (SELECT COUNT(*) FROM dbo.prepared_slices AS k WHERE k.scan_id = p.scan_id)
FROM dbo.prepared_scans AS p ORDER BY p.scan_id;
"""
STORAGE = """
SELECT scans, bytes, is_worth_reading, is_worth_keeping FROM dbo.feature_storage WHERE kind = N'prepared pictures';
"""


def _keep(connection: Connection, gigabytes: float) -> None:
    run(connection, "UPDATE dbo.settings SET value = ? WHERE name = N'prepared_gigabytes';", (str(gigabytes),))


def _pays(connection: Connection, make: int = 100000, write: int = 1000) -> None:
    """Let there be costs that say whether keeping pays."""
    run(connection, PAYS.format(make=make, write=write))


def _kept(connection: Connection) -> list[int]:
    return [scan for (scan,) in rows(connection, "SELECT scan_id FROM dbo.prepared_scans ORDER BY scan_id;")]


def _text_of(connection: Connection, procedure: str) -> str:
    [(text,)] = rows(connection, f"SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.{procedure}'));")
    return str(text)


def _is_whole(connection: Connection) -> bool:
    """Tell whether each kept scan has as many pictures as slices and the bytes that are noted."""
    return not rows(
        connection,
        "SELECT 1 FROM dbo.prepared_scans AS p INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id "
        "WHERE s.number_images <> (SELECT COUNT(*) FROM dbo.prepared_slices AS k WHERE k.scan_id = p.scan_id) "
        "OR p.bytes <> (SELECT SUM(DATALENGTH(k.picture)) FROM dbo.prepared_slices AS k WHERE k.scan_id = p.scan_id);",
    )


@pytest.fixture
def few(loaded: Connection) -> Connection:
    """The loaded database with five scans left, and their features made of slices."""
    for table in ("worklist", "scan_images", "scan_labels", "series_choices", "scans"):
        run(loaded, f"DELETE FROM dbo.{table} WHERE scan_id > 5;")
    run(loaded, GENERATE)
    return loaded


def test_nothing_is_kept_unless_the_site_says_so(few: Connection) -> None:
    """The setting is 0 at first, and then nothing is measured or stored either."""
    assert rows(few, "SELECT value FROM dbo.settings WHERE name = N'prepared_gigabytes';") == [("0",)]
    for table in ("prepared_scans", "prepared_slices", "preparation_costs"):
        assert rows(few, f"SELECT COUNT(*) FROM dbo.{table};") == [(0,)]


def test_features_of_kept_pictures_are_those_of_the_slices(few: Connection) -> None:
    """Bit for bit, while pictures are kept and when they are read; what is kept is what prepare gives, unnormalised."""
    expected = rows(few, FEATURES)
    assert len(expected) == 5
    _keep(few, 1)
    run(few, GENERATE)
    assert rows(few, FEATURES) == expected
    assert _kept(few) == [1, 2, 3, 4, 5]
    assert _is_whole(few)
    slices = [
        CtSlice(decode_slice(bytes(pixels), image_rows, image_cols, bytes(sha256), encoding))
        for pixels, sha256, image_rows, image_cols, encoding in rows(
            few,
            "SELECT i.pixels, i.pixels_sha256, s.image_rows, s.image_cols, i.encoding FROM dbo.scan_images AS i "
            "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE i.scan_id = 2 ORDER BY i.slice_index;",
        )
    ]
    planes = prepare(slices, "lung").reshape(-1, 224, 224)[: len(slices)]
    kept = rows(few, "SELECT picture, sha256 FROM dbo.prepared_slices WHERE scan_id = 2 ORDER BY slice_index;")
    for plane, (picture, sha256) in zip(planes, kept, strict=True):
        np.testing.assert_array_equal(np.frombuffer(picture, "<f4").reshape(224, 224), plane)
        assert hashlib.sha256(picture).digest() == sha256
    # Slices that cannot be read would now be missed.
    run(few, "UPDATE dbo.scan_images SET pixels = 0x00;")
    run(few, GENERATE)
    assert rows(few, FEATURES) == expected
    assert rows(few, "SELECT DISTINCT uses FROM dbo.prepared_scans;") == [(1,)]


def test_another_layer_reads_the_same_pictures(few: Connection) -> None:
    """Its features are those of a database that keeps nothing, though its slices cannot be read any more."""
    other = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Layer = N'layer3';"
    run(few, other)
    expected = rows(few, FEATURES)
    run(few, "EXECUTE dbo.DeleteFeatures @Layer = N'layer3';")
    _keep(few, 1)
    run(few, GENERATE)
    run(few, "UPDATE dbo.scan_images SET pixels = 0x00;")
    run(few, other)
    assert rows(few, FEATURES) == expected
    assert len(expected) == 10


@pytest.mark.parametrize(
    "damage",
    ["picture = 0x00", "sha256 = HASHBYTES('SHA2_256', 0x00)", "digest = HASHBYTES('SHA2_256', 0x00)"],
)
def test_what_is_damaged_or_was_made_in_another_way_is_made_again(few: Connection, damage: str) -> None:
    """Of its slices, in the same call, which does not fail; and what is kept then is whole again."""
    expected = rows(few, FEATURES)
    _keep(few, 1)
    _pays(few)
    run(few, GENERATE)
    before = rows(few, PICTURES)
    run(few, f"UPDATE dbo.prepared_slices SET {damage} WHERE scan_id = 3 AND slice_index = 1;")
    run(few, GENERATE)
    assert rows(few, FEATURES) == expected
    after = rows(few, PICTURES)
    assert after == before
    assert rows(few, "SELECT uses FROM dbo.prepared_scans ORDER BY scan_id;") == [(1,), (1,), (0,), (1,), (1,)]


def test_damaged_pictures_of_fewer_slices_are_made_again_with_their_bytes(few: Connection) -> None:
    """Seed preprocessing uses whole groups of three slices, so three pictures are kept of a scan of four."""
    seed = GENERATE.replace("@Recompute", "@Preprocessing = N'seed', @Recompute")
    encoded = [encode_slice(np.full((128, 128), 100 * index, np.int16), SHUFFLED) for index in range(4)]
    run(few, "DELETE FROM dbo.scan_images WHERE scan_id > 1 OR slice_index > 3;")
    for table in ("pooled_features", "features", "worklist", "scan_labels", "series_choices", "scans"):
        run(few, f"DELETE FROM dbo.{table} WHERE scan_id > 1;")
    for index, (blob, sha256) in enumerate(encoded):
        change = "UPDATE dbo.scan_images SET pixels = ?, pixels_sha256 = ?, encoding = ? WHERE slice_index = ?;"
        run(few, change, (blob, sha256, SHUFFLED, index))
    run(
        few,
        "UPDATE dbo.scans SET number_images = 4, image_rows = 128, image_cols = 128, content_sha256 = ?;",
        (content_sha256(sha256 for _, sha256 in encoded),),
    )
    _keep(few, 1)
    run(few, seed)
    expected = rows(few, BYTES)
    run(few, "DELETE FROM dbo.preparation_costs;")
    _pays(few)
    run(few, "UPDATE dbo.preparation_costs SET preprocessing = N'seed';")
    run(few, "UPDATE dbo.prepared_slices SET picture = 0x00 WHERE slice_index = 1;")
    run(few, seed)
    assert rows(few, BYTES) == expected == [(1, 3 * 224 * 224, 3)]


def test_pictures_that_cannot_be_stored_cost_no_features(few: Connection) -> None:
    """What was begun is rolled back, the run says why, and neither its features nor later runs are lost."""
    expected = rows(few, FEATURES)
    run(few, "DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    _keep(few, 1)
    store = _text_of(few, "StorePictures")
    assert store.count("    COMMIT TRANSACTION;") == 1
    run(few, store.replace("    COMMIT TRANSACTION;", "    THROW 51000, N'The log is full.', 1;"))
    run(few, GENERATE)
    assert rows(few, FEATURES) == expected
    assert _kept(few) == []
    said = "SELECT message FROM dbo.run_steps WHERE message LIKE N'Prepared pictures cannot be kept%51000: The log%';"
    assert len(rows(few, said)) == 1
    run(few, store)
    run(few, GENERATE)
    assert rows(few, FEATURES) == expected
    assert _kept(few) == [1, 2, 3, 4, 5]


def test_a_scan_that_is_too_large_for_a_script_is_named_and_the_others_go_on(few: Connection) -> None:
    """Its slices are not sent, whether others are in its chunk or not; the bytes are those of the largest scan here."""
    sizes = rows(
        few, "SELECT SUM(DATALENGTH(pixels)), scan_id FROM dbo.scan_images GROUP BY scan_id ORDER BY 1 DESC, scan_id;"
    )
    (largest, too_large), (other, _) = sizes[:2]
    assert other < largest
    text = _text_of(few, "TakeScans")
    assert text.count("> 536870912") == 1
    run(few, text.replace("> 536870912", f"> {other}"))
    run(few, "DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    for call in (GENERATE, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model';"):
        with pytest.raises(SqlError, match=f"1 of . scans failed .* scan {too_large}: Its slices are more than 1 GB"):
            run(few, call)
        assert {scan for scan, *_ in rows(few, FEATURES)} == {1, 2, 3, 4, 5} - {too_large}


def test_the_bound_holds_and_what_was_used_longest_ago_goes_first(few: Connection) -> None:
    """Three scans fit; a smaller bound drops the one that was used longest ago, 0 drops all."""
    _keep(few, 1)
    _pays(few)
    run(few, GENERATE)
    sizes = dict(rows(few, "SELECT scan_id, bytes FROM dbo.prepared_scans;"))
    run(few, "DELETE FROM dbo.prepared_scans;")
    _keep(few, (sizes[1] + sizes[2] + sizes[3] + 1) / 1e9)
    run(few, GENERATE)
    assert _kept(few) == [1, 2, 3]
    run(few, GENERATE)
    assert _kept(few) == [1, 2, 3]
    assert _is_whole(few)
    run(few, "UPDATE dbo.prepared_scans SET used_at = '2020-01-01' WHERE scan_id = 2;")
    _keep(few, (sizes[1] + sizes[3] + 1) / 1e9)
    run(few, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model';")
    assert _kept(few) == [1, 3]
    # What this run does not use makes room for what it does.
    run(
        few,
        "DELETE FROM dbo.prepared_scans WHERE scan_id = 3; INSERT INTO dbo.prepared_scans (scan_id, preprocessing, "
        "picture_rows, picture_cols, bytes, used_at) VALUES (4, N'seed', 224, 224, ?, '2020-01-01');",
        (sizes[3],),
    )
    run(few, GENERATE)
    assert rows(few, "SELECT scan_id, preprocessing FROM dbo.prepared_scans ORDER BY scan_id;") == [
        (1, "lung"),
        (2, "lung"),
    ]
    _keep(few, 0)
    run(few, GENERATE)
    assert _kept(few) == []
    assert rows(few, "SELECT COUNT(*) FROM dbo.prepared_slices;") == [(0,)]


def test_the_rule_is_the_one_that_is_written(few: Connection) -> None:
    """Calls times what one saves against the writing; where reading costs more than making, nothing is read or kept."""
    _keep(few, 1)
    # A slice: made 0.1 + 0.1 µs, read 100 + 0.2 µs less; written 1000/1e6 s: three calls save nothing like it.
    _pays(few, make=101, write=1000)
    run(few, GENERATE)
    assert _kept(few) == []
    assert [row[2:] for row in rows(few, STORAGE)] == [(1, 0)]
    run(few, "DELETE FROM dbo.preparation_costs;")
    _pays(few, make=500, write=1000)
    run(few, GENERATE)
    assert _kept(few) == [1, 2, 3, 4, 5]
    assert [row[2:] for row in rows(few, STORAGE)] == [(1, 1)]
    run(few, "DELETE FROM dbo.preparation_costs;")
    _pays(few, make=50, write=1)
    run(few, GENERATE)
    assert _kept(few) == []
    assert [row[2:] for row in rows(few, STORAGE)] == [(0, 0)]


def test_seconds_saved_are_those_of_the_costs(few: Connection) -> None:
    """(made 1e6 × (0.5 ms + 0.1 µs) against read 1e6 × (0.1 ms + 0.2 µs)) less the writing, 1,000 s and 0.2 s."""
    _pays(few, make=500, write=1000)
    [(saved,)] = rows(few, "SELECT seconds_saved FROM dbo.feature_storage WHERE kind = N'prepared pictures';")
    assert saved == pytest.approx((500 + 0.1) - (100 + 0.2) - (1000 + 0.2))
    [(scans, size)] = rows(few, "SELECT scans, bytes FROM dbo.feature_storage WHERE kind = N'features';")
    assert (scans, size) == rows(few, "SELECT COUNT(*), SUM(DATALENGTH(array)) FROM dbo.features;")[0]


def test_what_was_not_measured_is_tried_with_a_few_scans(few: Connection) -> None:
    """Scans of 256 slices in all are kept, and the call after measures reading them."""
    run(few, "UPDATE dbo.scans SET number_images = 200 WHERE scan_id < 3;")
    _keep(few, 1)
    with pytest.raises(SqlError, match="2 of 5 scans failed"):
        run(few, GENERATE)
    assert _kept(few) == []  # both that would have been tried failed
    run(
        few,
        "UPDATE s SET s.number_images = (SELECT COUNT(*) FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id) "
        "FROM dbo.scans AS s;",
    )
    run(few, GENERATE)
    assert _kept(few) == [1, 2, 3, 4, 5]
    assert [row[2:] for row in rows(few, STORAGE)] == [(None, None)]
    run(few, GENERATE)
    [(reading, keeping)] = [row[2:] for row in rows(few, STORAGE)]
    assert reading is not None
    assert keeping is not None


def test_a_scan_takes_its_pictures_along(few: Connection) -> None:
    """Whoever deletes it, as loading another version of the series does."""
    _keep(few, 1)
    run(few, GENERATE)
    run(few, "DELETE FROM dbo.pooled_features WHERE scan_id = 4; DELETE FROM dbo.features WHERE scan_id = 4;")
    for table in ("worklist", "scan_images", "scan_labels", "series_choices", "scans"):
        run(few, f"DELETE FROM dbo.{table} WHERE scan_id = 4;")
    assert _kept(few) == [1, 2, 3, 5]
    assert rows(few, "SELECT COUNT(*) FROM dbo.prepared_slices WHERE scan_id = 4;") == [(0,)]


@pytest.mark.parametrize("what", ["replaced", "kept by another call"])
def test_what_happens_to_a_scan_meanwhile_leaves_nothing_half(
    few: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Pictures of a scan that is another one by now are not kept, and those that another call has stored stay."""
    _keep(few, 1)
    _pays(few)
    original: Any = modules.run_script
    done: list[bool] = []
    replaced = "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', 0x00) WHERE scan_id = 2;"

    def hooked(*arguments: Any) -> Iterator[Any]:
        for event in original(*arguments):
            if isinstance(event, Result) and not done:
                done.append(True)
                with closing(connect(target_of(next(tmp_path.glob("*.db"))))) as second:
                    run(second, replaced if what == "replaced" else OTHER_POOLING)
            yield event

    monkeypatch.setattr(modules, "run_script", hooked)
    if what == "replaced":
        with pytest.raises(SqlError, match=r"scan 2: It was replaced or removed"):
            run(few, GENERATE)
        assert _kept(few) == [1, 3, 4, 5]
    else:
        expected = rows(few, FEATURES)
        run(few, GENERATE)
        assert _kept(few) == [1, 2, 3, 4, 5]
        assert rows(few, FEATURES) == expected
    assert done
    assert _is_whole(few)


@pytest.mark.parametrize("value", ["many", "-1", "1e7"])
def test_a_bound_that_is_no_number_is_refused(few: Connection, value: str) -> None:
    """Before anything is done, with what to do."""
    run(few, "UPDATE dbo.settings SET value = ? WHERE name = N'prepared_gigabytes';", (value,))
    with pytest.raises(SqlError, match=f"prepared_gigabytes is '{value}'. Set it to a number") as caught:
        run(few, GENERATE)
    assert caught.value.number == 50101
