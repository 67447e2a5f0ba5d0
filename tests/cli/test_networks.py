"""`lungdb networks`: what is known and what is loaded, in a terminal's width."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from lungdb.cli.load_network import main as load
from lungdb.cli.networks import main
from lungdb.networks.architectures.catalog import CATALOG
from tests.support.asking import Query
from tests.support.fixtures import DEMO_NETWORK

DATA = Path(__file__).parents[1] / "data" / "networks"


def test_the_catalog_is_listed_with_every_address(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each network on a line with its width, each address on one; the database is empty."""
    assert main(["-d", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    for known in CATALOG:
        (line,) = [line for line in lines if line.startswith(f"{known.name} ") and known.title in line]
        assert str(known.width) in line.split()
        assert known.channel_order in line.split()
        for _, address in known.published:
            assert [known.name, address] in [line.split() for line in lines]
    assert any("holds no network" in line for line in lines)


def test_what_is_loaded_is_listed_with_its_feature_sets(
    target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, version, format, precision, width, hash and date as the table has them, in 120 columns."""
    load(["-d", target, str(DATA / "resnet18_thin.safetensors"), "--name", "thin"])
    query(
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "SELECT network_id, N'layer3', N'lung', 32 FROM dbo.networks;"
    )
    capsys.readouterr()
    assert main(["-d", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    ((sha256, date),) = query("SELECT sha256, CONVERT(VARCHAR(10), created_at, 23) AS day FROM dbo.networks;")
    loaded = lines[lines.index("Loaded networks") :]
    (row,) = [line.split() for line in loaded if line.startswith("thin  ") and "safetensors" in line]
    assert row[:3] == ["thin", "1", "safetensors"]
    assert row[-2:] == [bytes(sha256).hex()[:8], date]
    assert "float32" in row
    assert ["thin,", "version", "1", "layer3", "lung", "32"] in [line.split() for line in loaded]
    assert max(map(len, lines)) <= 120


def test_without_a_database_the_catalog_is_shown_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Opening the embedded engine's default target would make a file."""
    for name in ("LUNGDB_CONFIG", "LUNGDB_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "resnet152" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_named_must_have_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked for is not left out in silence."""
    assert main(["-d", f"sqlite:///{tmp_path / 'empty.db'}"]) == 1
    assert "lungdb install" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no status of its own for a closed pipe")
def test_output_that_nobody_reads_to_the_end_is_no_error(target: str) -> None:
    """As in `lungdb networks | head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "lungdb.cli.main", "networks", "-d", target]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (result.returncode, result.stderr) == (141, b"")


def test_layers_of_networks_are_listed_when_they_are_loaded_or_asked_for(
    target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """load-network stores them; --describe does for networks that have none, and says what cannot be described."""
    assert load([str(DEMO_NETWORK), "--name", "demo", "-d", target]) == 0
    stored = query("SELECT name, operator, output_shape, parameters FROM dbo.network_layers ORDER BY position;")
    model = query("SELECT model FROM dbo.networks;")[0][0]
    initialisers = onnx.load_from_string(model).graph.initializer
    assert sum(row[3] for row in stored) == sum(int(np.prod(tensor.dims)) for tensor in initialisers)
    assert stored[0][2].startswith("N × ")
    query("DELETE FROM dbo.network_layers;")
    query(
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'broken', 1, N'onnx', 0x00, 0x00, N'{}');"
    )
    assert main(["-d", target]) == 0
    assert "Of 2 networks the layers are not in dbo.network_layers" in capsys.readouterr().out
    assert main(["-d", target, "--describe"]) == 1
    out = capsys.readouterr().out
    assert "demo, version 1: described" in out
    assert "broken, version 1: The network" in out
    again = query("SELECT name, operator, output_shape, parameters FROM dbo.network_layers ORDER BY position;")
    assert again == stored
    query("DELETE FROM dbo.networks WHERE name = N'broken';")
    assert main(["-d", target, "--describe"]) == 0
    assert "Every network" in capsys.readouterr().out
