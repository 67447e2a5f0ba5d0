"""Executors that are killed, and the driver, cost nothing that is not done again: the table is the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="needs the extra spark")
if shutil.which("java") is None:
    pytest.skip("needs Java", allow_module_level=True)

from lungdb import __version__
from lungdb.dicom.identity import Identity
from lungdb.dicom.series_rule import DEFAULT_RULE, parse_rule
from lungdb.distributed.features import SETTINGS, make_features, read_network, settings_of
from lungdb.distributed.folders import Folder
from lungdb.distributed.jobs import DicomSource, Features, Job
from lungdb.distributed.session import spark_session
from lungdb.loading.studies import Settling
from tests.support.databases import copy_to, target_of
from tests.support.spark import ROOT, Cluster, cluster
from tests.support.spark_features import (
    KEY,
    LAYERS,
    POOLINGS,
    load,
    stored,
    write_archive,
    write_small_network,
    written,
)

pytestmark = pytest.mark.slow
PATIENTS = 12
RUNS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, installed_file: Path) -> Path:
    """Give a folder with an archive, a network and a database that GenerateFeatures worked on."""
    folder = tmp_path_factory.mktemp("killed")
    network = write_small_network(folder)
    write_archive(folder / "archive", PATIENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGDB_ID_KEY", KEY)
        patch.chdir(folder)
        load(target_of(copy_to(folder, installed_file)), folder / "archive", network)
    return folder


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[Cluster]:
    """Start two workers of one core."""
    with cluster(folder) as started:
        yield started


def begin(folder: Path, started: Cluster, out: Path, cores: int = 2) -> subprocess.Popen[str]:
    """Start the command, as the leader of a process group."""
    command = [
        sys.executable, "-m", "lungdb.cli.main", "spark", "features", str(folder / "archive"), "--out", str(out),
        "--network", str(folder / "small.onnx"), "--layer", LAYERS, "--pooling", POOLINGS,
        "--master", started.master, "--executor-memory", "512m", "--conf", f"spark.cores.max={cores}",
        "--conf", "spark.driver.memory=512m", "--python-memory", "2g",
    ]  # fmt: skip
    environment = {**os.environ, "LUNGDB_ID_KEY": KEY, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def test_one_worker_gives_what_two_give(folder: Path, started: Cluster) -> None:
    """And both what GenerateFeatures gives."""
    expected = stored(target_of(next(folder.glob("*.db"))))
    for cores in (1, 2):
        process = begin(folder, started, folder / f"by {cores}", cores)
        told, errors = process.communicate()
        assert process.returncode == 0, errors
        assert told.startswith(f"Series: {PATIENTS} chosen, 0 done before, {PATIENTS} done now, 0 failed")
        assert written(folder / f"by {cores}") == expected


def test_killed_executors_change_nothing(folder: Path, started: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 20 runs each of the two executors is killed at a random time, while headers are read or features made."""
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    expected = stored(target_of(next(folder.glob("*.db"))))
    source = DicomSource(str(folder / "archive"), Identity("keyed", KEY), Settling(parse_rule(DEFAULT_RULE)))
    features = Features(tuple(LAYERS.split(",")), "lung", None, tuple(POOLINGS.split(",")))
    _, network = read_network(str(folder / "small.onnx"), None, None, {})
    settings = settings_of(source, "small.onnx", network, features, [5, 5])
    small = {"spark.executor.memory": "512m", "spark.driver.memory": "512m", "spark.cores.max": "2"}
    chance, kills = random.Random(7), 0
    with spark_session("tests", started.master, {**SETTINGS, **small}) as session:
        for run in range(RUNS):
            out = folder / f"killed {run}"
            killer = Killer(started, [chance.uniform(0.0, 4.0) for _ in range(2)])
            job = Job(source, features, Folder(str(out)), __version__)
            report = make_features(session.sparkContext, job, network, settings, lambda *_: None)
            kills += killer.end()
            assert (report.done, dict(report.failed), dict(report.unwritten)) == (PATIENTS, {}, {})
            assert written(out) == expected
    assert kills >= RUNS


class Killer(threading.Thread):
    """Kills an executor that it has not killed yet after each of so many seconds."""

    def __init__(self, cluster: Cluster, seconds: list[float]) -> None:
        super().__init__(daemon=True)
        self._cluster = cluster
        self._seconds = seconds
        self._killed: set[int] = set()
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Wait and kill."""
        for seconds in self._seconds:
            if self._ended.wait(seconds):
                return
            for pid in set(self._cluster.executors()) - self._killed:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self._killed.add(pid)
                break

    def end(self) -> int:
        """Stop, and tell how many were killed."""
        self._ended.set()
        self.join()
        return len(self._killed)


def test_an_interrupted_command_goes_on_where_it_stopped(folder: Path, started: Cluster) -> None:
    """Ctrl-C at the first file of features, then SIGKILL of the second run, then a third."""
    out = folder / "interrupted"
    for number, sent in enumerate((signal.SIGINT, signal.SIGKILL), start=1):
        process = begin(folder, started, out)
        while process.poll() is None and len(list((out / "features").glob("[!.]*"))) < number:
            time.sleep(0.05)
        os.killpg(process.pid, sent)
        _, errors = process.communicate()
        if sent == signal.SIGINT and process.returncode:
            assert process.returncode == 130
            assert errors.splitlines()[-1].startswith("Interrupted. What was committed stays;")
            assert "Traceback" not in errors
    process = begin(folder, started, out)
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    assert " 0 done before" not in told
    assert written(out) == stored(target_of(next(folder.glob("*.db"))))
