"""Scans, pictures and models that change while a procedure works: what vanished is named, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import connect, run
from lungdb.embedded.running import modules
from lungdb.embedded.running.events import Result
from lungdb.errors import SqlError
from tests.support.databases import copy_to, rows, target_of

GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model'"
RUNS = "FROM dbo.runs WHERE procedure_name = N'GenerateFeatures'"  # the loaders before it left runs, too
GONE = (
    "DELETE FROM dbo.worklist WHERE scan_id = {0}; DELETE FROM dbo.scan_images WHERE scan_id = {0};"
    "DELETE FROM dbo.scans WHERE scan_id = {0};"
)
OTHER = "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', 0x00) WHERE scan_id = {0};"

Meanwhile = Callable[[Callable[[], None]], list[int]]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Give a function that has another one called whenever a script has run and its rows are not yet taken."""

    def install(action: Callable[[], None]) -> list[int]:
        original: Any = modules.run_script
        calls: list[int] = []

        def hooked(*arguments: Any) -> Iterator[Any]:
            for event in original(*arguments):
                if isinstance(event, Result):
                    calls.append(len(calls))
                    action()
                yield event

        monkeypatch.setattr(modules, "run_script", hooked)
        return calls

    return install


def _once(target: str, sql: str) -> Callable[[], None]:
    """Run T-SQL on another connection, the first time that it is asked for."""
    done: list[bool] = []

    def action() -> None:
        if not done:
            done.append(True)
            with closing(connect(target)) as second:
                run(second, sql)

    return action


@pytest.mark.parametrize("change", [GONE, OTHER], ids=["removed", "replaced"])
def test_a_scan_that_changes_while_its_features_are_made_is_named(
    loaded_file: Path, tmp_path: Path, meanwhile: Meanwhile, change: str
) -> None:
    """The other 39 are stored; the run counts the one, and the next call makes what is left."""
    target = target_of(copy_to(tmp_path, loaded_file))
    calls = meanwhile(_once(target, change.format(5)))
    with closing(connect(target)) as connection:
        said: list[str] = []
        with pytest.raises(SqlError, match=r"1 of 40 scans .* scan 5: It was replaced or removed") as caught:
            run(connection, f"{GENERATE};", on_message=lambda each: said.append(each.text))
        assert calls
        assert caught.value.number == 50120
        assert any(text.startswith("Scan 5 ") and "replaced or removed" in text for text in said)
        assert rows(connection, "SELECT COUNT(*) FROM dbo.features WHERE scan_id <> 5;") == [(39,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.features WHERE scan_id = 5;") == [(0,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.scan_failures;") == [(0,)]
        [(status, done, total, failed)] = rows(connection, f"SELECT status, done, total, failed {RUNS};")
        assert (status, done, total, failed) == ("failed", 40, 40, 1)
        if change == GONE:
            run(connection, f"{GENERATE};")


def test_a_scan_removed_between_two_chunks_is_named(loaded_file: Path, tmp_path: Path) -> None:
    """On the first progress message a second connection removes the last scan."""
    target = target_of(copy_to(tmp_path, loaded_file))
    remove = _once(target, GONE.format(40))
    with closing(connect(target)) as connection:
        with pytest.raises(SqlError, match=r"scan 40: It was replaced or removed"):
            run(
                connection,
                f"{GENERATE}, @ChunkMegabytes = 1;",
                on_message=lambda each: remove() if " scans done on " in each.text else None,
            )
        assert rows(connection, "SELECT COUNT(*) FROM dbo.features;") == [(39,)]


def test_a_network_deleted_meanwhile_ends_the_run_with_a_sentence(
    loaded_file: Path, tmp_path: Path, meanwhile: Meanwhile
) -> None:
    """50232, recorded with the run; nothing of the chunk is stored."""
    target = target_of(copy_to(tmp_path, loaded_file))
    meanwhile(_once(target, "DELETE FROM dbo.networks;"))
    with closing(connect(target)) as connection:
        with pytest.raises(SqlError, match="The network was deleted") as caught:
            run(connection, f"{GENERATE};")
        assert caught.value.number == 50232
        assert rows(connection, "SELECT COUNT(*) FROM dbo.features;") == [(0,)]
        [(status, message)] = rows(connection, f"SELECT status, message {RUNS};")
        assert status == "failed"
        assert "The network was deleted" in message


def test_a_model_deleted_while_it_scores_is_told(done_file: Path, tmp_path: Path, meanwhile: Meanwhile) -> None:
    """PredictPatients and PredictLungCancer store nothing: 50232."""
    for number, call in enumerate(("PredictPatients", "PredictLungCancer @PatientIndex = 3")):
        (tmp_path / str(number)).mkdir()
        target = target_of(copy_to(tmp_path / str(number), done_file))
        delete = _once(target, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;")
        meanwhile(delete)
        with closing(connect(target)) as connection:
            if "Index" in call:
                # Its script gives values and no rows, so the model goes before it is stored otherwise.
                [(text,)] = rows(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.StorePredictions'));")
                start = text.index("    BEGIN TRANSACTION;")
                body = "    EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;\n"
                run(connection, text[:start] + body + text[start:])
            with pytest.raises(SqlError, match="The model was deleted while it was scoring") as caught:
                run(connection, f"EXECUTE dbo.{call};")
            assert caught.value.number == 50232
            run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
            assert rows(connection, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]


def test_scans_removed_while_a_model_scores_are_named_and_the_rest_is_stored(
    done_file: Path, tmp_path: Path, meanwhile: Meanwhile
) -> None:
    """Index 6 has no scan any more, index 7 another vector."""
    target = target_of(copy_to(tmp_path, done_file))
    meanwhile(
        _once(
            target,
            "DELETE FROM dbo.pooled_features WHERE scan_id = 7; DELETE FROM dbo.features WHERE scan_id = 7;"
            + GONE.format(7),
        )
    )
    with closing(connect(target)) as connection:
        with pytest.raises(SqlError, match=r"1 patients could not be scored: index 6: Scan or features were replaced"):
            run(connection, "EXECUTE dbo.PredictPatients;")
        assert rows(connection, "SELECT COUNT(*) FROM dbo.predictions;") == [(39,)]


def test_training_keeps_no_lock_while_a_script_runs(done_file: Path, tmp_path: Path, meanwhile: Meanwhile) -> None:
    """Another connection writes during each of its three scripts, which a transaction of the training would forbid."""
    target = target_of(copy_to(tmp_path, done_file))

    def write() -> None:
        with closing(connect(target)) as second:
            run(second, "UPDATE dbo.settings SET value = value WHERE name = N'split_key';")

    calls = meanwhile(write)
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        assert len(calls) == 3
        assert rows(connection, "SELECT COUNT(*) FROM dbo.model_checks;") == [(2,)]


def test_another_connection_sees_how_far_a_run_is(loaded_file: Path, tmp_path: Path) -> None:
    """Each message is a row before the next comes; at the end the run is done and all counted."""
    target = target_of(copy_to(tmp_path, loaded_file))
    seen: list[tuple[Any, ...]] = []
    with closing(connect(target)) as connection, closing(connect(target)) as second:

        def look(message: Any) -> None:
            if " scans done on " in message.text:
                seen.extend(rows(second, f"SELECT status, done, total {RUNS};"))

        run(connection, f"{GENERATE}, @ChunkMegabytes = 1;", on_message=look)
        assert len(seen) > 1
        assert {status for status, *_ in seen} == {"running"}
        assert all(total == 40 for *_, total in seen)
        assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})
        found = rows(
            second,
            "SELECT procedure_name, status, done, total, failed, message, CASE WHEN ended_at >= started_at THEN 1 END "
            f"{RUNS};",
        )
        assert found == [("GenerateFeatures", "done", 40, 40, 0, None, 1)]
        spoken = f"FROM dbo.run_steps WHERE run_id = (SELECT MAX(run_id) {RUNS})"
        steps = rows(second, f"SELECT step, message, done, total {spoken} ORDER BY step;")
        assert [step for step, *_ in steps] == list(range(1, len(steps) + 1))
        assert "40 scans to do" in steps[0][1]
        assert steps[-1][2:] == (40, 40)


def test_a_run_that_is_refused_says_why(loaded_file: Path, tmp_path: Path) -> None:
    """Its row has the error's text; a call whose arguments are wrong leaves no row."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        for sql in (f"{GENERATE}, @BatchSize = 0;", f"{GENERATE}, @Layer = N'100% layer9';"):
            with pytest.raises(SqlError):
                run(connection, sql)
        [(status, message)] = rows(connection, f"SELECT status, message {RUNS};")
        assert status == "failed"
        assert "'100% layer9'" in message


def test_swapped_slices_are_refused(loaded_file: Path, tmp_path: Path) -> None:
    """Two rows of scan 3 change places, each with its own hash: the scan's hash is another one then."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        run(
            connection,
            "UPDATE dbo.scan_images SET slice_index = 100 WHERE scan_id = 3 AND slice_index = 4;"
            "UPDATE dbo.scan_images SET slice_index = 4 WHERE scan_id = 3 AND slice_index = 5;"
            "UPDATE dbo.scan_images SET slice_index = 5 WHERE scan_id = 3 AND slice_index = 100;",
        )
        with pytest.raises(SqlError, match=r"scan 3: The slices are not those that were loaded"):
            run(connection, f"{GENERATE};")
        assert rows(connection, "SELECT scan_id FROM dbo.scan_failures;") == [(3,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.features;") == [(39,)]
