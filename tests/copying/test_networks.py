"""`lungdb copy --network`: a dense network gives the same probabilities elsewhere, and arrives whole or not at all."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from lungdb.loading.tensors import store_network
from lungdb.networks.dense import DenseLayer
from tests.sql.gates.check import SQL
from tests.support.databases import contents, copy_to, refused, rows, target_of
from tests.support.dense_networks import add_dataset, probabilities, train, weights

WIDTH = 5
NAME = "100% 'net'"
INPUTS = np.random.default_rng(6).normal(size=(9, WIDTH))


def _random_network(*widths: int) -> list[DenseLayer]:
    random = np.random.default_rng(5)
    pairs = list(itertools.pairwise(widths))
    return [
        DenseLayer(random.normal(size=pair), random.normal(size=pair[1]), "softmax" if pair is pairs[-1] else "tanh")
        for pair in pairs
    ]


@pytest.fixture(scope="module")
def source_file(sql_only_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a loaded network, `NAME`, and one that is being trained, `learner`."""
    file = copy_to(tmp_path_factory.mktemp("networks"), sql_only_file)
    with closing(connect(target_of(file))) as connection:
        store_network(connection, NAME, _random_network(WIDTH, 4, 3), replace=False)
        add_dataset(connection, "x", INPUTS, np.arange(9) % 3)
        train(connection, "x", "learner", "4", 5)
    return file


@pytest.fixture
def source(source_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(source_file, tmp_path / "source.db"))


@pytest.fixture
def other_file(sql_only_file: Path, tmp_path: Path) -> Path:
    """An empty database with install_sql_only.sql alone."""
    return Path(shutil.copy(sql_only_file, tmp_path / "other.db"))


@pytest.fixture
def other(other_file: Path) -> Iterator[Connection]:
    """A connection to it."""
    with closing(connect(target_of(other_file))) as connection:
        yield connection


def _copy(source: Path, to: str, *options: str) -> int:
    return main(["copy", "--from", target_of(source), "--to", to, *options])


@pytest.mark.parametrize("network", [NAME, "learner"])
@pytest.mark.parametrize("by_script", [False, True])
def test_a_copied_network_gives_the_probabilities_of_the_source(
    source: Path, other_file: Path, other: Connection, network: str, by_script: bool
) -> None:
    """To the last bit, directly and by a script that `lungdb sql` runs; once more changes nothing."""
    script = other_file.with_name("network.sql")
    with closing(connect(target_of(source))) as connection:
        wanted = probabilities(connection, network, "x")
        numbers = {name: value for name, value in weights(connection, network).items() if "velocity" not in name}
    for _ in range(2):
        if by_script:
            assert _copy(source, str(script), "--network", network) == 0
            assert main(["sql", "-b", "-d", target_of(other_file), "-i", str(script)]) == 0
        else:
            assert _copy(source, target_of(other_file), "--network", network) == 0
        found = weights(other, network)
        assert found.keys() == numbers.keys()
        assert all(np.array_equal(found[name], numbers[name]) for name in numbers)
        assert rows(other, "SELECT COUNT(*) FROM dbo.examples;") == [(0,)]
    add_dataset(other, "x", INPUTS)
    assert np.array_equal(probabilities(other, network, "x"), wanted)


def test_one_sigmoid_unit_and_every_activation_arrive(source: Path, other_file: Path, other: Connection) -> None:
    """The comparison on arrival knows them all; sums of thousands are no error."""
    random = np.random.default_rng(7)
    widths = (WIDTH, 6, 6, 6, 6, 1)
    kinds = ("relu", "sigmoid", "tanh", "identity", "sigmoid")
    layers = [
        DenseLayer(3000 * random.normal(size=(before, units)), random.normal(size=units), kind)
        for before, units, kind in zip(widths, widths[1:], kinds, strict=False)
    ]
    with closing(connect(target_of(source))) as connection:
        store_network(connection, "deep", layers, replace=False)
        wanted = probabilities(connection, "deep", "x")
    assert _copy(source, target_of(other_file), "--network", "deep") == 0
    add_dataset(other, "x", INPUTS)
    assert np.array_equal(probabilities(other, "deep", "x"), wanted)


def test_a_model_and_a_network_come_together_or_not_at_all(
    trained_file: Path, other_file: Path, other: Connection, tmp_path: Path
) -> None:
    """A network that is refused keeps the model of the same copy out too."""
    both = tmp_path / "both.db"
    both.write_bytes(trained_file.read_bytes())
    with closing(connect(target_of(both))) as connection:
        store_network(connection, NAME, _random_network(WIDTH, 4, 3), replace=False)
    store_network(other, NAME, _random_network(WIDTH, 3), replace=False)
    options = ("--model", "lightgbm_sql", "--patients", "0,1", "--network", NAME)
    before = contents(other)
    assert _copy(both, target_of(other_file), *options) == 1
    assert contents(other) == before
    for table in ("dense_layers", "tensors"):
        run(other, f"DELETE FROM dbo.{table};")
    assert _copy(both, target_of(other_file), *options) == 0
    assert rows(other, "SELECT name FROM dbo.classifiers;") == [("lightgbm_sql",)]
    assert rows(other, "SELECT network, COUNT(*) FROM dbo.dense_layers GROUP BY network;") == [(NAME, 2)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dbo.tensors SET value = value + 1e-9 WHERE tensor = N'1.bias' AND column_index = 2;",
        "UPDATE dbo.dense_layers SET activation = N'relu' WHERE layer = 0;",
        "DELETE FROM dbo.tensors WHERE tensor = N'1.bias' AND column_index = 2;",
        "INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value) "
        "SELECT network, N'2.bias', 0, 0, 0 FROM dbo.dense_layers WHERE layer = 0;",
        "DELETE FROM dbo.dense_layers;",
    ],
)
def test_another_network_of_the_name_is_kept(
    source: Path, other_file: Path, other: Connection, tmp_path: Path, change: str
) -> None:
    """Whatever differs is refused with number, name and remedy, and nothing changes."""
    assert _copy(source, target_of(other_file), "--network", NAME) == 0
    run(other, change)
    script = tmp_path / "network.sql"
    assert _copy(source, str(script), "--network", NAME) == 0
    batches = script.read_text(encoding="utf-8").split("GO\n")[:-1]
    for batch in batches[:-1]:
        run(other, batch)
    message = refused(other, batches[-1], 50155)
    assert NAME in message
    assert "Delete its rows" in message


def test_a_network_that_is_being_trained_here_is_no_other_for_its_velocities(
    source: Path, other_file: Path, other: Connection
) -> None:
    """The same numbers in training on both sides: nothing is refused and nothing is changed."""
    add_dataset(other, "x", INPUTS, np.arange(9) % 3)
    train(other, "x", "learner", "4", 5)
    before = contents(other)
    assert _copy(source, target_of(other_file), "--network", "learner") == 0
    assert contents(other) == before


def test_half_a_script_stores_nothing(source: Path, other: Connection, tmp_path: Path) -> None:
    """Each batch of rows that is lost is noticed by the last one."""
    script = tmp_path / "network.sql"
    assert _copy(source, str(script), "--network", NAME) == 0
    batches = script.read_text(encoding="utf-8").split("GO\n")[:-1]
    lost = [batch for batch in batches if batch.startswith("INSERT INTO #copy_")]
    assert len(lost) == 4
    for missing in lost:
        for batch in batches[:-1]:
            if batch is not missing:
                run(other, batch)
        assert "arrived" in refused(other, batches[-1], 50155)


def test_a_network_that_would_score_otherwise_is_refused(source: Path, other_file: Path, other: Connection) -> None:
    """Probabilities come along; with another activation in ForwardLayers nothing is stored."""
    right = (SQL / "procedures/dense_networks/internal/ForwardLayers.sql").read_text(encoding="utf-8")
    assert "EXP(-2 * ABS(value))" in right
    run(other, right.replace("EXP(-2 * ABS(value))", "EXP(-2.001 * ABS(value))"))
    before = contents(other)
    assert _copy(source, target_of(other_file), "--network", NAME) == 1
    assert contents(other) == before
    run(other, right)
    assert _copy(source, target_of(other_file), "--network", NAME) == 0


def test_what_cannot_be_copied_is_refused_and_leaves_no_file(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No name, an unknown one, options of a model without one, a network whose tensors lack a number."""
    script = tmp_path / "network.sql"
    with closing(connect(target_of(source))) as connection:
        run(
            connection, "DELETE FROM dbo.tensors WHERE network = N'learner' AND tensor = N'1.weight' AND row_index = 2;"
        )
    for options, word in (
        ((), "Nothing to copy"),
        (("--network", "no such"), "no network 'no such'"),
        (("--network", NAME, "--patients", "all"), "belong to a model"),
        (("--network", NAME, "--version", "1"), "belong to a model"),
        (("--network", "learner"), "do not fit"),
    ):
        assert _copy(source, str(script), *options) == 1
        shown = capsys.readouterr().err
        assert word in shown
        assert "Traceback" not in shown
        assert not script.exists()


@pytest.mark.slow
def test_a_copy_that_is_killed_leaves_nothing(source: Path, other_file: Path, other: Connection) -> None:
    """SIGKILL at ever later moments of the copy until it is stored, then wholly; then a copy that is let be."""
    with closing(connect(target_of(source))) as connection:
        store_network(connection, "large", _random_network(WIDTH, 150, 150, 3), replace=False)
    command = [sys.executable, "-m", "lungdb.cli.main", "copy", "--from", target_of(source), "--to"]
    command += [target_of(other_file), "--network", "large"]
    first = other_file.with_name("first.db")
    times = []
    for _ in range(2):  # what the first one reads from the disk the others have at hand
        first.write_bytes(other_file.read_bytes())
        began = time.monotonic()
        subprocess.run([*command[:-3], target_of(first), *command[-2:]], check=True, capture_output=True)
        times.append(time.monotonic() - began)
    whole = min(times)
    before = contents(other)
    killed = 0
    for part in range(1, 10):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                process.wait(whole * part / 10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
                if contents(other) != before:  # stored, and killed on its way out
                    break
            else:
                break
    assert killed >= 3
    # Half a network would be one of the name that differs, which a copy refuses.
    assert _copy(source, target_of(other_file), "--network", "large") == 0
    assert rows(other, "SELECT COUNT(*) FROM dbo.tensors;") == [(6 * 150 + 151 * 150 + 151 * 3,)]
