"""FeaturizeImages and the sample call with a logistic regression do what they promise."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from lungdb.cli import load_images, load_network
from lungdb.database import Connection, connect, run, run_script, sql_directory
from lungdb.errors import SqlError
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import DEMO_NETWORK

Counts = Callable[[Connection], dict[str, int]]

OF_A_CLASS = 40
PICTURES = 2 * OF_A_CLASS
NEW = "käfer/日本 %s '1'.png"
FEATURIZE = "EXECUTE dbo.FeaturizeImages @ModelName = N'demo_resnet'"
FEATURES = "SELECT name, array_rows, array_cols, array, sha256 FROM dbo.image_features ORDER BY name, feature_set_id;"


def draw(seed: int, striped: bool) -> np.ndarray:
    """Draw discs or stripes of chance sizes and colours on a noisy ground of a chance size, uint8[rows, cols, 3]."""
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(60, 260, 2)
    picture = rng.integers(0, 60, (rows, cols, 3), dtype=np.uint8)
    if striped:
        width = int(rng.integers(6, 16))
        picture[:, np.arange(cols) // width % 2 == 0] = rng.integers(100, 256, 3)
        return picture
    for _ in range(rows * cols // 1500):
        centre = (int(rng.integers(0, cols)), int(rng.integers(0, rows)))
        cv2.circle(picture, centre, int(rng.integers(6, 18)), rng.integers(100, 256, 3).tolist(), -1)
    return picture


@pytest.fixture(scope="module")
def loaded_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo network and pictures of two classes, every other one a JPEG."""
    folder = tmp_path_factory.mktemp("pictures")
    for label in (0, 1):
        (folder / str(label)).mkdir()
        for index in range(OF_A_CLASS):
            file = folder / str(label) / f"{index:02}{('.png', '.jpg')[index % 2]}"
            assert cv2.imwrite(str(file), draw(2 * index + label, striped=label == 1))
    database = copy_to(tmp_path_factory.mktemp("loaded"), installed_file)
    assert load_images.main([str(folder), "--classes", "-d", target_of(database)]) == 0
    assert load_network.main([str(DEMO_NETWORK), "--name", "demo_resnet", "-d", target_of(database)]) == 0
    return database


@pytest.fixture(scope="module")
def featurized_file(loaded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with features of every picture."""
    file = copy_to(tmp_path_factory.mktemp("featurized"), loaded_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, f"{FEATURIZE};")
    return file


@pytest.fixture
def loaded(loaded_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the loaded database."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        yield connection


@pytest.fixture
def featurized(featurized_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with features."""
    with closing(connect(target_of(copy_to(tmp_path, featurized_file)))) as connection:
        yield connection


def arrays(connection: Connection) -> dict[str, np.ndarray]:
    """Read the features by picture, and check their hashes."""
    found = {}
    for name, rows, cols, blob, sha256 in run(connection, FEATURES)[0].rows:
        assert hashlib.sha256(blob).digest() == sha256
        found[name] = np.frombuffer(blob, "<f4").reshape(rows, cols)
    return found


def say(connection: Connection, sql: str) -> list[str]:
    """Run T-SQL and return its messages."""
    said: list[str] = []
    run(connection, sql, on_message=lambda message: said.append(message.text))
    return said


def test_the_sample_call_tells_two_classes_apart(loaded: Connection) -> None:
    """Run as it stands, it is right about four of five held-out pictures or more, as is scikit-learn."""
    said: list[str] = []
    text = (sql_directory() / "execute" / "04_featurize_images.sql").read_text(encoding="utf-8")
    run_script(loaded, text, on_message=lambda message: said.append(message.text))
    printed = re.search(r"([\d.]+) % are told right; area under the ROC curve +([\d.]+)\.", said[-1])
    assert printed, said
    accuracy, auc = float(printed[1]), float(printed[2])
    assert accuracy >= 80
    assert auc >= 0.9

    features = arrays(loaded)
    halves: tuple[list[str], list[str]] = ([], [])
    labels = {}
    for label in (0, 1):
        (rows,) = run(loaded, "SELECT name FROM dbo.images WHERE label = ? ORDER BY sha256;", (label,))
        labels.update({name: label for (name,) in rows.rows})
        for place, (name,) in enumerate(rows.rows, start=1):
            halves[1 - place % 2].append(name)
    tried, learned = (np.vstack([features[name] for name in half]) for half in halves)
    scaler = StandardScaler().fit(learned.astype(np.float64))
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
    model.fit(scaler.transform(learned), [labels[name] for name in halves[1]])
    truth = [labels[name] for name in halves[0]]
    probabilities = model.predict_proba(scaler.transform(tried))[:, 1]
    assert accuracy == pytest.approx(100 * accuracy_score(truth, probabilities > 0.5), abs=0.1)
    assert auc == pytest.approx(roc_auc_score(truth, probabilities), abs=1e-3)


def test_the_sample_call_without_labels_says_what_is_missing(loaded: Connection) -> None:
    """It makes features and ends without an error."""
    run(loaded, "UPDATE dbo.images SET label = NULL WHERE label = 1;")
    said: list[str] = []
    text = (sql_directory() / "execute" / "04_featurize_images.sql").read_text(encoding="utf-8")
    run_script(loaded, text, on_message=lambda message: said.append(message.text))
    assert "nothing to learn" in said[-1]


@pytest.mark.parametrize("name", ["0/00.png", "1/01.jpg"])
def test_features_are_what_onnx_runtime_gives_for_the_picture(featurized: Connection, name: str) -> None:
    """The stored array equals the network's penultimate layer on the file, decoded and fitted with OpenCV by hand."""
    (file,) = run(featurized, "SELECT image FROM dbo.images WHERE name = ?;", (name,))
    (details,) = run(featurized, "SELECT details FROM dbo.networks;")
    normalisation = json.loads(details.scalar())["normalisation"]
    pixels = cv2.imdecode(np.frombuffer(file.scalar(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    rows, cols = pixels.shape[:2]
    side = min(rows, cols)
    square = pixels[(rows - side) // 2 :, (cols - side) // 2 :][:side, :side]
    way = cv2.INTER_AREA if side >= 224 else cv2.INTER_LINEAR
    fitted = cv2.resize(np.ascontiguousarray(square), (224, 224), interpolation=way) / 255
    prepared = ((fitted - normalisation["mean"]) / normalisation["std"]).transpose(2, 0, 1)[None].astype(np.float32)
    model = onnx.load(DEMO_NETWORK)
    last = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul")).input[0]
    model.graph.output.append(onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run([last], {session.get_inputs()[0].name: prepared})[0]
    np.testing.assert_allclose(arrays(featurized)[name], expected.reshape(1, -1), rtol=1e-3, atol=1e-4)


def test_what_is_done_is_skipped_and_recompute_makes_it_again(featurized: Connection) -> None:
    """A second call finds nothing, a new picture of any name is found, @Recompute gives the same for all."""
    assert ": 0 pictures to do" in say(featurized, f"{FEATURIZE};")[0]
    before = arrays(featurized)
    file = bytes(cv2.imencode(".png", draw(999, striped=True))[1].tobytes())
    run(
        featurized,
        "INSERT INTO dbo.images (name, image, sha256) VALUES (?, ?, ?);",
        (NEW, file, hashlib.sha256(file).digest()),
    )
    assert ": 1 pictures to do" in say(featurized, f"{FEATURIZE};")[0]
    assert f": {PICTURES + 1} pictures to do" in say(featurized, f"{FEATURIZE}, @Recompute = 1;")[0]
    after = arrays(featurized)
    assert after.keys() - before.keys() == {NEW}
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, rtol=1e-4, atol=1e-5)


def test_each_layer_is_a_feature_set(featurized: Connection) -> None:
    """Asked for beside what is there, only the pictures without it are done; widths are the layers' own."""
    layer = onnx.load(DEMO_NETWORK).graph.output[0].name
    said = say(featurized, f"{FEATURIZE}, @Layer = N'penultimate, {layer}';")
    assert f"layer penultimate,{layer}: {PICTURES} pictures to do" in said[0]
    (sets,) = run(
        featurized,
        "SELECT s.layer, s.preprocessing, s.width, COUNT(*), MIN(f.array_cols), MAX(f.array_cols) "
        "FROM dbo.feature_sets AS s INNER JOIN dbo.image_features AS f ON f.feature_set_id = s.feature_set_id "
        "GROUP BY s.layer, s.preprocessing, s.width ORDER BY s.layer;",
    )
    found = {name: (kind, count) for name, kind, _, count, _, _ in sets.rows}
    assert found == {"penultimate": ("image", PICTURES), layer: ("image", PICTURES)}
    assert all(width == low == high for _, _, width, _, low, high in sets.rows)
    assert ": 0 pictures to do" in say(featurized, f"{FEATURIZE}, @Layer = N'  {layer} ';")[0]


def test_a_killed_run_resumes_to_the_same_features(loaded_file: Path, featurized: Connection, tmp_path: Path) -> None:
    """SIGKILL after the first chunks, then a second call: what was stored stays, the rest is added."""
    folder = tmp_path / "killed"
    folder.mkdir()
    target = target_of(copy_to(folder, loaded_file))
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target, "-q", f"{FEATURIZE}, @ChunkMegabytes = 1;"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "pictures done" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    with closing(connect(target)) as connection:
        stored = arrays(connection)
        assert 0 < len(stored) < PICTURES
        assert f"{PICTURES - len(stored)} pictures to do" in say(connection, f"{FEATURIZE};")[0]
        resumed = arrays(connection)
    whole = arrays(featurized)
    assert resumed.keys() == whole.keys()
    for name, array in whole.items():
        np.testing.assert_allclose(resumed[name], array, rtol=1e-4, atol=1e-5)
        assert name not in stored or np.array_equal(stored[name], resumed[name])


def test_the_rest_goes_on_when_a_picture_fails(loaded: Connection) -> None:
    """Damaged bytes, a wrong hash and a cut-off file are named, the call ends with 50120, the others are stored."""
    cut = "SELECT CAST(SUBSTRING(image, 1, 500) AS VARBINARY(MAX)) AS image FROM dbo.images WHERE name = N'0/10.png';"
    data = run(loaded, cut)[0].scalar()
    run(
        loaded,
        "UPDATE dbo.images SET image = ?, sha256 = ?, name = N'0/10%d%s.png' WHERE name = N'0/10.png';",
        (data, hashlib.sha256(data).digest()),
    )
    run(loaded, "UPDATE dbo.images SET image = 0x89504E470D0A1A0A WHERE name = N'0/02.png';")
    run(loaded, "UPDATE dbo.images SET sha256 = HASHBYTES('SHA2_256', 0x00) WHERE name = N'1/07.jpg';")
    said: list[str] = []
    with pytest.raises(SqlError, match=f"3 of {PICTURES} pictures failed") as caught:
        run(loaded, f"{FEATURIZE}, @ChunkMegabytes = 3;", on_message=lambda message: said.append(message.text))
    assert caught.value.number == 50120
    failed = dict(line.split(" failed: ") for line in said if " failed: " in line)
    assert list(failed) == ["Picture 0/02.png", "Picture 0/10%d%s.png", "Picture 1/07.jpg"]
    assert "SHA-256" in failed["Picture 0/02.png"]
    assert "SHA-256" in failed["Picture 1/07.jpg"]
    assert "cut off" in failed["Picture 0/10%d%s.png"]
    assert len(arrays(loaded)) == PICTURES - 3
    run(loaded, "UPDATE dbo.images SET sha256 = HASHBYTES('SHA2_256', image) WHERE name = N'1/07.jpg';")
    with pytest.raises(SqlError, match="2 of 3 pictures"):
        run(loaded, f"{FEATURIZE};")
    assert len(arrays(loaded)) == PICTURES - 2


REFUSED = {
    "a call inside a transaction": ("", f"BEGIN TRANSACTION; {FEATURIZE};", 50100, "inside a transaction"),
    "no network": ("", "EXECUTE dbo.FeaturizeImages;", 50101, "demo_resnet"),
    "an unknown network": ("", "EXECUTE dbo.FeaturizeImages @ModelName = N'VGG%s';", 50102, "'VGG%s'"),
    "an unknown layer": ("", f"{FEATURIZE}, @Layer = N'layer%d9';", 50115, "layer%d9"),
    "an unknown layer beside a known one": ("", f"{FEATURIZE}, @Layer = N'penultimate,layer9x';", 50115, "layer9x"),
    "a layer twice": ("", f"{FEATURIZE}, @Layer = N'penultimate, penultimate';", 50101, "@Layer"),
    "an empty layer": ("", f"{FEATURIZE}, @Layer = N'penultimate,';", 50101, "@Layer"),
    "several wrong values": ("", f"{FEATURIZE}, @BatchSize = 0, @ChunkMegabytes = NULL;", 50101, "@ChunkMegabytes"),
    "a NULL for a bit": ("", f"{FEATURIZE}, @Recompute = NULL;", 50101, "@Recompute"),
    "a setting that is no number": (
        "UPDATE dbo.settings SET value = N'all' WHERE name = N'threads';",
        f"{FEATURIZE};",
        50101,
        "'all'",
    ),
    "a network with damaged bytes": (
        "UPDATE dbo.networks SET model = CONVERT(VARBINARY(MAX), '00', 2) + model;",
        f"{FEATURIZE};",
        50105,
        "SHA-256",
    ),
    "a network that is no ONNX": (
        "UPDATE dbo.networks SET model = 0x00, sha256 = HASHBYTES('SHA2_256', 0x00);",
        f"{FEATURIZE};",
        50116,
        "ONNX",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(loaded: Connection, row_counts: Counts, case: str) -> None:
    """Number and value are in the error, and no table has another number of rows."""
    before, call, number, text = REFUSED[case]
    if before:
        run(loaded, before)
    counts = row_counts(loaded)
    with pytest.raises(SqlError) as caught:
        run(loaded, call)
    run(loaded, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    assert caught.value.number == number, caught.value
    assert text in caught.value.message
    assert row_counts(loaded) == counts


def test_no_pictures_are_nothing_to_do(loaded: Connection) -> None:
    """A line says so, and no feature set is made."""
    run(loaded, "DELETE FROM dbo.images;")
    assert ": 0 pictures to do" in say(loaded, f"{FEATURIZE};")[0]
    assert run(loaded, "SELECT COUNT(*) FROM dbo.feature_sets;")[0].scalar() == 0


def test_a_small_chunk_takes_one_picture_that_is_larger(loaded: Connection) -> None:
    """A file larger than the chunk goes alone, and the run ends."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    file = bytes(cv2.imencode(".png", noise)[1].tobytes())
    assert len(file) > 1_000_000
    run(loaded, "DELETE FROM dbo.images WHERE label = 0;")
    run(
        loaded,
        "INSERT INTO dbo.images (name, image, sha256) VALUES (N'0', ?, ?);",
        (file, hashlib.sha256(file).digest()),
    )
    said = say(loaded, f"{FEATURIZE}, @ChunkMegabytes = 1;")
    assert f"1 of {OF_A_CLASS + 1} pictures done" in said[1]
    assert len(arrays(loaded)) == OF_A_CLASS + 1


def test_a_picture_counts_with_eight_bytes_a_feature(loaded: Connection) -> None:
    """And twice its file: the chunks are those of that sum, 65,536 features until their number is known."""
    said: list[str] = []
    run(loaded, f"{FEATURIZE}, @ChunkMegabytes = 1;", on_message=lambda each: said.append(each.text))
    (found,) = run(loaded, "SELECT SUM(8 * CAST(width AS BIGINT)) FROM dbo.feature_sets;")
    (sizes,) = run(loaded, "SELECT 2 * DATALENGTH(image) FROM dbo.images ORDER BY name;")
    chunks, room = 1, 0
    for number, (size,) in enumerate(sizes.rows):
        cost = size + (8 * 65536 if chunks == 1 else found.scalar())
        if number and room + cost > 1_000_000:
            chunks, room = chunks + 1, 0
            cost = size + found.scalar()
        room += cost
    assert sum(" pictures done on " in text for text in said) == chunks


def test_a_picture_that_changes_meanwhile_is_named_and_the_others_are_stored(loaded_file: Path, tmp_path: Path) -> None:
    """On the first progress message another connection removes the last picture."""
    target = target_of(copy_to(tmp_path, loaded_file))
    with closing(connect(target)) as connection, closing(connect(target)) as second:
        names = [name for (name,) in run(second, "SELECT name FROM dbo.images ORDER BY name;")[0].rows]

        def change(message: object) -> None:
            if " pictures done on " in getattr(message, "text", ""):
                run(second, "DELETE FROM dbo.images WHERE name = ?;", (names[-1],))

        with pytest.raises(SqlError, match=r"1 of 80 pictures failed .* was replaced or removed") as caught:
            run(connection, f"{FEATURIZE}, @ChunkMegabytes = 1;", on_message=change)
        assert caught.value.number == 50120
        assert names[-1] in caught.value.message
        assert run(connection, "SELECT COUNT(*) FROM dbo.image_features;")[0].scalar() == len(names) - 1


def test_pictures_of_a_data_set_alone_are_featurized(loaded: Connection) -> None:
    """Its members get the features of a run over all; a name that is not there is refused before any work."""
    run(
        loaded,
        "EXECUTE dbo.CreateDataset @Name = N'few', @Query = N'SELECT TOP (3) name FROM dbo.images ORDER BY name';",
    )
    members = {name for (name,) in run(loaded, "SELECT image_name FROM dbo.dataset_members;")[0].rows}
    run(loaded, f"{FEATURIZE}, @Dataset = N'few';")
    few = arrays(loaded)
    assert few.keys() == members
    assert any(" 0 pictures to do" in text for text in say(loaded, f"{FEATURIZE}, @Dataset = N'few';"))
    with pytest.raises(SqlError) as caught:
        run(loaded, f"{FEATURIZE}, @Dataset = N'none such';")
    assert caught.value.number == 50171
    run(loaded, f"{FEATURIZE};")
    whole = arrays(loaded)
    assert len(whole) == PICTURES
    assert all(np.array_equal(whole[name], few[name]) for name in members)
