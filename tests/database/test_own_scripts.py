"""Which scripts are our own, by what stands in sql/; the processes that they share neither grow nor mix calls."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import lungdb.procedures
from lungdb.config import Settings
from lungdb.database import Connection, connect, run, sql_directory
from lungdb.database.own_scripts import script_hashes, trusted_scripts
from lungdb.embedded.satellite.pool import POOL
from lungdb.embedded.syntax.lexer import tokenize
from lungdb.errors import LungdbError
from tests.embedded.scripts import wait_for_end
from tests.support.databases import copy_to, rows, target_of

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes stay on Linux only")

PREDICT = "DECLARE @Result FLOAT; EXECUTE dbo.PredictLungCancer @PatientIndex = ?, @PredictionResult = @Result OUTPUT;"


def test_the_scripts_are_those_that_the_procedures_call() -> None:
    """As the engine's lexer reads the text that installs them."""
    tokens = tokenize((sql_directory() / "install.sql").read_text(encoding="utf-8"))
    words = [each.text.lower() for each in tokens]
    # RunOnDataset has a parameter of that name, and the script that it calls is the caller's own.
    named = [place for place, word in enumerate(words) if word == "@script" and words[place + 1] == "="]
    scripts = [tokens[place + 2].value for place in named if words[place + 2].startswith(("n'", "'"))]
    assert len(scripts) == words.count("sp_execute_external_script") - 1
    assert {hashlib.sha256(each.encode()).digest() for each in scripts} == script_hashes()


def test_no_function_that_our_scripts_call_takes_hexadecimal_text_alone() -> None:
    """What a query writes so comes as bytes here: `imaging.codecs.from_hex` reads both."""
    (folder,) = lungdb.procedures.__path__
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path(folder).glob("*.py")}
    assert any("from_hex(" in text for text in texts.values())
    assert [name for name, text in texts.items() if "fromhex(" in text] == []


@pytest.mark.parametrize(
    ("name", "value"), [("worker_calls", "0"), ("worker_megabytes", "much"), ("worker_seconds", "-1")]
)
def test_a_limit_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    """By name, with its value."""
    with pytest.raises(LungdbError, match=rf"{name} is '{value}'"):
        trusted_scripts(Settings(**{name: value}))


def test_no_script_is_ended_for_taking_long_unless_a_site_says_so() -> None:
    """A training may take hours."""
    assert trusted_scripts(Settings()).seconds is None
    assert trusted_scripts(Settings(worker_seconds="90")).seconds == 90


@pytest.fixture
def alone() -> Iterator[None]:
    """No process of another test serves the calls of this one."""
    POOL.close()
    yield
    POOL.close()


def workers() -> set[int]:
    """Return the processes that stay."""
    found: set[int] = set()
    for each in POOL._all:
        found.update(map(int, Path(f"/proc/{each.pid}/task/{each.pid}/children").read_text().split()))
    return found


def resident(process: int) -> int:
    """Return the memory that a process holds, in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def predicted(connection: Connection, index: int) -> Any:
    """Return what PredictLungCancer says."""
    return run(connection, PREDICT, (index,))[-1].scalar()


@on_linux
def test_predictions_share_a_process_and_those_of_two_databases_do(
    alone: None, trained: Connection, trained_file: Path, tmp_path: Path
) -> None:
    """Each gives what it gave alone; a model is told by its content, so no database gets another's."""
    (tmp_path / "other").mkdir()
    with closing(connect(target_of(copy_to(tmp_path / "other", trained_file)))) as other:
        run(other, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5, @Seed = 11;")
        expected = {
            (place, index): predicted(each, index) for place, each in enumerate((trained, other)) for index in range(4)
        }
        assert len(workers()) == 1
        again = {
            (place, index): predicted(each, index) for index in range(4) for place, each in enumerate((trained, other))
        }
        assert again == expected
        assert len(workers()) == 1


@on_linux
def test_a_procedure_that_was_changed_in_the_file_has_processes_of_its_own(alone: None, trained: Connection) -> None:
    """A file cannot name a script as ours: its own has a process a call, which is gone after it."""
    run(
        trained,
        """
        CREATE OR ALTER PROCEDURE dbo.CheckRuntime @Help BIT = 0 AS
        EXECUTE sp_execute_external_script @language = N'Python', @script = N'
import os
OutputDataSet = __import__("pandas").DataFrame({"process": [os.getpid()]})';
    """,
    )
    found = [rows(trained, "EXECUTE dbo.CheckRuntime;")[0][0] for _ in range(2)]
    assert found[0] != found[1]
    assert all(wait_for_end(each) for each in found)


FEATURES = """
    SELECT f.scan_id, f.array, p.pooling, p.vector FROM dbo.features AS f
    INNER JOIN dbo.pooled_features AS p ON p.scan_id = f.scan_id AND p.feature_set_id = f.feature_set_id
    ORDER BY f.scan_id, f.feature_set_id, p.pooling;"""


@on_linux
def test_features_are_the_same_bit_for_bit_in_a_process_that_stays(
    alone: None, done_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices come as bytes, and the network is open already: as from a process a call that is sent hexadecimal text."""
    generate = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'mean,max', @Recompute = 1;"
    found = []
    for is_trusted in (True, False):
        if not is_trusted:
            monkeypatch.setattr("lungdb.database.own_scripts.script_hashes", frozenset)
        (tmp_path / str(is_trusted)).mkdir()
        with closing(connect(target_of(copy_to(tmp_path / str(is_trusted), done_file)))) as connection:
            run(connection, "UPDATE dbo.features SET array = 0x; UPDATE dbo.pooled_features SET vector = N'[0]';")
            for _ in range(2):
                run(connection, generate)
            found.append(rows(connection, FEATURES))
            assert len(workers()) == is_trusted
        POOL.close()
    assert found[0] == found[1]
    assert min(len(array) for _, array, _, _ in found[0]) > 0


def grown(connection: Connection, calls: int) -> int:
    """Return by how many bytes a process is larger after so many predictions than early on.

    It is the one that serves them or this one, whichever has grown more.
    """
    for index in range(30):
        predicted(connection, index)
    (worker,) = workers()
    before = resident(worker), resident(os.getpid())
    for index in range(calls):
        predicted(connection, index % 100)
    assert workers() == {worker}
    return max(resident(worker) - before[0], resident(os.getpid()) - before[1])


@on_linux
def test_three_hundred_predictions_leave_both_processes_as_large_as_they_were(alone: None, trained: Connection) -> None:
    """A vector, a booster or a frame that stayed would show: 300 times the model alone is more."""
    assert grown(trained, 300) < 3_000_000


@on_linux
@pytest.mark.slow
def test_ten_thousand_predictions_leave_both_processes_as_large_as_they_were(
    alone: None, trained_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one connection, in one process beside this one."""
    monkeypatch.setenv("LUNGDB_WORKER_CALLS", "20000")
    with closing(connect(target_of(copy_to(tmp_path, trained_file)))) as connection:
        assert grown(connection, 10_000) < 6_000_000
