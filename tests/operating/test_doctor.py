"""dbo.Doctor finds each fault that is planted, and its statement mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb import SCHEMA_VERSION
from lungdb.cli.main import main
from lungdb.database import Connection, connect, run, sql_directory
from lungdb.errors import SqlError
from lungdb.operating.doctor import Finding
from tests.sql import small_database
from tests.support.databases import contents, copy_to, refused, rows, target_of

SEARCH = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (N'n', 1, N'onnx', 0x00, 0x00, N'{}');
INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'penultimate', N'lung', 2);
INSERT INTO dbo.searches (name, settings, seed, folds, metric, rungs, skip_missing, planned)
VALUES (N's', N'{}', 1, 3, 'auc', 1, 0, 2);
INSERT INTO dbo.search_trials
    (search_id, rung, candidate, feature_set_id, pooling, parameters, state, worker, lease_until, attempts)
VALUES (1, 0, 0, 1, N'mean', N'{}', 'running', N'O''Neil', DATEADD(HOUR, -1, SYSUTCDATETIME()), 1),
    (1, 0, 1, 1, N'mean', N'{}', 'running', N'well', DATEADD(HOUR, 1, SYSUTCDATETIME()), 1);
"""
PYTHON_AGAIN = """
UPDATE dbo.settings SET value = N'Python' WHERE name = N'external_language';
UPDATE dbo.runtime_facts SET language = N'Python';
"""
# What is planted, the check that says so, its state, what it finds, and the statement that mends it, run as it stands.
BY_STATEMENT: dict[str, tuple[str, str, str, str, str]] = {
    "an index": (
        "DROP INDEX IX_runs_status ON dbo.runs;",
        "tables and indexes",
        "fault",
        "index IX_runs_status of dbo.runs is missing.",
        "CREATE INDEX IX_runs_status ON dbo.runs (status);",
    ),
    "a default": (
        "ALTER TABLE dbo.runs DROP CONSTRAINT DF_runs_done;",
        "tables and indexes",
        "fault",
        "default DF_runs_done of dbo.runs is missing.",
        "ALTER TABLE dbo.runs ADD CONSTRAINT DF_runs_done DEFAULT 0 FOR done;",
    ),
    "a foreign key": (
        "ALTER TABLE dbo.scan_failures DROP CONSTRAINT FK_scan_failures_scans;",
        "tables and indexes",
        "fault",
        "foreign key FK_scan_failures_scans of dbo.scan_failures is missing.",
        "ALTER TABLE dbo.scan_failures ADD CONSTRAINT FK_scan_failures_scans FOREIGN KEY (scan_id) "
        "REFERENCES dbo.scans (scan_id) ON DELETE CASCADE;",
    ),
    "a column": (
        "ALTER TABLE dbo.run_steps DROP COLUMN total;",
        "tables and indexes",
        "fault",
        "column total of dbo.run_steps is missing.",
        "ALTER TABLE dbo.run_steps ADD total INT NULL ;",
    ),
    "a lease": (
        SEARCH,
        "leases of searches",
        "fault",
        "1 trials are held by workers whose lease ended",
        "EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N'O''Neil';",
    ),
    "a training's lease": (
        SEARCH + "DELETE FROM dbo.search_trials; UPDATE dbo.searches SET state = 'training', worker = N'w', "
        "lease_until = DATEADD(DAY, -1, SYSUTCDATETIME());",
        "leases of searches",
        "fault",
        "1 trials are held by workers whose lease ended",
        "EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N'w';",
    ),
    "work of a session that ended": (
        "INSERT INTO dbo.work (procedure_name, arguments, digest) VALUES (N'GenerateFeatures', N'{}', 0x01); "
        "INSERT INTO dbo.work_items (work_id, item, bytes, state, worker, leased_until) "
        "SELECT work_id, N'1', 1, 'leased', N'gone', DATEADD(HOUR, 1, SYSUTCDATETIME()) FROM dbo.work;",
        "leases of work",
        "fault",
        "1 items of work are held by sessions that have ended",
        "UPDATE dbo.work_items SET state = 'open' WHERE state = 'leased'",
    ),
    "work that nobody can do": (
        "INSERT INTO dbo.work (procedure_name, arguments, digest, is_queued) "
        "VALUES (N'GenerateFeatures', N'{\"network_id\": 7}', 0x01, 1); "
        "INSERT INTO dbo.work_items (work_id, item, bytes, state, error_number, error) "
        "SELECT work_id, N'1', 1, 'failed', 50102, N'The network was deleted since.' FROM dbo.work;",
        "work set aside",
        "fault",
        " of GenerateFeatures is set aside, 1 items are not done: The network was deleted since.",
        "EXECUTE dbo.DropWork @WorkId = ",
    ),
    "a run": (
        "INSERT INTO dbo.runs (procedure_name) VALUES (N'GenerateFeatures'); "
        "INSERT INTO dbo.runs (procedure_name, status) VALUES (N'GenerateFeatures', 'done');",
        "runs",
        "warning",
        "1 runs ended without a word",
        "UPDATE dbo.runs SET status = 'failed'",
    ),
    "no answer of Python": (
        "DELETE FROM dbo.runtime_facts WHERE name <> N'asked';",
        "runtime",
        "fault",
        "did not answer. After error 39012 the runtime has crashed, most often because numpy is not the 1.22",
        "EXECUTE dbo.CheckRuntime;",
    ),
    "Python never asked": (
        "DELETE FROM dbo.runtime_facts;",
        "runtime",
        "warning",
        "Python was not asked yet.",
        "EXECUTE dbo.CheckRuntime;",
    ),
    "old facts": (
        "UPDATE dbo.runtime_facts SET found_at = DATEADD(DAY, -31, SYSUTCDATETIME());",
        "runtime",
        "warning",
        "Python answered at ",
        "EXECUTE dbo.CheckRuntime;",
    ),
    "facts of another language": (
        "EXECUTE (N'CREATE EXTERNAL LANGUAGE own FROM (CONTENT = N''x.zip'', FILE_NAME = ''y.so'');'); "
        "UPDATE dbo.settings SET value = N'own' WHERE name = N'external_language';",
        "runtime",
        "warning",
        "What is known is of the language Python; the setting external_language is own.",
        "EXECUTE dbo.CheckRuntime;",
    ),
    "a language that is not there": (
        "UPDATE dbo.settings SET value = N'Pyhton' WHERE name = N'external_language';",
        "language",
        "fault",
        "The setting external_language is Pyhton, which is not registered in this database. There are: Python",
        "UPDATE dbo.settings SET value = N'Python' WHERE name = N'external_language';",
    ),
    "a provider that is not there": (
        "UPDATE dbo.settings SET value = N'cuda:1, cpu' WHERE name = N'providers'; "
        "UPDATE dbo.runtime_facts SET value = N'CPUExecutionProvider' WHERE name = N'execution providers';",
        "providers",
        "warning",
        "The setting providers names what is not there: cuda.",
        "UPDATE dbo.settings SET value = NULL WHERE name = N'providers';",
    ),
}

# What is planted in the facts of Python; a command on the server mends it, after which CheckRuntime finds other facts.
BY_COMMAND: dict[str, tuple[str, str, str, str, str]] = {
    "numpy 2": (
        "INSERT INTO dbo.runtime_facts (name, value, language) VALUES (N'numpy of the runtime', N'1.22', N'Python'); "
        "UPDATE dbo.runtime_facts SET value = N'2.0.1' WHERE name = N'numpy';",
        "numpy",
        "fault",
        "numpy 2.0.1; the runtime needs 1.22 or a later 1.x. With another it crashes at its first script",
        'python -m pip install "numpy==1.22.*"',
    ),
    "a numpy that is older than the runtime's": (
        "INSERT INTO dbo.runtime_facts (name, value, language) VALUES (N'numpy of the runtime', N'1.22', N'Python'); "
        "UPDATE dbo.runtime_facts SET value = N'1.9.5' WHERE name = N'numpy';",
        "numpy",
        "fault",
        "numpy 1.9.5; the runtime needs 1.22",
        'python -m pip install "numpy==1.22.*"',
    ),
    "an old Python": (
        "UPDATE dbo.runtime_facts SET value = N'3.7.2 on Windows AMD64' WHERE name = N'Python';",
        "Python",
        "fault",
        "3.7.2 on Windows AMD64: the procedures need Python 3.10 or later.",
        "Register a Python 3.10 with the server",
    ),
    "numpy of another folder": (
        "UPDATE dbo.runtime_facts SET value = N'C:\\Users\\x\\numpy' WHERE name = N'folder of numpy';",
        "site-packages",
        "warning",
        "but numpy comes from C:\\Users\\x\\numpy",
        "python -m pip install --upgrade --force-reinstall -c constraints-sqlserver.txt --target",
    ),
    "a package that is not there": (
        "UPDATE dbo.runtime_facts SET value = N'not installed: run pip install isal' WHERE name = N'isal';",
        "packages",
        "fault",
        "isal: not installed: run pip install isal",
        'python -m pip install -c constraints-sqlserver.txt ".[cpu]"',
    ),
    "an older package": (
        "UPDATE dbo.runtime_facts SET value = N'9' WHERE name = N'schema version';",
        "package version",
        "fault",
        f"for schema version 9; the database has {SCHEMA_VERSION}.",
        "python -m pip install",
    ),
    "a newer package": (
        f"UPDATE dbo.runtime_facts SET value = N'{SCHEMA_VERSION + 1}' WHERE name = N'schema version';",
        "package version",
        "fault",
        f"for schema version {SCHEMA_VERSION + 1}; the database has {SCHEMA_VERSION}.",
        "lungdb install -d TARGET",
    ),
    "networks that do not run": (
        "UPDATE dbo.runtime_facts SET value = N'not known: no onnx' WHERE name = N'networks run on';",
        "providers",
        "fault",
        "networks run on not known: no onnx.",
        "python -m pip install",
    ),
    "a GPU that is not used": (
        "UPDATE dbo.runtime_facts SET value = N'NVIDIA T4' WHERE name = N'GPU';",
        "GPU",
        "warning",
        "A script sees NVIDIA T4, but networks run on the CPU.",
        'python -m pip install ".[gpu]"',
    ),
}

# What installing again mends: what is planted, the check that says so, and what it finds.
BY_INSTALLING = (
    ("DELETE FROM dbo.schema_version WHERE version = 9;", "schema version", "dbo.schema_version lacks 9."),
    ("DROP PROCEDURE internal.CheckRows;", "views and procedures", "These are missing: internal.CheckRows."),
    ("DROP VIEW dbo.champions;", "views and procedures", "These are missing: dbo.champions, internal.CheckRows."),
    ("DROP TABLE dbo.animations;", "tables and indexes", "table dbo.animations is missing."),
    (
        "DELETE FROM dbo.declared_members; DELETE FROM dbo.declared_columns;",
        "tables and indexes",
        "0 tables and 0 keys",
    ),
)


@pytest.fixture(scope="module")
def mended(asked_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to one copy, for tests that leave it as well as they found it."""
    with closing(connect(target_of(copy_to(tmp_path_factory.mktemp("mended"), asked_file)))) as connection:
        yield connection


def doctor(connection: Connection) -> list[Finding]:
    """Give the rows of dbo.Doctor."""
    return [Finding(*row[:3], mend=row[3] or "") for row in rows(connection, "EXECUTE dbo.Doctor;")]


def planted(connection: Connection, plant: str, check: str) -> Finding:
    """Plant a fault; give the row of the check that is meant."""
    run(connection, plant)
    return next(each for each in doctor(connection) if each.check == check)


def test_nothing_is_found_after_installing(mended: Connection) -> None:
    """Each check is a row, and none of them is a fault or a warning; nothing was changed by asking."""
    before = contents(mended)
    found = doctor(mended)
    assert {each.state for each in found} == {"ok", "not applicable"}
    assert len({each.check for each in found}) == len(found) >= 28
    assert not [each for each in found if each.mend]
    assert contents(mended) == before


@pytest.mark.parametrize("name", BY_STATEMENT)
def test_a_fault_is_found_and_its_statement_mends_it(mended: Connection, name: str) -> None:
    """The right row says so, its mend is run as it stands, and the next call says that it is well."""
    plant, check, state, says, mend = BY_STATEMENT[name]
    is_script = "CheckRuntime" in mend  # a script runs in no transaction
    if not is_script:
        run(mended, "BEGIN TRANSACTION;")
    found = planted(mended, plant, check)
    assert (found.state, says in found.found) == (state, True), found
    assert found.mend.startswith(mend)
    run(mended, found.mend)
    assert {each.state for each in doctor(mended) if each.check == check} == {"ok"}
    run(mended, PYTHON_AGAIN if is_script else "ROLLBACK TRANSACTION;")


@pytest.mark.parametrize("name", BY_COMMAND)
def test_what_ails_python_is_found_and_names_the_command(mended: Connection, name: str) -> None:
    """The command is for the server; with other facts the check has nothing to say."""
    plant, check, state, says, mend = BY_COMMAND[name]
    run(mended, "BEGIN TRANSACTION;")
    found = planted(mended, plant, check)
    run(mended, "ROLLBACK TRANSACTION;")
    assert (found.state, says in found.found) == (state, True), found
    assert mend in found.mend
    assert {each.state for each in doctor(mended) if each.check == check} <= {"ok", "not applicable"}


def test_a_runtime_that_was_mended_is_well_when_it_is_asked_again(mended: Connection) -> None:
    """CheckRuntime replaces what was known; here numpy is the embedded engine's, which may be any."""
    plant, check, *_ = BY_COMMAND["numpy 2"]
    assert planted(mended, plant, check).state == "fault"
    run(mended, "EXECUTE dbo.CheckRuntime;")
    assert {each.state for each in doctor(mended)} == {"ok", "not applicable"}


def test_what_installing_mends_says_so(asked_file: Path, tmp_path: Path) -> None:
    """A version, a procedure, a view, a table, and the list itself; the command that stands there mends all of it."""
    target = target_of(copy_to(tmp_path, asked_file))
    mends = set()
    with closing(connect(target)) as connection:
        for plant, check, says in BY_INSTALLING:
            run(connection, plant)
            [found] = [each for each in doctor(connection) if each.check == check and says in each.found]
            assert found.state == "fault"
            mends.add(found.mend)
    assert mends == {"lungdb install -d TARGET"}
    assert main(["install", "-d", target]) == 0
    with closing(connect(target)) as connection:
        assert {each.state for each in doctor(connection)} == {"ok", "not applicable"}


def test_scans_that_failed_are_named_until_their_features_are_made(asked: Connection) -> None:
    """By number, and the statement makes the features."""
    small_database.fill(asked, 2, 0)
    found = planted(asked, "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (2, N'damaged');", "failed scans")
    assert (found.state, found.found[:57]) == ("warning", "1 scans could not be read the last time, the first scan_i")
    run(asked, found.mend)
    assert next(each.state for each in doctor(asked) if each.check == "failed scans") == "ok"


def test_a_procedure_that_lost_its_signature_is_found(asked_file: Path, tmp_path: Path) -> None:
    """Made again since it was signed; the script that signs, named in the row, mends it."""
    target = target_of(copy_to(tmp_path, asked_file))
    script = str(sql_directory() / "roles" / "sign.sql")
    assert main(["sql", "-d", target, "-i", script]) == 0
    with closing(connect(target)) as connection:
        assert next(each.state for each in doctor(connection) if each.check == "signatures") == "ok"
        [(text,)] = rows(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'dbo.CheckRuntime'));")
        taken = "REVOKE EXECUTE ANY EXTERNAL SCRIPT FROM lungdb_scripts;"
        assert "lost EXECUTE ANY EXTERNAL SCRIPT" in planted(connection, taken, "signatures").found
        found = planted(connection, text, "signatures")
    assert (found.state, found.found) == ("fault", "Altered or made since they were signed: dbo.CheckRuntime.")
    assert found.mend == "lungdb sql -d TARGET -i sql/roles/sign.sql"
    assert main(["sql", "-d", target, "-i", script]) == 0
    with closing(connect(target)) as connection:
        assert {each.state for each in doctor(connection)} == {"ok", "not applicable"}


def test_without_python_the_doctor_is_there_and_does_not_miss_it(sql_only_file: Path, tmp_path: Path) -> None:
    """On Express or Azure SQL Database, installed by install_sql_only.sql: what is of Python is not applicable."""
    target = target_of(copy_to(tmp_path, sql_only_file))
    with closing(connect(target)) as connection:
        states = {each.check: each.state for each in doctor(connection)}
        assert rows(connection, "SELECT OBJECT_ID(N'dbo.CheckRuntime');") == [(None,)]
    assert set(states.values()) == {"ok", "not applicable"}
    assert {states[name] for name in ("runtime", "numpy", "providers", "signatures", "language")} == {"not applicable"}
    assert states["tables and indexes"] == states["views and procedures"] == "ok"
    assert main(["doctor", "-d", target]) == 0


def test_a_crash_of_the_runtime_leaves_a_trace(asked: Connection) -> None:
    """The script never comes back: the doctor says that Python was asked, and what was known before stays."""
    known = "SELECT name, value FROM dbo.runtime_facts WHERE name <> N'asked' ORDER BY name;"
    before = rows(asked, known)
    run(asked, "UPDATE dbo.settings SET value = N'none' WHERE name = N'external_language';")
    with pytest.raises(SqlError) as caught:
        run(asked, "EXECUTE dbo.CheckRuntime;")
    assert caught.value.number == 39020
    assert rows(asked, "SELECT value, language FROM dbo.runtime_facts WHERE name = N'asked';") == [(None, "none")]
    found = next(each for each in doctor(asked) if each.check == "runtime")
    assert (found.state, found.found.startswith("none was asked at")) == ("fault", True)
    assert found.found.endswith("What is said of Python below is its last answer.")
    assert len(before) > 5
    assert rows(asked, known) == before
    run(asked, "UPDATE dbo.settings SET value = N'Python' WHERE name = N'external_language'; EXECUTE dbo.CheckRuntime;")
    assert next(each.state for each in doctor(asked) if each.check == "runtime") == "ok"


def test_check_installation_is_the_doctor_still(mended: Connection) -> None:
    """The former name gives the same rows."""
    assert rows(mended, "EXECUTE dbo.CheckInstallation;") == rows(mended, "EXECUTE dbo.Doctor;")


@pytest.mark.parametrize(
    "arguments", ["@ChunkMegabytes = 0", "@ChunkMegabytes = 513", "@Sessions = 0", "@Sessions = NULL"]
)
def test_arguments_that_make_no_sense_are_refused(mended: Connection, arguments: str) -> None:
    """With the value and what is supported."""
    assert "is not supported. Supported values are 1 to " in refused(mended, f"EXECUTE dbo.Doctor {arguments};", 50101)


def test_the_doctor_works_inside_a_transaction(asked: Connection) -> None:
    """What it cannot read is caught, and the caller's transaction lives on."""
    run(asked, "BEGIN TRANSACTION; UPDATE dbo.settings SET value = N'1' WHERE name = N'threads';")
    assert len(doctor(asked)) >= 28
    run(asked, "COMMIT TRANSACTION;")
    assert rows(asked, "SELECT value FROM dbo.settings WHERE name = N'threads';") == [("1",)]
