"""No refusal leaves a run of dbo.runs to show as "ended without a word": before each there is an EndRun that stays."""

from __future__ import annotations

import pytest

from lungdb.embedded.syntax.statement_tree import CreateModule, Execute
from lungdb.embedded.syntax.statements import parse_batch
from tests.sql.gates.check import SQL
from tests.support.run_ends import RunEnds, called, read_procedures, statements_of

PROCEDURES = read_procedures(SQL / "procedures")
ENDS = RunEnds(PROCEDURES)
BEGIN = "EXECUTE internal.StartRun N'x', @RunId OUTPUT; "
END = "EXECUTE internal.EndRun @RunId, 0, N'x'; "
THROW = "THROW 50101, N'x', 1; "
TOLD = "ROLLBACK TRANSACTION; " + END


def _ends(**bodies: str) -> RunEnds:
    """Procedures of these bodies; each has a parameter @RunId, which hands_on gives back."""
    modules: dict[str, CreateModule] = {}
    for name, body in bodies.items():
        output = " OUTPUT" if name == "hands_on" else ""
        [module] = parse_batch(f"CREATE PROCEDURE dbo.{name} @RunId INT = NULL{output} AS BEGIN {body} END;").statements
        assert isinstance(module, CreateModule)
        modules[name] = module
    return RunEnds(modules)


@pytest.mark.parametrize("name", ENDS.starters())
def test_every_refusal_behind_the_start_of_a_run_has_its_end_before_it(name: str) -> None:
    """Each that is found is the chain of procedures and lines that leads to the THROW."""
    assert not ENDS.without_a_word(name), "\n".join(ENDS.without_a_word(name))


@pytest.mark.parametrize(
    "body",
    [
        BEGIN + THROW,
        BEGIN + "IF 1 = 1 BEGIN " + THROW + "END;",
        BEGIN + "IF 1 = 2 " + END + "IF 1 = 1 " + THROW,
        BEGIN + "EXECUTE dbo.refuses;",
        BEGIN + "EXECUTE dbo.says;",
        BEGIN + "EXECUTE dbo.deeper;",
        BEGIN + "BEGIN TRANSACTION; " + END + THROW,
        BEGIN + "BEGIN TRANSACTION; EXECUTE dbo.says @RunId;",
        BEGIN + "BEGIN TRY EXECUTE dbo.refuses; END TRY BEGIN CATCH THROW; END CATCH;",
        BEGIN + "BEGIN TRY EXECUTE dbo.refuses; END TRY BEGIN CATCH " + END + "THROW; END CATCH;",
        BEGIN + "EXECUTE dbo.has_its_own @RunId;",
        BEGIN + "WHILE 1 = 1 BEGIN EXECUTE dbo.refuses; END;",
        BEGIN + "RAISERROR(N'x', 16, 1);",
        END + BEGIN + THROW,
        "EXECUTE dbo.hands_on @RunId OUTPUT; " + THROW,
    ],
)
def test_a_refusal_without_an_end_is_found(body: str) -> None:
    """Also deeper, in a loop, where the run was not handed down, and where the end is lost with a transaction."""
    ends = _ends(
        outer_one=body,
        refuses=THROW,
        says=END + THROW,
        deeper="EXECUTE dbo.refuses;",
        has_its_own=BEGIN + END + THROW,
        hands_on=BEGIN,
    )
    assert ends.without_a_word("outer_one")


@pytest.mark.parametrize(
    "body",
    [
        THROW + BEGIN + END,
        "EXECUTE dbo.refuses; " + BEGIN + END,
        BEGIN + END + THROW,
        BEGIN + "IF 1 = 1 " + END + "IF 1 = 1 " + THROW,
        BEGIN + "IF 1 = 1 " + END + "IF 1 = 1 AND 2 = 2 EXECUTE dbo.refuses;",
        BEGIN + "EXECUTE dbo.says @RunId;",
        BEGIN + "BEGIN TRANSACTION; " + TOLD + THROW,
        BEGIN + "BEGIN TRY EXECUTE dbo.refuses; END TRY BEGIN CATCH IF @@TRANCOUNT > 0 " + TOLD + "THROW; END CATCH;",
        BEGIN + "BEGIN TRY EXECUTE dbo.refuses; END TRY BEGIN CATCH SET @RunId = 1; END CATCH;" + END,
        BEGIN + "RAISERROR(N'x', 0, 1);" + END,
        BEGIN + END + "EXECUTE dbo.has_its_own;",
    ],
)
def test_a_refusal_with_its_end_is_none(body: str) -> None:
    """Before the run begins, after it has ended, and behind an end of the same condition or the same CATCH."""
    ends = _ends(outer_one=body, refuses=THROW, says=END + THROW, has_its_own=BEGIN + END + THROW)
    assert not ends.without_a_word("outer_one")


# They serve a request in milliseconds, or look at one row.
SHORT = {
    "checkruntime",
    "comparefigures",
    "predictlungcancer",
    "previewpreprocessing",
    "registerextensions",
    "rendermap",
    "similarpatients",
    "storepreprocessing",
}


def test_every_public_procedure_with_a_script_has_a_run_or_is_short() -> None:
    """Also where a procedure that it calls runs the script."""
    scripted = {name for name in PROCEDURES if "sp_execute_external_script" in ENDS.reached(name)}
    public = {name for name, module in PROCEDURES.items() if module.name[0] == "dbo"}
    assert {name for name in scripted & public if "startrun" not in ENDS.reached(name)} == SHORT


def test_every_run_is_begun_with_its_arguments() -> None:
    """The third argument of StartRun; StartRun itself may be given none."""
    bare = {
        name
        for name, module in PROCEDURES.items()
        for statement in statements_of(module.body)
        if isinstance(statement, Execute) and called(statement) == "startrun" and len(statement.arguments) < 3
    }
    assert not bare
