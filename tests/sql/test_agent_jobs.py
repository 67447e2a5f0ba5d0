"""The script for SQL Server Agent: what it calls in msdb, what its steps run, and where there is no Agent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.database.sources import read_file
from lungdb.operating.jobs import JOBS
from tests.sql.gates.check import SQL
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.parser import parse
from tests.sql.gates.tree import Script

SCRIPT = SQL / "agent" / "jobs.sql"
# Parameters as the pages learn.microsoft.com/sql/relational-databases/system-stored-procedures/… give them, read as
# the repository MicrosoftDocs/sql-docs has them: sp-add-job, sp-add-jobstep and sp-add-jobserver of 03/14/2017,
# sp-add-jobschedule of 07/28/2016, sp-delete-job of 08/22/2024.
DOCUMENTED = {
    "msdb.dbo.sp_add_job": "job_name enabled description start_step_id category_name category_id owner_login_name "
    "notify_level_eventlog notify_level_email notify_level_netsend notify_level_page notify_email_operator_name "
    "notify_netsend_operator_name notify_page_operator_name delete_level job_id",
    "msdb.dbo.sp_add_jobstep": "job_id job_name step_id step_name subsystem command additional_parameters "
    "cmdexec_success_code on_success_action on_success_step_id on_fail_action on_fail_step_id server database_name "
    "database_user_name retry_attempts retry_interval os_run_priority output_file_name flags proxy_id proxy_name",
    "msdb.dbo.sp_add_jobschedule": "job_id job_name name enabled freq_type freq_interval freq_subday_type "
    "freq_subday_interval freq_relative_interval freq_recurrence_factor active_start_date active_end_date "
    "active_start_time active_end_time schedule_id",
    "msdb.dbo.sp_add_jobserver": "job_id job_name server_name",
    "msdb.dbo.sp_delete_job": "job_id job_name originating_server delete_history delete_unused_schedule",
}

needs_parser = pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)


@pytest.fixture(scope="module")
def script() -> Script:
    """The script as Microsoft's parser reads it."""
    return parse(SCRIPT.read_text(encoding="utf-8"))


def test_it_calls_msdb_with_parameters_that_microsoft_documents() -> None:
    """Each of the five procedures is called, and by no parameter that its page lacks."""
    text = SCRIPT.read_text(encoding="utf-8")
    names = dict(re.findall(r"(@\w+) NVARCHAR\(128\) = N'(msdb\.dbo\.\w+)'", text))
    calls = re.findall(r"EXECUTE (@\w+)\s+(.*?);", text, re.DOTALL)
    assert {names[variable] for variable, _ in calls} == set(DOCUMENTED)
    for variable, arguments in calls:
        given = re.findall(r"(@\w+) = ", arguments)
        assert given
        assert {each.removeprefix("@") for each in given} <= set(DOCUMENTED[names[variable]].split()), variable


@needs_parser
def test_no_name_of_msdb_is_looked_up_before_the_edition_is_asked(script: Script) -> None:
    """Azure SQL Database refuses a batch that names another database; in texts and variables it is no name yet."""
    named = [
        name.parts["DatabaseIdentifier"][0].text("Value")
        for name in script.find("SchemaObjectName")
        if "DatabaseIdentifier" in name.parts
    ]
    assert named == []
    assert not script.faults


def _texts() -> dict[str, str]:
    """Give the T-SQL that stands in the script's texts: steps, the guard, the comparison with what is there."""
    literals = re.findall(r"N'((?:[^']|'')*)'", SCRIPT.read_text(encoding="utf-8"))
    plain = [each.replace("''", "'") for each in literals]
    return {
        "features": next(each for each in plain if each.startswith("EXECUTE dbo.GenerateNewFeatures")),
        "scores": next(each for each in plain if each.startswith("IF OBJECT_ID(N'dbo.ScoreNewScans')")),
        "drift": next(each for each in plain if each.startswith("EXECUTE dbo.CheckServedDrift")) + "90;",
        "purge": next(each for each in plain if each.startswith("EXECUTE dbo.PurgeLog"))
        + "365, @KeepAuditDays = 3650;",
        "hashes": next(each for each in plain if each.startswith("EXECUTE dbo.CheckHashes")),
        "difference": next(each for each in plain if "FULL JOIN" in each),
        "guard": _guard(plain),
    }


def _guard(plain: list[str]) -> str:
    begin = next(place for place, each in enumerate(plain) if each.startswith("DECLARE @Database NVARCHAR(128) = N'"))
    rest = [each for each in plain[begin:] if each.startswith((", @IsPrimary", "', @IsPrimary", ", N'This replica"))]
    return plain[begin] + "ct" + rest[0] + "50474" + rest[1]


@needs_parser
@pytest.mark.parametrize("name", ["features", "scores", "drift", "purge", "hashes", "difference", "guard"])
def test_what_a_step_runs_parses(name: str) -> None:
    """The texts are T-SQL to Microsoft's parser, too."""
    faults = parse(_texts()[name]).faults
    assert not faults, faults


def test_the_steps_call_what_the_command_calls() -> None:
    """The same procedures as `lungdb job`, each made by a file, with parameters that the file declares."""
    texts = _texts()
    called = re.findall(
        r"EXECUTE dbo\.(\w+)(?: (@\w+) =)?", "\n".join(texts[name] for name in texts if name != "guard")
    )
    assert {name for name, _ in called} == {each for job in JOBS.values() for each in job.procedures} | {"CheckHashes"}
    for name, parameter in called:
        for path in SQL.rglob(f"procedures/**/{name}.sql"):
            assert read_file(SQL, path).makes == f"dbo.{name}"
            assert not parameter or f"    {parameter} " in path.read_text(encoding="utf-8")


def test_where_there_is_no_agent_a_sentence_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The embedded engine is such an edition; nothing is made, and the way out is named."""
    assert main(["sql", "-d", f"sqlite:///{tmp_path / 'a.db'}", "-i", str(SCRIPT)]) == 1
    printed = capsys.readouterr()
    assert "This edition has no SQL Server Agent. Nothing was done." in printed.err
    assert "lungdb job" in printed.err
    assert printed.err.count("Msg ") == 1
