"""A stored preprocessing makes features as an independent computation does, and never changes."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from lungdb.database import run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import decode_slice
from tests.preprocessing.conftest import SOFT, STORE
from tests.support.databases import refused, rows

GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'small', @Preprocessing = N'soft';"


def test_features_are_those_of_pillow_and_onnxruntime(few):
    """Window by formula, Pillow's bilinear resizing, the network's own normalisation, triples of slices, one run."""
    run(few, GENERATE)
    [(network, details)] = rows(few, "SELECT model, details FROM dbo.networks;")
    slices = rows(
        few,
        "SELECT i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, COALESCE(i.encoding, N'') "
        "FROM dbo.scan_images AS i "
        "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE i.scan_id = 2 ORDER BY i.slice_index;",
    )
    planes = []
    for blob, height, width, sha256, encoding in slices:
        hu = decode_slice(blob, height, width, sha256, encoding)
        windowed = np.clip((hu.astype(np.float32) + 160) / 400, 0, 1)
        planes.append(np.asarray(Image.fromarray(windowed).resize((224, 224), Image.Resampling.BILINEAR)))
    last = len(planes) - 1
    triples = [[planes[min(start + each, last)] for each in range(3)] for start in range(0, len(planes), 3)]
    normalisation = json.loads(details)["normalisation"]
    mean, std = (np.float32(normalisation[name]).reshape(1, -1, 1, 1) for name in ("mean", "std"))
    pictures = ((np.asarray(triples, dtype=np.float32) - mean) / std).astype(np.float32)
    model = onnx.load_from_string(network)
    model.graph.output.append(onnx.helper.make_tensor_value_info("vector", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    reference = session.run(["vector"], {session.get_inputs()[0].name: pictures})[0]
    [(array, count, columns)] = rows(
        few,
        "SELECT f.array, f.array_rows, f.array_cols FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id WHERE f.scan_id = 2 AND s.preprocessing = N'soft';",
    )
    made = np.frombuffer(array, "<f4").reshape(count, columns)
    np.testing.assert_allclose(made, reference.reshape(made.shape), rtol=1e-3, atol=1e-4)


def test_kept_pictures_of_a_preprocessing_give_the_same_features(few):
    """Made of slices, then of kept pictures, whose digest is that of the steps."""
    hashes = (
        "SELECT f.scan_id, f.sha256 FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id WHERE s.preprocessing = N'soft' ORDER BY f.scan_id;"
    )
    run(few, GENERATE)
    first = rows(few, hashes)
    run(few, "UPDATE dbo.settings SET value = N'1' WHERE name = N'prepared_gigabytes';")
    run(few, GENERATE[:-1] + ", @Recompute = 1;")
    kept = rows(few, "SELECT DISTINCT preprocessing, digest FROM dbo.prepared_slices;")
    assert [name for name, _ in kept] == ["soft"]
    run(few, GENERATE[:-1] + ", @Recompute = 1;")
    assert rows(few, hashes) == first
    assert [scan for scan, _ in first] == [1, 2, 3]


def test_a_stored_preprocessing_never_changes(few):
    """The same steps again are no error, others are, and the row stays as it was."""
    before = rows(few, "SELECT name, steps, digest, created_at FROM dbo.preprocessings ORDER BY name;")
    run(few, STORE, ("soft", SOFT.replace("40,", "40.0,")))
    other = "EXECUTE dbo.StorePreprocessing @Name = N'soft', @Steps = N'[{\"step\": \"standardise\"}]';"
    assert "'soft' is stored with other steps" in refused(few, other, 50392)
    assert rows(few, "SELECT name, steps, digest, created_at FROM dbo.preprocessings ORDER BY name;") == before
    for _, steps, digest, _ in before:
        assert hashlib.sha256(steps.encode("utf-16-le")).digest() == digest


@pytest.mark.parametrize(
    ("name", "steps", "number", "message"),
    [
        ("lung", SOFT, 50101, "'lung' for the parameter @Name"),
        ("a/b", SOFT, 50101, "'a/b' for the parameter @Name"),
        (None, None, 50101, "NULL for the parameter @Steps"),
        ("a", '[{"step": "blurr"}]', 50390, "there is no such step"),
        ("a", '[{"step": "rötate 100%"}]', 50390, "100%"),
    ],
)
def test_a_preprocessing_that_cannot_be_stored_is_refused(few, name, steps, number, message):
    """And nothing is stored."""
    before = rows(few, "SELECT COUNT(*) FROM dbo.preprocessings;")
    with pytest.raises(SqlError) as caught:
        run(few, STORE, (name, steps))
    assert caught.value.number == number
    assert message in caught.value.message
    assert rows(few, "SELECT COUNT(*) FROM dbo.preprocessings;") == before


def test_an_unknown_preprocessing_is_refused_with_those_that_there_are(few):
    """Before any work."""
    assert (
        "'sott' for the parameter @Preprocessing is not supported. Supported values are lung, seed, volume, soft"
        in refused(few, GENERATE.replace("soft", "sott"), 50101)
    )


def test_a_preprocessing_with_features_is_not_deleted(few):
    """One without goes, with what was kept of it; lungdb's own stay."""
    run(few, GENERATE)
    assert "was used for the feature sets" in refused(few, "EXECUTE dbo.DeletePreprocessing @Name = N'soft';", 50393)
    assert "'seed' is lungdb's own" in refused(few, "EXECUTE dbo.DeletePreprocessing @Name = N'seed';", 50393)
    assert "No preprocessing has the name 'sott'" in refused(
        few, "EXECUTE dbo.DeletePreprocessing @Name = N'sott';", 50391
    )
    run(few, "EXECUTE dbo.DeleteFeatures @Preprocessing = N'soft';")
    run(few, "EXECUTE dbo.DeletePreprocessing @Name = N'soft';")
    assert [name for (name,) in rows(few, "SELECT name FROM dbo.preprocessings ORDER BY name;")] == [
        "lung",
        "seed",
        "volume",
    ]


def test_a_scan_without_spacing_fails_where_steps_are_in_mm(few):
    """With its reason; the others have features."""
    run(few, STORE, ("mm", '[{"step": "blur", "sigma": 1, "unit": "mm"}, {"step": "standardise"}]'))
    run(few, "UPDATE dbo.scans SET spacing_y = NULL WHERE scan_id = 2;")
    with pytest.raises(SqlError, match="scan 2: Its pixel spacing is not known"):
        run(few, GENERATE.replace("soft", "mm"))
    made = rows(
        few,
        "SELECT f.scan_id FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id WHERE s.preprocessing = N'mm' ORDER BY f.scan_id;",
    )
    assert made == [(1,), (3,)]
