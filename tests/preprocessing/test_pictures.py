"""Pictures of a preprocessing: previews, and data sets of derived pictures."""

from __future__ import annotations

import hashlib
import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from lungdb.database import run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import decode_slice
from lungdb.loading.picture_facts import settle, store_facts
from lungdb.loading.picture_list import PictureList, Said
from tests.preprocessing.conftest import STORE
from tests.support.databases import refused, rows

SLICES = """
SELECT i.slice_index, i.pixels, s.image_rows, s.image_cols, i.pixels_sha256
FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE i.scan_id = ? ORDER BY i.slice_index;
"""
WINDOW = '[{"step": "window", "low": -1000, "high": 500}]'
CUT = f"EXECUTE dbo.TransformImages @Dataset = N'three', @Name = N'cut', @Steps = N'{WINDOW}', @SlicesPerScan = "
MADE = """
SELECT i.name, i.image, l.source_scan_id, l.source_slice, l.source_sha256, l.recipe, l.digest, o.part, s.part
FROM dbo.images AS i
INNER JOIN dbo.image_lineage AS l ON l.image_name = i.name
INNER JOIN dbo.image_sources AS o ON o.name = i.name
INNER JOIN dbo.scans AS c ON c.scan_id = l.source_scan_id AND c.patient_id = i.patient_id
INNER JOIN dbo.splits AS s ON s.patient_id = c.patient_id
ORDER BY i.name;
"""
TIMES = "SELECT image_name, made_at FROM dbo.image_lineage ORDER BY image_name;"


def slices_of(connection, scan_id):
    """Give the Hounsfield units of a scan by slice."""
    return {
        index: decode_slice(blob, height, width, sha256)
        for index, blob, height, width, sha256 in rows(connection, SLICES, (scan_id,))
    }


def picture_of(data):
    """Decode a PNG file with Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture
def sets(few):
    """The three scans as a data set, two pictures as another, one of them in a group."""
    run(few, "EXECUTE dbo.CreateDataset @Name = N'three', @Query = N'SELECT scan_id FROM dbo.scans';")
    rng = np.random.default_rng(2)
    for name, shape, group in (("grey", (40, 60), None), ("red", (30, 30, 3), "film")):
        data = cv2.imencode(".png", rng.integers(0, 256, shape).astype(np.uint8))[1].tobytes()
        run(
            few,
            "INSERT INTO dbo.images (name, image, label, sha256, group_name) VALUES (?, ?, 3, ?, ?);",
            (name, data, hashlib.sha256(data).digest(), group),
        )
    run(few, "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT name FROM dbo.images';")
    return few


def test_a_preview_shows_the_values_of_the_steps(few):
    """Three slices, black the lowest value of all and white the highest, as the formula of the window says."""
    found = rows(
        few, "EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Steps = ?, @Rows = 48, @Cols = 48, @Slices = 3;", (WINDOW,)
    )
    slices = slices_of(few, 1)
    assert [index for index, *_ in found] == [2, 5, 8]
    for index, lowest, highest, data in found:
        windowed = np.clip((slices[index].astype(np.float64) + 1000) / 1500, 0, 1)
        blocks = windowed.reshape(48, 2, 48, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(picture_of(data), (blocks - lowest) / (highest - lowest) * 255, atol=0.51)


def test_a_sheet_has_every_slice_in_its_place(few):
    """The lowest at the top left, then along the row."""
    call = "EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Preprocessing = N'lung', @Rows = 64, @Cols = 64"
    single = rows(few, f"{call};")
    [(index, *_, sheet)] = rows(few, f"{call}, @AsSheet = 1;")
    assert index is None
    whole = picture_of(sheet)
    assert whole.shape == (3 * 66 - 2, 3 * 66 - 2)
    for place, (*_, data) in enumerate(single):
        top, left = place // 3 * 66, place % 3 * 66
        np.testing.assert_array_equal(whole[top : top + 64, left : left + 64], picture_of(data))


@pytest.mark.parametrize(
    ("arguments", "number", "message"),
    [
        ("@ScanId = 1", 50101, "either @Preprocessing"),
        ("@ScanId = 1, @Preprocessing = N'lung', @Steps = N'[]'", 50101, "either @Preprocessing"),
        ("@ScanId = NULL, @Preprocessing = N'lung'", 50101, "@ScanId is NULL"),
        ("@ScanId = 99, @Preprocessing = N'lung'", 50280, "99"),
        ("@ScanId = 1, @Preprocessing = N'lungs'", 50391, "No preprocessing has the name 'lungs'"),
        ("@ScanId = 1, @Preprocessing = N'lung', @Slices = 65", 50101, "1 to 64"),
        ("@ScanId = 1, @Preprocessing = N'lung', @Rows = 0", 50101, "1 to 4096"),
        ('@ScanId = 1, @Steps = N\'[{"step": "x"}]\'', 50390, "no such step"),
        ('@ScanId = 1, @Steps = N\'[{"step": "crop", "margin": 50, "unit": "pixels"}]\'', 50120, "leaves nothing"),
    ],
)
def test_a_preview_of_wrong_arguments_is_refused(few, arguments, number, message):
    """With the value and what to give instead."""
    assert message in refused(few, f"EXECUTE dbo.PreviewPreprocessing {arguments};", number)


def test_slices_become_a_data_set_of_pictures_of_their_patients(sets):
    """Evenly over each scan, the values by formula, with scan, slice, hash and recipe; a second call makes no more."""
    run(sets, "EXECUTE dbo.AssignSplits;")
    [(name, version, kind, members, *_)] = rows(sets, f"{CUT}2;")
    assert (name, version, kind, members) == ("cut", 1, "images", 6)
    made = rows(sets, MADE)
    assert len(made) == 6
    for name, image, scan_id, index, sha256, recipe, digest, part, own_part in made:
        hu = slices_of(sets, scan_id)[index]
        assert name == f"cut/{scan_id}/{index}"
        np.testing.assert_allclose(picture_of(image), np.clip((hu + 1000.0) / 1500, 0, 1) * 255, atol=0.51)
        assert sha256 == hashlib.sha256(hu.astype("<i2").tobytes()).digest()
        assert json.loads(recipe)["white"] == 1
        assert digest == hashlib.sha256(recipe.encode("utf-16-le")).digest()
        assert part == own_part
    before = rows(sets, TIMES)
    [(_, version, *_)] = rows(sets, f"{CUT}2;")
    assert version == 1
    assert rows(sets, TIMES) == before


def test_a_run_that_ended_goes_on_and_leaves_no_half_data_set(sets):
    """Pictures that are there are not made again; the data set comes with the last of them."""
    [(good,)] = rows(sets, "SELECT pixels FROM dbo.scan_images WHERE scan_id = 2 AND slice_index = 8;")
    run(sets, "UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 2 AND slice_index = 8;")
    with pytest.raises(SqlError, match="1 of 3 pictures failed, and no data set was made: 'cut/2/8'") as caught:
        run(sets, f"{CUT}1;")
    assert caught.value.number == 50120
    assert rows(sets, "SELECT COUNT(*) FROM dbo.datasets WHERE name = N'cut';") == [(0,)]
    times = rows(sets, TIMES)
    assert [name for name, _ in times] == ["cut/1/8", "cut/3/8"]
    run(sets, "UPDATE dbo.scan_images SET pixels = ? WHERE scan_id = 2 AND slice_index = 8;", (good,))
    run(sets, f"{CUT}1;")
    assert [each for each in rows(sets, TIMES) if each[0] != "cut/2/8"] == times
    assert rows(sets, "SELECT members FROM dbo.dataset_list WHERE name = N'cut';") == [(3,)]


def test_pictures_of_pictures_stay_in_the_part_of_their_source(sets):
    """A turn by 180 degrees, of a grey one and of one with colours in a group, and once more: part and class stay."""
    turn = '[{"step": "rotate", "angle": 180, "fill": 0}]'
    for source, name in (("two", "turned"), ("turned", "again")):
        run(sets, f"EXECUTE dbo.TransformImages @Dataset = N'{source}', @Name = N'{name}', @Steps = N'{turn}';")
    run(sets, "EXECUTE dbo.AssignSplits;")
    query = (
        "SELECT i.name, i.image, i.label, o.source, o.part FROM dbo.images AS i "
        "INNER JOIN dbo.image_sources AS o ON o.name = i.name;"
    )
    found = {name: (picture_of(image), *rest) for name, image, *rest in rows(sets, query)}
    for name in ("grey", "red"):
        original, *rest = found[name]
        turned, *turned_rest = found[f"turned/{name}"]
        again, *again_rest = found[f"again/turned/{name}"]
        np.testing.assert_array_equal(turned, original[::-1, ::-1])
        np.testing.assert_array_equal(again, original)
        assert rest == turned_rest == again_rest
        assert rest[2] in ("train", "test")


@pytest.mark.parametrize(
    ("arguments", "number", "message"),
    [
        ("@Name = N'x', @Preprocessing = N'lung'", 50101, "@Dataset is NULL"),
        ("@Dataset = N'three', @Name = N'three', @Preprocessing = N'lung'", 50101, "'three' for the parameter @Name"),
        ("@Dataset = N'four', @Name = N'x', @Preprocessing = N'lung'", 50171, "'four'"),
        ("@Dataset = N'three', @Name = N'x', @Preprocessing = N'lung', @Black = 1", 50101, "both 1"),
        ("@Dataset = N'three', @Name = N'x', @Preprocessing = N'lung', @SlicesPerScan = 0", 50101, "@SlicesPerScan"),
        ("@Dataset = N'three', @Name = N'x', @Steps = N'window'", 50390, "no JSON"),
        ("@Dataset = N'two', @Name = N'x', @Preprocessing = N'lung'", 50390, "pictures have none"),
        ("@Dataset = N'two', @Name = N'three', @Steps = N'[{\"step\": \"standardise\"}]'", 50273, "of scans"),
    ],
)
def test_a_transformation_of_wrong_arguments_is_refused(sets, arguments, number, message):
    """With the value and what to give instead, and no picture is stored."""
    assert message in refused(sets, f"EXECUTE dbo.TransformImages {arguments};", number)


def test_other_steps_under_the_same_name_are_refused(sets):
    """Their pictures would be of two kinds."""
    run(sets, STORE, ("wide", WINDOW))
    call = "EXECUTE dbo.TransformImages @Dataset = N'three', @Name = N'cut', @SlicesPerScan = 1, @Preprocessing = {};"
    run(sets, call.format("wide"))
    assert "these steps have not made it" in refused(sets, call.format("lung"), 50303)


def test_the_same_steps_written_in_another_way_are_the_same(sets):
    """White space, the order of keys, and a default that is written out; the recipe has every default."""
    call = "EXECUTE dbo.TransformImages @Dataset = N'two', @Name = N'turned', @Steps = ?;"
    run(sets, call, ('[{"step": "rotate", "angle": 180, "fill": 0}]',))
    times = rows(sets, TIMES)
    [(recipe,)] = rows(sets, "SELECT DISTINCT recipe FROM dbo.image_lineage;")
    written = json.loads(recipe)["steps"]["steps"]
    run(sets, call, ('[ {"fill":0, "angle":180,\n"step":"rotate"} ]',))
    run(sets, call, (json.dumps(written),))
    assert rows(sets, TIMES) == times
    assert len(written[0]) > 3


ALL_FACTS = "SELECT name, label, patient_id, group_name, group_order FROM dbo.images ORDER BY name;"


def _derived_follow(connection):
    """Tell whether each derived picture has the facts, classes and source of its beginning."""
    facts = {name: rest for name, *rest in rows(connection, ALL_FACTS)}
    classes = rows(connection, "SELECT name, label FROM dbo.image_labels ORDER BY name, label;")
    sources = dict(rows(connection, "SELECT name, source FROM dbo.image_sources;"))
    made = rows(connection, "SELECT image_name, root_image FROM dbo.image_lineage;")
    return bool(made) and all(
        facts[name] == facts[root]
        and sources[name] == sources[root]
        and [label for each, label in classes if each == name] == [label for each, label in classes if each == root]
        for name, root in made
    )


def test_derived_pictures_follow_what_a_list_says_of_their_source(sets):
    """A patient, a group with places and a class that a list gives later, through two generations."""
    turn = '[{"step": "rotate", "angle": 180, "fill": 0}]'
    for source, name in (("two", "turned"), ("turned", "again")):
        run(sets, "EXECUTE dbo.TransformImages @Dataset = ?, @Name = ?, @Steps = ?;", (source, name, turn))
    run(sets, "EXECUTE dbo.AssignSplits;")
    run(sets, "INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', N'kept');")
    said = PictureList(
        {name: Said(("5",), "p", "film", order) for order, name in enumerate(("grey", "red"))},
        frozenset({"label", "patient", "group", "order"}),
    )
    settled = settle(sets, said, keep_ids=True)
    changed, absent = store_facts(sets, settled, {"grey", "red"})
    assert (changed, absent) == (2, [])
    assert _derived_follow(sets)
    store_facts(sets, settle(sets, said, keep_ids=True), {"grey", "red"})
    run(sets, "UPDATE dbo.images SET patient_id = N'q', label = 7 WHERE name = N'grey';")
    run(sets, "DELETE FROM dbo.image_labels WHERE name = N'grey';")
    assert not _derived_follow(sets)
    for source, name in (("two", "turned"), ("turned", "again")):
        run(sets, "EXECUTE dbo.TransformImages @Dataset = ?, @Name = ?, @Steps = ?;", (source, name, turn))
    assert _derived_follow(sets)
