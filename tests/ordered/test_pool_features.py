"""PoolFeatures stores what ONNX Runtime gives for the rows of each scan, and names what fails or does not fit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime

from lungdb.cli.load_network import main as load_network
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from tests.ordered.conftest import PATIENTS, RECORDED, WIDTH, rows_of, store_rows
from tests.support.databases import copy_to, refused, rows, said, target_of

CALL = "EXECUTE dbo.PoolFeatures @ModelName = N'my_gru';"
STORED = "SELECT scan_id, vector, vector_sha256 FROM dbo.pooled_features WHERE pooling = N'my_gru:1' ORDER BY scan_id;"


def failure(connection: Connection, call: str) -> SqlError:
    """Run a call that must fail."""
    try:
        run(connection, call)
    except SqlError as error:
        return error
    raise AssertionError("It did not fail.")


def test_vectors_are_what_the_network_gives_for_each_scan_by_itself(scans: Connection) -> None:
    """ONNX Runtime run on the user's own file; the text reads back to the same float32, and its hash is its own."""
    text = said(scans, CALL)
    assert f"made up/penultimate/lung, pooling my_gru:1: {PATIENTS} scans to do." in text
    assert f"{PATIENTS} of {PATIENTS} scans done on CPUExecutionProvider." in text
    session = onnxruntime.InferenceSession(RECORDED / "gru.onnx", providers=["CPUExecutionProvider"])
    found = rows(scans, STORED)
    assert [scan for scan, _, _ in found] == list(range(1, PATIENTS + 1))
    for scan, vector, sha256 in found:
        (expected,) = session.run(None, {"rows": rows_of(scan - 1)[None]})
        np.testing.assert_allclose(np.array(json.loads(vector)), expected[0], rtol=0, atol=1e-5)
        assert hashlib.sha256(vector.encode("utf-16-le")).digest() == sha256
    assert rows(scans, "SELECT width, name FROM dbo.pooled_sets WHERE pooling = N'my_gru:1';") == [
        (4, "made up/penultimate/lung/my_gru:1")
    ]
    ((status, done),) = rows(scans, "SELECT status, done FROM dbo.runs WHERE procedure_name = N'PoolFeatures';")
    assert (status, done) == ("done", PATIENTS)


def test_only_what_lacks_a_vector_is_made_unless_all_is_asked_for(scans: Connection) -> None:
    """A vector that was changed stays without @Recompute, and is the network's again with it."""
    run(scans, CALL)
    made = rows(scans, STORED)
    run(scans, "DELETE FROM dbo.pooled_features WHERE scan_id IN (3, 5) AND pooling = N'my_gru:1';")
    run(scans, "UPDATE dbo.pooled_features SET vector = N'[0,0,0,0]' WHERE scan_id = 4 AND pooling = N'my_gru:1';")
    assert "2 scans to do." in said(scans, CALL)
    assert [
        number for number, pair in enumerate(zip(made, rows(scans, STORED), strict=True)) if pair[0] != pair[1]
    ] == [3]
    run(scans, f"{CALL[:-1]}, @Recompute = 1;")
    assert rows(scans, STORED) == made


def test_a_scan_that_fails_is_named_and_the_others_are_stored(scans: Connection) -> None:
    """One has a NaN, one a damaged array, one more columns than its set says."""
    broken = rows_of(1)
    broken[2, 3] = np.nan
    store_rows_only(scans, 2, broken)
    run(scans, "UPDATE dbo.features SET sha256 = 0x00 WHERE scan_id = 7;")
    store_rows_only(scans, 9, np.ones((4, WIDTH + 1), np.float32))
    error = failure(scans, CALL)
    assert error.number == 50120
    assert "3 of 60 scans failed and have no vector of the pooling my_gru:1" in error.message
    assert "scan 2: The number 3 of row 2 of its features is nan. Generate the features" in error.message
    assert "scan 7: " in error.message
    assert "scan 9: A row of its features has 6 numbers, and the network reads 5." in error.message
    assert {scan for scan, _, _ in rows(scans, STORED)} == set(range(1, PATIENTS + 1)) - {2, 7, 9}
    ((failed,),) = rows(scans, "SELECT failed FROM dbo.runs WHERE procedure_name = N'PoolFeatures';")
    assert failed == 3


def store_rows_only(connection: Connection, scan_id: int, features: np.ndarray) -> None:
    """Write features without a mean of them."""
    content = features.astype("<f4").tobytes()
    run(
        connection,
        "UPDATE dbo.features SET array = ?, sha256 = ?, array_rows = ?, array_cols = ? WHERE scan_id = ?;",
        (content, hashlib.sha256(content).digest(), *features.shape, scan_id),
    )


def test_what_does_not_fit_is_refused_with_what_to_do(scans: Connection) -> None:
    """A network of features, an unknown one, features of another width, none, and the pooling elsewhere."""
    assert "makes features and pools none" in refused(scans, "EXECUTE dbo.PoolFeatures @ModelName = N'made up';", 50104)
    assert "Networks that pool: my_gru 1." in refused(scans, "EXECUTE dbo.PoolFeatures @ModelName = N'mine';", 50102)
    assert "version 7" in refused(scans, f"{CALL[:-1]}, @Version = 7;", 50102)
    assert "There are no features of scans of" in refused(scans, f"{CALL[:-1]}, @Layer = N'layer9';", 50117)
    refused(scans, f"{CALL[:-1]}, @ChunkMegabytes = 0, @Recompute = NULL;", 50101)
    refused(scans, f"BEGIN TRANSACTION; {CALL}", 50100)
    assert "Call PoolFeatures with it" in refused(scans, "EXECUTE dbo.GenerateFeatures @ModelName = N'my_gru';", 50104)
    message = refused(
        scans, "EXECUTE dbo.GenerateFeatures @ModelName = N'made up', @Pooling = N'mean,my_gru:1';", 50101
    )
    assert "PoolFeatures makes vectors of my_gru:1" in message
    run(
        scans,
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'wide', N'lung', 8);"
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "VALUES (1, 2, 1, 8, 0x00, 0x00);",
    )
    message = refused(scans, f"{CALL[:-1]}, @Layer = N'wide';", 50110)
    assert "reads rows of 5 features, and those of made up/wide/lung have 8" in message


def test_a_network_in_use_is_kept(scans: Connection) -> None:
    """DeleteNetwork refuses while vectors are of its pooling; DeleteFeatures deletes these alone."""
    run(scans, CALL)
    message = refused(scans, "EXECUTE dbo.DeleteNetwork @ModelName = N'my_gru', @Version = 1;", 50305)
    assert "DeleteFeatures @Pooling = N'my_gru:1'" in message
    run(scans, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @Pooling = N'my_gru:1';")
    assert rows(scans, "SELECT DISTINCT pooling FROM dbo.pooled_features;") == [("mean",)]
    run(scans, "EXECUTE dbo.DeleteNetwork @ModelName = N'my_gru', @Version = 1;")
    assert rows(scans, "SELECT name FROM dbo.networks;") == [("made up",)]


def test_a_network_that_pools_takes_no_name_of_one_of_features(rows_file: Path, tmp_path: Path) -> None:
    """Otherwise the name would stand for another kind of network with each version."""
    file = copy_to(tmp_path, rows_file)
    assert load_network([str(RECORDED / "lstm.onnx"), "--pooling", "--name", "made", "-d", target_of(file)]) == 0
    assert load_network([str(RECORDED / "lstm.onnx"), "--pooling", "--name", "made up", "-d", target_of(file)]) == 1
    with closing(connect(target_of(file))) as connection:
        run(connection, "UPDATE dbo.networks SET name = N'taken' WHERE network_id = 1;")
    assert load_network([str(RECORDED / "attention.onnx"), "--pooling", "--name", "taken", "-d", target_of(file)]) == 1


def test_a_killed_call_leaves_whole_chunks_and_is_gone_on_with(rows_file: Path, tmp_path: Path) -> None:
    """SIGKILL once the first chunk of several is told; a second call makes the rest, equal to the last bit."""
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    killed = copy_to(tmp_path / "killed", rows_file)
    with closing(connect(target_of(killed))) as connection:
        for scan in range(1, PATIENTS + 1):
            store_rows(connection, scan, np.tile(rows_of(scan - 1), (200, 1))[:1700])
    whole = copy_to(tmp_path / "whole", killed)
    call = f"{CALL[:-1]}, @ChunkMegabytes = 1;"  # of 34 kB each
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target_of(killed), "-q", call]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "29 of 60 scans done" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    with closing(connect(target_of(killed))) as connection:
        assert len(rows(connection, STORED)) in (29, 58, 60)
        run(connection, call)
        found = rows(connection, STORED)
    with closing(connect(target_of(whole))) as connection:
        run(connection, call)
        assert found == rows(connection, STORED)
    assert len(found) == PATIENTS
