"""What becomes of queued scans when sessions come, go, fail and are cancelled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli import work
from lungdb.database import Connection, connect, run, sql_directory
from lungdb.errors import SqlError
from lungdb.operating.work_kinds import COMMON_TABLES, PICTURES, SCANS, Kind
from tests.support.databases import copy_to, rows, target_of

NETWORK = "@ModelName = N'ResNet_152.model'"
QUEUE = f"EXECUTE dbo.QueueFeatures {NETWORK}"
GENERATE = f"EXECUTE dbo.GenerateFeatures {NETWORK}"
ITEMS = "SELECT CAST(item AS INT), state, attempts FROM dbo.work_items ORDER BY CAST(item AS INT);"
FAILED = "SELECT item, error_number, error FROM dbo.work_items WHERE state = 'failed' ORDER BY item;"
VECTORS = "SELECT scan_id FROM dbo.pooled_features ORDER BY scan_id;"


def _tables(text: str) -> dict[str, str]:
    made = re.findall(r"CREATE TABLE (#\w+) \((.*?)\);", text, re.S)
    return {name: " ".join(columns.split()) for name, columns in made}


def test_whoever_shares_work_makes_the_same_temporary_tables() -> None:
    """A called procedure can make none for its caller, so the texts stand in each, and are the same."""
    procedures = sql_directory() / "procedures"
    first, *others = [
        _tables((procedures / name).read_text(encoding="utf-8"))["#queue"]
        for name in (
            "features/GenerateFeatures.sql",
            "features/FeaturizeImages.sql",
            "explaining/ExplainScans.sql",
            "work/QueueFeatures.sql",
            "work/QueueImages.sql",
        )
    ]
    assert others == [first] * 4


@pytest.mark.parametrize(("kind", "procedure"), [(SCANS, "GenerateFeatures"), (PICTURES, "FeaturizeImages")])
def test_a_worker_makes_the_temporary_tables_of_the_procedure(kind: Kind, procedure: str) -> None:
    """And two of its own."""
    own = _tables(COMMON_TABLES + kind.tables)
    file = sql_directory() / "procedures" / "features" / f"{procedure}.sql"
    made = _tables(file.read_text(encoding="utf-8"))
    shared = own.keys() & made.keys()
    assert own.keys() - shared == {"#job", "#left"}
    assert {name: own[name] for name in shared} == {name: made[name] for name in shared}


@pytest.fixture(scope="module")
def three_file(loaded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the loaded scans, one of them a data set."""
    file = copy_to(tmp_path_factory.mktemp("three"), loaded_file)
    with closing(connect(target_of(file))) as connection:
        for table in ("worklist", "scan_images", "scan_labels", "series_choices", "scans"):
            run(connection, f"DELETE FROM dbo.{table} WHERE scan_id > 3;")
        run(connection, "INSERT INTO dbo.datasets (name, kind) VALUES (N'one', 'scans');")
        run(
            connection,
            "INSERT INTO dbo.dataset_versions (dataset_id, version, chosen_by, members, members_sha256) "
            "SELECT dataset_id, 1, N'{}', 1, 0x00 FROM dbo.datasets WHERE name = N'one'; "
            "INSERT INTO dbo.dataset_members (dataset_version_id, position, scan_id, content_sha256) "
            "SELECT v.dataset_version_id, 1, s.scan_id, s.content_sha256 FROM dbo.dataset_versions AS v "
            "CROSS JOIN dbo.scans AS s WHERE s.scan_id = 1;",
        )
    return file


@pytest.fixture
def three(three_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy to change."""
    with closing(connect(target_of(copy_to(tmp_path, three_file)))) as connection:
        yield connection


@pytest.fixture
def other(three: Connection, tmp_path: Path) -> Iterator[Connection]:
    """Another session on that copy."""
    [file] = tmp_path.glob("*.db")
    with closing(connect(target_of(file))) as connection:
        yield connection


def _linger(connection: Connection) -> None:
    """Take part in every work without end, as a session that was cancelled and whose window is open."""
    run(connection, "EXECUTE sp_getapplock @Resource = N'lingers', @LockMode = 'Exclusive', @LockOwner = 'Session';")
    run(connection, "INSERT INTO dbo.work_sessions (work_id, worker) SELECT work_id, N'lingers' FROM dbo.work;")


def _hold(connection: Connection, other: Connection) -> None:
    """Let the other session hold all that is queued."""
    _linger(other)
    run(
        connection,
        "UPDATE dbo.work_items SET state = 'leased', worker = N'lingers', attempts = 1, "
        "leased_until = DATEADD(HOUR, 1, SYSUTCDATETIME());",
    )


def test_queued_scans_stay_when_a_session_makes_a_part_of_them(three: Connection) -> None:
    """GenerateFeatures within a data set of one makes that; the two others are still open."""
    run(three, f"{QUEUE};")
    run(three, f"{GENERATE}, @Dataset = N'one';")
    assert rows(three, VECTORS) == [(1,)]
    assert [each[:2] for each in rows(three, ITEMS)] == [(1, "done"), (2, "open"), (3, "open")]
    run(three, f"{GENERATE};")
    assert rows(three, VECTORS) == [(1,), (2,), (3,)]
    assert rows(three, "SELECT COUNT(*) FROM dbo.work;") == [(0,)]


def test_features_deleted_since_are_made_again_although_a_session_lingers(three: Connection, other: Connection) -> None:
    """What the lingering session's work calls done is no reason to make nothing, for sessions and for the queue."""
    run(three, f"{QUEUE};")
    _linger(other)
    run(three, f"{GENERATE};")
    assert {state for _, state, _ in rows(three, ITEMS)} == {"done"}
    run(three, "DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    run(three, f"{GENERATE};")
    assert rows(three, VECTORS) == [(1,), (2,), (3,)]
    run(three, "DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    run(three, f"{QUEUE};")
    assert {state for _, state, _ in rows(three, ITEMS)} == {"open"}


def test_what_a_session_was_ended_with_is_tried_alone(three: Connection) -> None:
    """A scan that was tried before goes in a chunk of its own, so that the others do not share its end."""
    run(three, f"{QUEUE};")
    run(three, "UPDATE dbo.work_items SET attempts = 2 WHERE item = N'2';")
    run(three, f"{GENERATE};")
    chunks = rows(three, "SELECT scans FROM dbo.run_steps WHERE scans < 9 ORDER BY step;")
    assert chunks == [(1,), (1,), (1,)]


@pytest.fixture
def worker(three: Connection) -> Connection:
    """That connection with the tables that `lungdb work` makes."""
    run(three, "SET NOCOUNT ON; SET XACT_ABORT ON;")
    run(three, COMMON_TABLES + SCANS.tables)
    return three


def _take(connection: Connection) -> list[dict[str, object]]:
    results = run(connection, "EXECUTE dbo.TakeWork;")
    return results[-1].records() if results else []


def _release(connection: Connection, message: str, number: int | None) -> str:
    sql = "EXECUTE dbo.ReleaseWork @Message = ?, @ErrorNumber = ?;"
    return str(run(connection, sql, (message, number))[-1].scalar())


def test_a_layer_that_is_not_there_does_not_block_the_queue(worker: Connection) -> None:
    """Its scans have failed with the reason at once, for all; the work queued after it is taken; it stays visible."""
    run(worker, f"{QUEUE}, @Layer = N'layer3';")
    run(worker, f"{QUEUE}, @Dataset = N'one';")
    assert _take(worker)[0]["layer"] == "layer3"
    assert _release(worker, "no layer 100% layer3", 50115) == "set aside"
    [found] = _take(worker)
    assert (found["layer"], found["items"]) == ("penultimate", 1)
    _release(worker, "", None)
    assert rows(worker, FAILED) == [(item, 50115, "no layer 100% layer3") for item in ("1", "2", "3")]
    assert ("no layer 100% layer3",) in rows(worker, "SELECT message FROM dbo.runs WHERE status = 'failed';")


FAULTS = {
    "the network deleted": ("DELETE FROM dbo.network_layers; DELETE FROM dbo.networks;", 50102, "was deleted since"),
    "the preprocessing changed": ("UPDATE dbo.preprocessings SET digest = 0x00;", 50391, "has other steps"),
    "the preprocessing gone": ("DELETE FROM dbo.preprocessings WHERE name = N'seed';", 50391, "'seed' was deleted"),
    "the pooling gone": (
        "UPDATE dbo.work SET arguments = REPLACE(arguments, N'max', N'own');",
        50101,
        "The value 'own' for the parameter @Pooling is not supported",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_work_that_nobody_can_do_is_set_aside(worker: Connection, fault: str) -> None:
    """Its items have failed with the reason, it is said once, the work stays until it is dropped or queued again."""
    damage, number, reason = FAULTS[fault]
    run(worker, f"{QUEUE}, @Preprocessing = N'seed', @Pooling = N'max';")
    run(worker, damage)
    said: list[str] = []
    for _ in range(2):
        assert run(worker, "EXECUTE dbo.TakeWork;", on_message=lambda each: said.append(each.text)) == []
    [sentence] = said
    assert sentence.startswith("Work 1 is set aside with the 3 items that were open: ")
    assert reason in sentence
    items = rows(worker, FAILED)
    assert [item for item, *_ in items] == ["1", "2", "3"]
    assert {found for _, found, _ in items} == {number}
    assert all(reason in error for *_, error in items)
    assert rows(worker, "SELECT message FROM dbo.runs WHERE status = 'failed';") == [(sentence,)]


def test_work_that_was_set_aside_is_taken_when_it_is_queued_again(worker: Connection) -> None:
    """After its preprocessing is what it was: the same work, its scans open with no error."""
    run(worker, f"{QUEUE};")
    run(worker, "UPDATE dbo.preprocessings SET digest = CONVERT(VARBINARY(32), REVERSE(digest)) WHERE name = N'lung';")
    assert _take(worker) == []
    run(worker, "UPDATE dbo.preprocessings SET digest = CONVERT(VARBINARY(32), REVERSE(digest)) WHERE name = N'lung';")
    assert run(worker, f"{QUEUE};")[-1].rows == [(1, 3, 3)]
    assert rows(worker, FAILED) == []
    assert _take(worker)[0]["items"] == 3


@pytest.mark.parametrize("number", [50101, 50116, 50340, 50390, 50394, None])
def test_what_the_machine_of_a_worker_lacks_is_left_to_others(
    worker: Connection, other: Connection, number: int | None
) -> None:
    """The worker takes the next work and not that one again; another worker takes it, and nothing counts as tried."""
    run(worker, f"{QUEUE};")
    run(worker, f"{QUEUE}, @Pooling = N'max', @Dataset = N'one';")
    assert _take(worker)[0]["pooling"] == "mean"
    assert _release(worker, "no package here", number) == "left"
    assert _take(worker)[0]["pooling"] == "max"
    assert set(rows(worker, "SELECT state, attempts FROM dbo.work_items WHERE work_id = 1;")) == {("open", 0)}
    run(other, "SET NOCOUNT ON; SET XACT_ABORT ON;")
    run(other, COMMON_TABLES + SCANS.tables)
    [found] = _take(other)
    assert (found["pooling"], found["items"]) == ("mean", 3)
    run(worker, "UPDATE #left SET left_at = DATEADD(MINUTE, -11, left_at); EXECUTE dbo.ReleaseWork;")
    run(other, "EXECUTE dbo.ReleaseWork;")
    assert _take(worker)[0]["pooling"] == "mean"


def test_an_error_of_a_chunk_ends_no_worker_and_fails_a_scan_the_third_time(worker: Connection) -> None:
    """Together once, then each twice alone."""
    run(worker, f"{QUEUE};")
    for scans in (3, 1, 1, 1, 1, 1, 1):
        assert _take(worker)[0]["items"] == scans
        assert _release(worker, "too large", 50231) == "given back"
    assert _take(worker) == []
    failures = rows(worker, "SELECT scan_id, message FROM dbo.scan_failures ORDER BY scan_id;")
    assert failures == [(scan, "Three sessions failed at it, the last with: too large") for scan in (1, 2, 3)]


def test_a_work_is_dropped_and_one_that_is_not_there_is_refused(three: Connection) -> None:
    """DropWork deletes the work and its scans in the queue; 50101 for any other number."""
    [work] = run(three, f"{QUEUE}, @Layer = N'layer3';")[-1].records()
    with pytest.raises(SqlError) as caught:
        run(three, f"EXECUTE dbo.DropWork @WorkId = {work['work_id'] + 1};")
    assert caught.value.number == 50101
    assert run(three, f"EXECUTE dbo.DropWork @WorkId = {work['work_id']};")[-1].rows == [(work["work_id"], 3)]
    assert rows(three, "SELECT COUNT(*) FROM dbo.work_items;") == [(0,)]


def test_a_scan_that_ended_three_sessions_is_kept_among_the_failures(worker: Connection, other: Connection) -> None:
    """The worker's run has failed with a message, and dbo.scan_failures names the scan."""
    run(worker, f"{QUEUE}, @Dataset = N'one';")
    _hold(worker, other)
    _take(worker)
    run(worker, "UPDATE dbo.work_items SET state = 'failed', error_number = 50462, error = N'Three sessions ended';")
    assert _take(worker) == []
    assert rows(worker, "SELECT scan_id, message FROM dbo.scan_failures;") == [(1, "Three sessions ended")]
    [(status, failed, message)] = rows(
        worker, "SELECT TOP (1) status, failed, message FROM dbo.runs ORDER BY run_id DESC;"
    )
    assert (status, failed) == ("failed", 1)
    assert message.startswith("1 of 1 scans failed and have no features")


def test_a_worker_leaves_what_others_hold_for_a_work_that_is_open(worker: Connection, other: Connection) -> None:
    """The oldest work is held by a living session; the newer one is open and is taken, also by one that waited."""
    run(worker, f"{QUEUE}, @Dataset = N'one';")
    _hold(worker, other)
    assert _take(worker)[0]["items"] == 0
    run(worker, f"{QUEUE}, @Pooling = N'max';")
    [found] = _take(worker)
    assert (found["pooling"], found["items"]) == ("max", 3)


def test_a_worker_goes_on_when_the_preprocessing_of_its_work_is_changed(worker: Connection) -> None:
    """Its run ends with a message, and it takes what else is queued."""
    run(worker, f"{QUEUE}, @Preprocessing = N'seed';")
    run(worker, f"{QUEUE};")
    assert _take(worker)[0]["preprocessing"] == "seed"
    run(worker, "UPDATE dbo.preprocessings SET digest = 0x00 WHERE name = N'seed';")
    assert _take(worker)[0]["preprocessing"] == "lung"
    [(ended,), (aside,)] = rows(worker, "SELECT message FROM dbo.runs WHERE status = 'failed' ORDER BY run_id;")
    assert ended == "The network or the preprocessing was deleted or changed meanwhile. What is stored stays."
    assert aside.startswith("Work 1 is set aside with the 3 items that were open: The preprocessing 'seed' was")


@pytest.mark.parametrize("layer", ["typo", "penultimate,typo", "Layer3"])
def test_a_layer_that_the_network_lacks_is_refused_when_it_is_queued(three: Connection, layer: str) -> None:
    """50115, as GenerateFeatures would, with the layers that there are, in their case; nothing is queued."""
    [(details,)] = rows(three, "SELECT details FROM dbo.networks;")
    with pytest.raises(SqlError) as caught:
        run(three, f"{QUEUE}, @Layer = N'{layer}';")
    assert caught.value.number == 50115
    missing = layer.rpartition(",")[2]
    assert caught.value.message.startswith(f"The network has no layer '{missing}'. It has ")
    assert all(name in caught.value.message for name in json.loads(details)["layers"])
    assert rows(three, "SELECT COUNT(*) FROM dbo.work;") == [(0,)]


def test_every_layer_that_is_known_is_queued(three: Connection) -> None:
    """Those that the details name, a tensor of any node, and all where nodes are not listed."""
    [(tensor,)] = rows(three, "SELECT TOP (1) name FROM dbo.network_layers WHERE position > 3 ORDER BY position;")
    for layer in ("layer3,penultimate", tensor):
        assert run(three, f"{QUEUE}, @Layer = N'{layer}';")[-1].rows[0][1:] == (3, 3)
    run(three, "DELETE FROM dbo.network_layers;")
    assert run(three, f"{QUEUE}, @Layer = N'typo';")[-1].rows[0][1:] == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pictures"], "are of what --network queues; give it, too"),
        (["--network", "n", "--pictures", "--pooling", "max"], "leave them out with --pictures"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 2, before any connection is made."""
    with pytest.raises(SystemExit) as caught:
        work.main(["-d", "sqlite:///nowhere/at_all.db", *arguments])
    assert caught.value.code == 2
    assert says in capsys.readouterr().err
