"""SimilarSlices, SimilarImages, SimilarToSlices and `lungdb similar`, against scikit-learn's scaler and cosines."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from lungdb.cli import similar
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.networks.graphs.layers import select_layers
from lungdb.procedures import add_rows, features_of_slices, similar_rows
from tests.images.conftest import add_network, add_picture
from tests.questions.test_top_slices import store_arrays
from tests.sql.question_samples import inputs_of_adding_rows
from tests.support.databases import contents, copy_to, hash_vectors, refused, rows, target_of
from tests.support.fixtures import Archive

pairwise = pytest.importorskip("sklearn.metrics.pairwise")
preprocessing = pytest.importorskip("sklearn.preprocessing")

SLICES = """
SELECT s.image_rows, s.image_cols, i.rescale_slope, i.rescale_intercept, s.spacing_y, s.spacing_x, i.encoding, i.pixels,
    i.pixels_sha256
FROM dbo.scan_images AS i
INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
WHERE i.scan_id = ?
ORDER BY i.slice_index;
"""


def cosines(wanted: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Standardise the rows compared and the one asked about together, and give what each is like it."""
    scaled = preprocessing.StandardScaler().fit_transform(np.vstack([others, wanted]).astype(np.float64))
    return np.asarray(pairwise.cosine_similarity(scaled[-1:], scaled[:-1])[0])


def slices_of(connection: Connection, scan_id: int) -> list[dict[str, Any]]:
    """Give the slices of a stored scan as SimilarToSlices takes those of another."""
    slices = run(connection, SLICES, (scan_id,))[0].records()
    for each in slices:
        for name in ("pixels", "pixels_sha256"):
            each[name] = each[name].hex()
    return slices


def stored_features(connection: Connection) -> dict[int, NDArray[np.float32]]:
    """Give the arrays of the primary scans by scan_id."""
    found = rows(
        connection,
        "SELECT f.scan_id, f.array_rows, f.array_cols, f.array FROM dbo.features AS f "
        "INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id WHERE s.is_primary = 1 ORDER BY f.scan_id;",
    )
    return {scan: np.frombuffer(array, "<f4").reshape(high, wide) for scan, high, wide, array in found}


@pytest.mark.parametrize("lot", [None, 100])
def test_the_triples_of_other_patients_come_in_the_order_of_their_cosines(trained: Connection, lot: int | None) -> None:
    """Read at once, and in lots of two scans; the slice's triple; nothing of the patient's own second scan."""
    arrays = store_arrays(trained, 6, 3)
    patient = "(SELECT patient_id FROM dbo.scans WHERE scan_id = 2)"
    run(trained, f"UPDATE dbo.scans SET is_primary = 0, patient_id = {patient} WHERE scan_id = 5;")
    if lot:
        [(text,)] = rows(trained, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.FindSimilarRows'));")
        assert "268435456" in text
        run(trained, text.replace("268435456", str(lot)))
    found = rows(trained, "EXECUTE dbo.SimilarSlices @ScanId = 2, @SliceIndex = 7, @Limit = 1000;")
    others = [(scan, triple) for scan in (1, 3, 4, 6) for triple in range(3)]
    expected = cosines(arrays[1, 2], np.array([arrays[scan - 1, triple] for scan, triple in others]))
    order = np.argsort(-expected, kind="stable")
    assert [(row[3], row[4], row[5]) for row in found] == [
        (others[place][0], others[place][1], 3 * others[place][1]) for place in order
    ]
    np.testing.assert_allclose([row[6] for row in found], expected[order], atol=1e-9)
    assert found[:3] == rows(
        trained, "EXECUTE dbo.SimilarSlices @ScanId = 2, @Triple = 2, @FeatureSetId = 1, @Limit = 3;"
    )
    assert [row[0] for row in found] == [row[3] - 1 for row in found]


def test_few_triples_are_compared_as_stored(trained: Connection) -> None:
    """Of six there is no mean to speak of."""
    arrays = store_arrays(trained, 2, 3)
    found = rows(trained, "EXECUTE dbo.SimilarSlices @ScanId = 1, @Triple = 0;")
    expected = pairwise.cosine_similarity(arrays[0, :1], arrays[1])[0]
    np.testing.assert_allclose([row[6] for row in found], np.sort(expected)[::-1], atol=1e-6)


def test_triples_that_cannot_be_compared_are_refused(trained: Connection) -> None:
    """What is not there, what is given twice or not, altered features, too few or many rows."""
    store_arrays(trained, 3, 2)
    run(trained, "UPDATE dbo.scans SET number_images = 5 WHERE scan_id = 1;")
    call = "EXECUTE dbo.SimilarSlices @ScanId = {};"
    assert "both are NULL" in refused(trained, call.format(1), 50101)
    assert "both were given" in refused(trained, call.format("1, @Triple = 0, @SliceIndex = 0"), 50101)
    refused(trained, call.format("NULL, @Triple = 0"), 50101)
    refused(trained, call.format("1, @Triple = 0, @Limit = 1001"), 50101)
    refused(trained, call.format("9999, @Triple = 0"), 50280)
    refused(trained, call.format("1, @Triple = 0, @FeatureSetId = 99"), 50117)
    for outside in ("@Triple = 2", "@Triple = -1", "@SliceIndex = -1", "@SliceIndex = 5"):
        assert "triples 0 to 1" in refused(trained, call.format(f"1, {outside}"), 50210)
    assert "GenerateFeatures" in refused(trained, call.format("50, @Triple = 0"), 50109)
    run(trained, "UPDATE dbo.features SET array = SUBSTRING(array, 1, 39) + 0x01 WHERE scan_id = 2;")
    refused(trained, call.format("2, @Triple = 0"), 50105)
    refused(trained, call.format("1, @Triple = 0"), 50105)


def test_pictures_of_other_sources_come_in_the_order_of_their_cosines(installed: Connection) -> None:
    """Not those of the same patient or group; in a data set alone; refusals."""
    add_network(installed)
    vectors = np.random.default_rng(3).normal(size=(20, 6)).astype(np.float32)
    for index, vector in enumerate(vectors):
        add_picture(installed, f"p{index:02}", vector, patient=f"patient {index // 2}")
    found = rows(installed, "EXECUTE dbo.SimilarImages @ImageName = N'p06', @Limit = 1000;")
    others = [index for index in range(20) if index not in (6, 7)]
    expected = cosines(vectors[6], vectors[others])
    order = np.argsort(-expected, kind="stable")
    assert [row[0] for row in found] == [f"p{others[place]:02}" for place in order]
    np.testing.assert_allclose([row[3] for row in found], expected[order], atol=1e-9)
    run(
        installed,
        "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT name FROM dbo.images WHERE name < ''p02''';",
    )
    of_set = rows(installed, "EXECUTE dbo.SimilarImages @ImageName = N'p06', @Dataset = N'two';")
    assert {row[0] for row in of_set} == {"p00", "p01"}
    assert "'50%'" in refused(installed, "EXECUTE dbo.SimilarImages @ImageName = N'50%';", 50421)
    refused(installed, "EXECUTE dbo.SimilarImages;", 50421)
    refused(installed, "EXECUTE dbo.SimilarImages @ImageName = N'p06', @Limit = 0;", 50101)
    run(installed, "UPDATE dbo.image_features SET array = 0x00 WHERE name = N'p06';")
    refused(installed, "EXECUTE dbo.SimilarImages @ImageName = N'p06';", 50105)
    run(installed, "DELETE FROM dbo.image_features WHERE name = N'p06';")
    refused(installed, "EXECUTE dbo.SimilarImages @ImageName = N'p06';", 50140)


def test_sums_in_lots_are_those_of_all_rows_where_the_mean_is_large() -> None:
    """NumPy's mean and variance of all; a mean of a million leaves the digits of the deviations."""
    generator = np.random.default_rng(2)
    frame = inputs_of_adding_rows()["InputDataSet"]
    width = int(frame["array_cols"].iloc[0])
    stored = np.vstack([np.frombuffer(bytes.fromhex(text), "<f4").reshape(-1, width) for text in frame["array"]])
    wanted = (1e6 + generator.normal(size=width)).astype("<f4")
    sums = b""
    for place in range(len(frame)):
        sums, number, _ = add_rows(frame.iloc[place : place + 1], sums, wanted.tobytes())
        assert number == 0
    values = np.frombuffer(sums, "<f8")
    everything = np.vstack([wanted, stored]).astype(np.float64)
    assert values[0] == len(everything)
    np.testing.assert_allclose(values[1 : 1 + width], everything.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(values[1 + width :] / values[0], everything.var(axis=0), rtol=1e-12)
    assert add_rows(frame.drop(columns="sha256"), b"", wanted.tobytes())[1] == 50101
    assert similar_rows(frame, b"\0" * 8, wanted.tobytes(), 1)[1] == 50116
    assert similar_rows(frame, sums, wanted.tobytes()[:-4], 1)[1] == 50116


@pytest.fixture(scope="module")
def file(done_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the database of forty patients with features of the demo network and a model."""
    return copy_to(tmp_path_factory.mktemp("similar"), done_file)


@pytest.fixture(scope="module")
def done(file: Path) -> Iterator[Connection]:
    """A connection to it; the vectors are in float32 already."""
    with closing(connect(target_of(file))) as connection:
        run(connection, "EXECUTE dbo.SimilarPatients @PatientIndex = 0;")
        yield connection


CALL = "EXECUTE dbo.SimilarToSlices @Slices = ?, @SliceIndex = ?, @Limit = 1000;"


def test_slices_in_no_table_are_compared_like_stored_ones(done: Connection) -> None:
    """Those of a stored scan: it comes first, then what its stored features are like; nothing of it is stored."""
    before = contents(done)
    texts: list[str] = []
    slices = slices_of(done, 4)
    found = run(done, CALL, (json.dumps(slices), None), on_message=lambda one: texts.append(one.text))[-1].rows
    features = stored_features(done)
    pooled = {scan: array.astype(np.float64).mean(axis=0) for scan, array in features.items()}
    expected = dict(zip(pooled, cosines(pooled[4], np.array(list(pooled.values()))), strict=True))
    assert (found[0][3], found[0][4], found[0][5]) == (4, None, None)
    assert {row[3] for row in found} == pooled.keys()
    np.testing.assert_allclose([row[6] for row in found], [expected[row[3]] for row in found], atol=1e-4)
    assert texts == [f"The whole scan of {len(slices)} slices is compared."]

    texts.clear()
    found = run(done, CALL, (json.dumps(slices), 4), on_message=lambda one: texts.append(one.text))[-1].rows
    assert [found[0][place] for place in (3, 4, 5)] == [4, 1, 3]
    assert found[0][6] == pytest.approx(1, abs=1e-6)
    of_stored = rows(done, "EXECUTE dbo.SimilarSlices @ScanId = 4, @Triple = 1, @Limit = 1000;")
    others = [row for row in found if row[3] != 4]
    assert [row[3:6] for row in others[:5]] == [row[3:6] for row in of_stored[:5]]
    assert texts == ["The triple of the slices 3, 4 and 5 is compared."]
    assert contents(done) == before
    newest = "SELECT TOP (3) procedure_name, status FROM dbo.runs ORDER BY run_id DESC;"
    assert rows(done, newest) == [("SimilarSlices", "done"), ("SimilarToSlices", "done"), ("SimilarToSlices", "done")]


def test_one_slice_stands_three_times_in_its_triple(done: Connection) -> None:
    """Its features are those that ONNX Runtime makes of the slice in all three channels."""
    [(network, details)] = rows(done, "SELECT TOP (1) model, details FROM dbo.networks ORDER BY network_id;")
    read = json.loads(details)
    slices = slices_of(done, 2)[4:5]
    [each] = slices
    pixels, sha256 = bytes.fromhex(each["pixels"]), bytes.fromhex(each["pixels_sha256"])
    hu = decode_slice(pixels, each["image_rows"], each["image_cols"], sha256, each["encoding"])
    normalisation = read["normalisation"]
    size = read["input"]["height"], read["input"]["width"]
    picture = prepare([CtSlice(hu)] * 3, "lung", normalisation["mean"], normalisation["std"], size)
    graph, _ = select_layers(network, ["penultimate"], layers=read["layers"], size=size)
    session = onnxruntime.InferenceSession(graph)
    wanted = session.run(None, {session.get_inputs()[0].name: picture})[0].reshape(1, -1)
    features = stored_features(done)
    expected = cosines(wanted, np.vstack(list(features.values())))
    texts: list[str] = []
    found = run(done, CALL, (json.dumps(slices), None), on_message=lambda one: texts.append(one.text))[-1].rows
    np.testing.assert_allclose([row[6] for row in found], np.sort(expected)[::-1], atol=1e-4)
    assert "three times" in texts[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "no JSON list"),
        ("[]", "no JSON list"),
        ("[3]", "no JSON list"),
        ({"pixels": None}, "lacks pixels"),
        ({"spacing": 1}, "has spacing, which is not known"),
        ({"image_rows": 0}, "image_rows of slice 1"),
        ({"image_rows": 63.5}, "image_rows of slice 1"),
        ({"image_cols": 10**9}, "image_cols of slice 1"),
        ({"rescale_slope": 10**400}, "rescale_slope of slice 1 is no number"),
        ({"rescale_slope": True}, "rescale_slope of slice 1 is no number"),
        ({"rescale_slope": 0}, "Slice 1"),
        ({"spacing_y": "wide"}, "spacing of slice 1"),
        ({"encoding": 4}, "encoding of slice 1"),
        ({"encoding": "other"}, "Slice 1"),
        ({"pixels": "%%"}, "not hexadecimal"),
        ({"pixels": ""}, "Slice 1"),
        ({"pixels_sha256": "AAAA"}, "Slice 1"),
        ({"image_rows": 65}, "Slice 1"),
    ],
)
def test_slices_that_cannot_be_read_are_refused(done: Connection, change: Any, reason: str) -> None:
    """With the slice and what is wrong with it."""
    slices = slices_of(done, 1)
    text = "{" if change is None else change
    if isinstance(change, dict):
        slices[1].update(change)
        text = json.dumps(slices)
    with pytest.raises(SqlError) as caught:
        run(done, CALL, (text, None))
    assert caught.value.number == 50420
    assert reason in caught.value.message
    assert "lungdb similar" in caught.value.message or "version of lungdb" in caught.value.message
    assert not {"Load", "row"} & set(caught.value.message.split())  # they are in no table


def test_new_slices_cannot_be_compared_where_something_lacks(done: Connection) -> None:
    """No slices, a slice that is not there, an unknown model, a model whose network's bytes stayed elsewhere."""
    refused(done, "EXECUTE dbo.SimilarToSlices;", 50101)
    refused(done, "EXECUTE dbo.SimilarToSlices @Slices = N'[]', @Limit = 0;", 50101)
    refused(done, "EXECUTE dbo.SimilarToSlices @Slices = N'[]', @ModelName = N'none';", 50108)
    for outside in (-1, 9):
        with pytest.raises(SqlError, match="among the 9") as caught:
            run(done, CALL, (json.dumps(slices_of(done, 1)), outside))
        assert caught.value.number == 50210
    run(done, "BEGIN TRANSACTION; UPDATE dbo.networks SET model = 0x;")
    with pytest.raises(SqlError, match="not in this database") as caught:
        run(done, "EXECUTE dbo.SimilarToSlices @Slices = N'[]';")
    assert caught.value.number == 50116
    run(done, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")


def test_slices_are_not_compared_with_vectors_of_another_width(done: Connection) -> None:
    """They would be left out without a word."""
    run(done, "BEGIN TRANSACTION; UPDATE dbo.pooled_features SET vector = N'[1, 2]' WHERE scan_id IN (2, 3);")
    hash_vectors(done)
    with pytest.raises(SqlError, match="vectors of 2 scans have another length") as caught:
        run(done, CALL, (json.dumps(slices_of(done, 1)), None))
    assert caught.value.number == 50110
    run(done, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")


def test_slices_whose_features_are_all_zero_are_like_nothing(done: Connection) -> None:
    """As of a scan in SimilarPatients, by a network all of whose weights are 0."""
    [(network, details, layer)] = rows(
        done,
        "SELECT n.model, n.details, f.layer FROM dbo.feature_sets AS f "
        "INNER JOIN dbo.networks AS n ON n.network_id = f.network_id WHERE f.feature_set_id = 1;",
    )
    model = onnx.load_from_string(network)
    for each in model.graph.initializer:
        if each.data_type == onnx.TensorProto.FLOAT:
            each.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(each)), each.name))
    zeros = model.SerializeToString()
    slices = json.dumps(slices_of(done, 1))
    given = (zeros, hashlib.sha256(zeros).hexdigest(), details, layer, "lung", None, "mean", None, None, 1)
    array, _, _, number, message = features_of_slices(slices, None, *given)
    assert (array, number) == (b"", 50200)
    assert "all zero" in message


def test_dicom_files_are_compared_and_not_stored(
    done: Connection, file: Path, archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder as a whole and by slice, one file alone; what is no scan is refused."""
    target = target_of(file)
    patient = sorted(archive.scans.iterdir())[3]
    [(index,)] = rows(done, "SELECT idx FROM dbo.patients WHERE patient_id = ?;", (patient.name,))
    before = contents(done)

    def called(*arguments: str) -> tuple[int, list[str], str]:
        status = similar.main([*arguments, "-d", target])
        out, errors = capsys.readouterr()
        return status, out.splitlines(), errors

    status, out, _ = called(str(patient), "--limit", "3")
    assert (status, len(out)) == (0, 5)
    assert out[0] == "The whole scan of 9 slices is compared."
    assert out[2].split()[0] == str(index)
    assert float(out[2].split()[-1]) == pytest.approx(1, abs=1e-4)
    status, out, _ = called(str(patient), "--slice", "8")
    assert (status, out[0]) == (0, "The triple of the slices 6, 7 and 8 is compared.")
    assert out[2].split() == [str(index), out[2].split()[1], "2", "6", "1.0000"]
    [*_, one] = sorted(path for path in patient.rglob("*") if path.is_file())
    status, out, _ = called(str(one))
    assert (status, len(out)) == (0, 10)
    assert "three times" in out[0]
    folder = tmp_path / "study"
    shutil.copytree(patient, folder)
    for name in ("secret", "other"):
        (folder / name).write_text("no DICOM")
    status, out, _ = called(str(folder), "--limit", "3")
    assert (status, len(out)) == (0, 6)
    assert "2 not_dicom: This is not a DICOM file" in out[0]
    assert "secret" not in out[0]
    assert contents(done) == before

    status, _, errors = called(str(archive.scans))
    assert (status, "40 studies" in errors) == (1, True)
    (tmp_path / "note.txt").write_text("no scan")
    status, _, errors = called(str(tmp_path / "note.txt"))
    assert (status, "1 not_dicom" in errors) == (1, True)
    status, _, errors = called(str(tmp_path / "none"))
    assert (status, "no file or folder" in errors) == (1, True)
    assert patient.name not in "\n".join(out)
