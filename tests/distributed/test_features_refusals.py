"""What `lungdb spark features` cannot work with is one sentence, and nothing is written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="needs the extra spark")

from lungdb.cli.main import main
from lungdb.database import connect, run
from lungdb.dicom.series_rule import DEFAULT_RULE
from tests.dicom.make_ct import write_series
from tests.support.databases import target_of
from tests.support.spark_features import KEY, write_small_network

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of one series, and beside it a network."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    write_small_network(tmp_path)
    return write_series(tmp_path / "scans")


def arguments(folder: Path, *more: str, out: str = "") -> list[str]:
    """Return a command line for the series and the network."""
    given = ["--network", str(folder.parent / "small.onnx"), "--out", out or str(folder.parent / "out")]
    return ["spark", "features", str(folder), *given, "--master", "local[1]", *more]


@needs_java
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--layer", "nowhere"], "nowhere"),
        (["--pooling", "median"], "Pooling 'median' is not supported."),
        (["--preprocessing", "liver"], "liver"),
        (["--series-rule", "thickest"], "The series rule 'thickest' cannot be read"),
        (["--conf", "executor.memory=1g"], "is not of the form spark.key=value"),
        (["--network", "small.txt"], "The network 'small.txt' is no file"),
        (["--out", "out"], "The output 'out' is a relative path"),
        (["--out", "nowhere://out"], "The address 'nowhere://out' cannot be opened"),
        (["--master", "spark://127.0.0.1"], "is no address. Write it as spark://host:7077."),
        (["-d", "sqlite:///x.db"], "Give either a folder of DICOM files or -d TARGET"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    archive: Path, capfd: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    """It names the value, and no output appears."""
    (archive.parent / "README.md").write_text("", encoding="ascii")
    assert main(arguments(archive, *more)) == 1
    told = capfd.readouterr().err.strip()
    assert sentence in told
    assert "Traceback" not in told
    assert "\tat " not in told
    assert not (archive.parent / "out").exists()


@needs_java
def test_a_master_that_is_not_there_is_told_at_once(archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert main(arguments(archive, "--master", f"spark://127.0.0.1:{port}")) == 1
    assert capfd.readouterr().err.strip() == (
        f"The master spark://127.0.0.1:{port} does not answer. Check its address, and that it runs."
    )
    assert not (archive.parent / "out").exists()


@needs_java
def test_a_network_of_no_pictures_is_told(archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its input is a vector."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "vector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (archive.parent / "vector.onnx").write_bytes(model.SerializeToString())
    assert main(arguments(archive, "--network", "vector.onnx")) == 1
    told = capfd.readouterr().err
    assert told.startswith("The network's input is [N, 4]. Use a network that takes float32[N, 3, rows, cols]")
    assert not (archive.parent / "out").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PATH": "/nowhere", "JAVA_HOME": ""}, "Spark needs Java, and there is none on the path."),
        ({"JAVA_HOME": "/nowhere"}, "Spark needs Java, and the one of JAVA_HOME does not run"),
        ({"JAVA_HOME": "{old}"}, "Spark needs Java 17, and this one is 8."),
    ],
)
def test_without_java_it_is_said_what_to_install(archive: Path, changes: dict[str, str], sentence: str) -> None:
    """None on the path, none where JAVA_HOME says, and one that is too old."""
    old = archive.parent / "jre8"
    (old / "bin").mkdir(parents=True)
    (old / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"8\"' >&2\n", encoding="ascii")
    (old / "bin" / "java").chmod(0o755)
    told = _told(archive, {name: value.format(old=old) for name, value in changes.items()})
    assert told.startswith(sentence)
    assert "openjdk-17-jre-headless" in told


@pytest.mark.parametrize("missing", ["pyspark", "pyarrow", "fsspec"])
def test_without_a_package_it_is_said_how_to_get_it(archive: Path, missing: str) -> None:
    """A folder in front of the path in which the package is not importable."""
    (archive.parent / "hidden").mkdir()
    (archive.parent / "hidden" / f"{missing}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{missing}'\", name='{missing}')\n", encoding="ascii"
    )
    told = _told(archive, {"PYTHONPATH": str(archive.parent / "hidden")})
    assert told == f'Features on Spark need {missing}. Run: pip install "lungdb[spark]"'


def _told(archive: Path, changes: dict[str, str]) -> str:
    environment = {name: value for name, value in {**os.environ, **changes}.items() if value}
    command = [sys.executable, "-m", "lungdb.cli.main", *arguments(archive)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert not (archive.parent / "out").exists()
    return ended.stderr.strip()


def test_the_rule_without_a_database_is_that_of_a_new_one(installed_file: Path) -> None:
    """So that both choose the same series."""
    with closing(connect(target_of(installed_file))) as connection:
        text = run(connection, "SELECT value FROM dbo.settings WHERE name = N'series_rule';")[0].scalar()
    assert text == DEFAULT_RULE
