"""`lungdb watch` as a process: what arrives is loaded whole and once, and gets features and scores."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli.main import main
from lungdb.database import connect, run
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.writing import write_series
from tests.support.databases import copy_to, rows, target_of
from tests.support.fixtures import ARCHIVED, Archive
from tests.support.searching import wait_until

PATIENT = "arrives-1"
SERIES = "SELECT series_uid, content_sha256 FROM dbo.scans ORDER BY series_uid;"
OF_PATIENT = "INNER JOIN dbo.scans AS s ON s.scan_id = x.scan_id WHERE s.patient_id = ?;"
FEATURES = f"SELECT COUNT(*) FROM dbo.pooled_features AS x {OF_PATIENT}"
SCORES = f"SELECT x.probability FROM dbo.predictions AS x {OF_PATIENT}"
Watch = Callable[..., "Watching"]


class Watching:
    """A process that watches, and what it has said."""

    def __init__(self, file: Path, folder: Path, options: tuple[str, ...], environment: dict[str, str]) -> None:
        self.log = folder.parent / f"log-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "lungdb.cli.main", "watch", str(folder), "-d", target_of(file), "--keep-ids"]
        command += ["--settle", "2", "--poll", "1", "--workers", "1", "--notes", str(folder.parent / "notes"), *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)

    def said(self) -> str:
        """Give all that it has said."""
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        """Wait until it has said this."""
        self.wait_until(lambda: text in self.said())

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition as long as it runs; what it has said tells why one does not come."""
        ends = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < ends, self.said()
            assert self.process.poll() is None or condition(), self.said()
            time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; give its exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder in which files arrive."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def watch(folder: Path) -> Iterator[Watch]:
    """Give a function that starts a watcher; those that are left are killed."""
    started: list[Watching] = []

    def start(file: Path, *options: str, **environment: str) -> Watching:
        started.append(Watching(file, folder, options, environment))
        return started[-1]

    yield start
    for each in started:
        with suppress(ProcessLookupError):
            each.process.kill()
        each.process.wait()


def _ask(file: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with closing(connect(target_of(file))) as connection:
        return run(connection, sql, parameters)[-1].rows


def _phantom(folder: Path, patient: str = PATIENT, seed: int = 77) -> list[Path]:
    return write_series(folder, make_phantom(seed, cancer=True, slices=9, size=64), patient)


def _expected(file: Path, scans: Path, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What load-scans, GenerateFeatures and PredictPatients make of the same files in another database."""
    (tmp_path / "other").mkdir()
    other = copy_to(tmp_path / "other", file)
    assert main(["load-scans", str(scans), "-d", target_of(other), "--keep-ids"]) == 0
    with closing(connect(target_of(other))) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model';")
        run(connection, "EXECUTE dbo.PredictPatients @Only = N'new';")
        return rows(connection, SCORES.replace("?", f"N'{PATIENT}'"))


def _storescp(folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    if shutil.which("storescp") is None or shutil.which("storescu") is None:
        pytest.skip("dcmtk's storescp and storescu are not here: apt-get install dcmtk")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    server = subprocess.Popen(["storescp", *options, "--output-directory", str(folder), str(port)])

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_until(answers)
    return server, port


@pytest.mark.parametrize("way", ["straight", pytest.param("moved", marks=pytest.mark.slow)])
def test_what_a_scanner_sends_is_loaded_and_scored(
    done_file: Path, folder: Path, tmp_path: Path, watch: Watch, way: str
) -> None:
    """By dcmtk, file by file into the watched folder, and beside it and moved when the study is over.

    The score is the one that the same files get by load-scans, GenerateFeatures and PredictPatients.
    """
    file = copy_to(tmp_path, done_file)
    sent = _phantom(tmp_path / "scanner")
    if way == "straight":
        server, port = _storescp(folder)
    else:
        (tmp_path / "receiving").mkdir()
        options = ("--sort-on-study-uid", "study", "--eostudy-timeout", "1", "--exec-on-eostudy", f"mv #p {folder}/")
        server, port = _storescp(tmp_path / "receiving", *options)
    try:
        watching = watch(file, "--features", "make")
        watching.wait_for("Watching.")
        for path in sent:  # one association each, as slow scanners do
            subprocess.run(["storescu", "127.0.0.1", str(port), str(path)], check=True)
        watching.wait_for("Scores: dbo.ScoreNewScans has done all of it.")
        watching.wait_until(lambda: _ask(file, SCORES, PATIENT))
        assert watching.end() == 143
    finally:
        server.kill()
        server.wait()
    assert PATIENT not in watching.said()
    assert _ask(file, SCORES, PATIENT) == _expected(done_file, tmp_path / "scanner", tmp_path)
    index = _ask(file, "SELECT idx FROM dbo.patients WHERE patient_id = ?;", PATIENT)[0][0]
    (scored,) = _ask(
        file,
        f"DECLARE @r FLOAT; EXECUTE dbo.PredictLungCancer @PatientIndex = {index}, @PredictionResult = @r OUTPUT; "
        "SELECT @r;",
    )
    assert scored[0] == pytest.approx(100 * _ask(file, SCORES, PATIENT)[0][0])


def test_a_slow_writer_is_waited_for(installed_file: Path, folder: Path, tmp_path: Path, watch: Watch) -> None:
    """A slice that grows for thrice the time that a study must rest holds its series up; then it is loaded whole."""
    file = copy_to(tmp_path, installed_file)
    *others, last = _phantom(tmp_path / "scanner")
    content = last.read_bytes()
    watching = watch(file, "--features", "none")
    watching.wait_for("Watching.")
    ends = time.monotonic() + 6
    with (folder / "last.dcm").open("wb", buffering=0) as slow:
        slow.write(content[:1000])
        for path in others:
            shutil.copy(path, folder / path.name)
        written = 1000
        while time.monotonic() < ends:
            time.sleep(0.2)
            slow.write(content[written : written + 10])
            written += 10
        assert "rejected" not in watching.said()
        before = _ask(file, "SELECT COUNT(*) FROM dbo.rejected_files;")
        slow.write(content[written:])
    assert before == [(0,)]
    watching.wait_until(lambda: _ask(file, "SELECT number_images FROM dbo.scans;") == [(9,)])
    watching.wait_for("9 slices stored.")
    assert watching.end(signal.SIGINT) == 130
    with closing(connect(target_of(copy_to(folder, installed_file)))) as connection:
        assert main(["load-scans", str(tmp_path / "scanner"), "-d", target_of(folder / file.name), "--keep-ids"]) == 0
        assert rows(connection, SERIES) == _ask(file, SERIES)


@pytest.mark.slow
def test_a_killed_watcher_goes_on_and_nothing_is_doubled(
    loaded_file: Path, installed_file: Path, archive: Archive, folder: Path, tmp_path: Path, watch: Watch
) -> None:
    """kill -9 while it loads, then again; all scans once, in the queue once, and the third finds nothing to load."""
    file = copy_to(tmp_path, installed_file)
    shutil.copytree(archive.scans, folder, dirs_exist_ok=True)
    with closing(connect(target_of(file))) as connection, closing(connect(target_of(loaded_file))) as loaded:
        columns = "name, version, library, model, sha256, details"
        [found] = rows(loaded, f"SELECT {columns} FROM dbo.networks;")
        run(connection, f"INSERT INTO dbo.networks ({columns}) VALUES (?, ?, ?, ?, ?, ?);", found)
    options = ("--network", "ResNet_152.model")
    count = "SELECT COUNT(*) FROM dbo.scans;"
    killed = watch(file, *options)
    killed.wait_until(lambda: _ask(file, count)[0][0] > 3)
    killed.end(signal.SIGKILL)
    assert _ask(file, count)[0][0] < ARCHIVED
    second = watch(file, *options)
    second.wait_for(f"{ARCHIVED} scans are queued.")
    second.end(signal.SIGKILL)
    third = watch(file, *options)
    third.wait_for("scans are queued.")
    assert third.end() == 143
    assert "Loading" not in third.said()
    assert _ask(file, SERIES) == _ask(loaded_file, SERIES)
    assert _ask(file, "SELECT COUNT(*), COUNT(DISTINCT item) FROM dbo.work_items;") == [(ARCHIVED, ARCHIVED)]
    assert _ask(file, "SELECT COUNT(*) FROM dbo.work;") == [(1,)]


@pytest.mark.slow
def test_queued_features_are_scored_when_a_worker_has_made_them(
    done_file: Path, folder: Path, tmp_path: Path, watch: Watch
) -> None:
    """The watcher waits for them without reading the folder's files again."""
    file = copy_to(tmp_path, done_file)
    _phantom(folder)
    watching = watch(file, "--model", "lightgbm_sql")
    watching.wait_for("1 scans are queued.")
    assert _ask(file, FEATURES, PATIENT) == [(0,)]
    assert main(["work", "-d", target_of(file)]) == 0
    watching.wait_until(lambda: _ask(file, SCORES, PATIENT))
    watching.end()
    assert _ask(file, SCORES, PATIENT) == _expected(done_file, folder, tmp_path)
    assert watching.said().count("Loading") == 1


KILLS = """
import os, signal
from lungdb.dicom import tasks
whole = tasks.look_into
def look_into(item, *arguments, **named):
    if "poison" in str(item[0].path):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(item, *arguments, **named)
look_into.__module__ = whole.__module__
tasks.look_into = look_into
"""


@pytest.mark.slow
def test_a_file_that_kills_its_reader_is_told_once_and_the_rest_is_loaded(
    installed_file: Path, folder: Path, tmp_path: Path, watch: Watch
) -> None:
    """The process that reads it really dies; other files that are none are told once, too, however often it looks."""
    (tmp_path / "kills").mkdir()
    (tmp_path / "kills" / "sitecustomize.py").write_text(KILLS)
    file = copy_to(tmp_path, installed_file)
    _phantom(folder / "good")
    shutil.copy(next((folder / "good").iterdir()), folder / "poison.dcm")
    (folder / "DOE^JANE.txt").write_text("a letter")
    watching = watch(file, "--features", "none", PYTHONPATH=str(tmp_path / "kills"))
    watching.wait_for("9 slices stored.")
    _phantom(folder / "later", "arrives-2", 78)
    watching.wait_until(lambda: watching.said().count("9 slices stored.") == 2)
    assert watching.end() == 143
    said = watching.said()
    assert said.count("Not taken: 1 reader_crashed.") == 1
    assert said.count("Not taken: 1 not_dicom.") == 1
    assert "DOE" not in said
    assert _ask(file, "SELECT reason FROM dbo.rejected_files ORDER BY reason;") == [("not_dicom",), ("reader_crashed",)]


@pytest.mark.slow
def test_a_database_that_is_away_is_waited_for(
    installed_file: Path, folder: Path, tmp_path: Path, watch: Watch
) -> None:
    """The error is said, no empty database takes its place, and what arrived meanwhile is loaded afterwards."""
    file = copy_to(tmp_path, installed_file)
    watching = watch(file, "--features", "none")
    watching.wait_for("Watching.")
    away = file.rename(tmp_path / "away.db")
    _phantom(folder)
    watching.wait_for("It is tried again.")
    assert not file.exists()
    away.rename(file)
    watching.wait_until(lambda: _ask(file, "SELECT COUNT(*) FROM dbo.scans;") == [(1,)])
    assert watching.end() == 143


def test_once_is_for_cron(installed_file: Path, folder: Path, tmp_path: Path, watch: Watch) -> None:
    """It ends by itself; the second call does nothing, and the status tells what failed."""
    file = copy_to(tmp_path, installed_file)
    _phantom(folder)
    first = watch(file, "--once")
    assert first.process.wait(60) == 0
    assert "1 loaded" in first.said()
    second = watch(file, "--once")
    assert second.process.wait(60) == 0
    assert "Loading" not in second.said()
    failed = watch(file, "--once", "--network", "none of this name")
    assert failed.process.wait(60) == 1
    assert "none of this name" in failed.said()
    afresh = watch(file, "--once", "--afresh")
    assert afresh.process.wait(60) == 0
    assert "1 unchanged" in afresh.said()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--layer", "x"), "give it, too"),
        (("--network", "x", "--features", "make"), "leave it out"),
        (("--settle", "0"), "0 is not supported"),
    ],
)
def test_options_that_contradict_are_refused(
    options: tuple[str, ...], text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the status of wrong usage."""
    with pytest.raises(SystemExit) as caught:
        main(["watch", str(folder), *options])
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_a_folder_or_database_that_is_not_there_ends_it_at_once(
    installed_file: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong path in a unit shows at its start, and makes no file."""
    assert main(["watch", str(folder), "-d", target_of(tmp_path / "none.db")]) == 1
    assert "file is not there" in capsys.readouterr().err
    file = copy_to(tmp_path, installed_file)
    assert main(["watch", str(tmp_path / "none"), "-d", target_of(file), "--keep-ids"]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
