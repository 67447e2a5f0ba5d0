"""What surrounds the call of an external script is the same in every procedure that has one."""

from __future__ import annotations

import pytest

from lungdb.database.generator import read_sources
from lungdb.database.sources import SqlFile
from lungdb.embedded.syntax.lexer import Kind, tokenize
from tests.sql.gates.check import SQL

CALL = "EXECUTE sp_execute_external_script"
LANGUAGE = "@language = @Language,"
READ_LANGUAGE = "EXECUTE internal.ReadSettings @Language OUTPUT"
# In the caller, not in a procedure of its own: who is refused reads the name of the procedure that was called.
REFUSAL = """
IF @ErrorNumber <> 0
BEGIN
    SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
    THROW @ErrorNumber, @Message, 1;
END;
"""
WITHOUT_REFUSAL = {"dbo.CheckRuntime"}
"""Their scripts refuse nothing."""
GOOD = f"""
{READ_LANGUAGE}, @Threads OUTPUT;
{CALL} {LANGUAGE} @script = N'a = 1', @ErrorNumber = @ErrorNumber OUTPUT;
{REFUSAL}
"""


def faults_of_form(text: str, *, refuses: bool) -> list[str]:
    """Say what departs from the one form in a file that calls an external script once.

    Parameters
    ----------
    text : str
        The file.
    refuses : bool
        Whether its script gives an error number and a message back.

    Returns
    -------
    list of str
        Empty where internal.ReadSettings says the language before the call, and the one block throws after it.
    """
    tokens = _spelt(text)
    calls, reads, refusals = (_places(tokens, _spelt(form)) for form in (CALL, READ_LANGUAGE, REFUSAL))
    if len(calls) != 1:
        return [f"there are {len(calls)} calls of a script"]
    faults = []
    if not _places(tokens, _spelt(LANGUAGE)) or "N'external_language'" in tokens:
        faults.append("the language is not the one that was read")
    if len(reads) != 1 or reads[0] > calls[0]:
        faults.append("the language is not read once before the call")
    if len(refusals) != refuses or any(place < calls[0] for place in refusals):
        faults.append("the block that throws what Python refuses is not there once after the call")
    if len(_places(tokens, ["THROW", "@ErrorNumber"])) != len(refusals):
        faults.append("a refusal from Python is thrown in another way")
    return faults


def _spelt(text: str) -> list[str]:
    return [token.text for token in tokenize(text) if token.kind != Kind.END]


def _places(tokens: list[str], form: list[str]) -> list[int]:
    return [place for place in range(len(tokens)) if tokens[place : place + len(form)] == form]


@pytest.fixture(scope="module")
def scripted() -> list[SqlFile]:
    """The procedures that call an external script themselves."""
    return [file for file in read_sources(SQL) if file.runs_script]


def test_every_call_of_a_script_has_the_one_form(scripted: list[SqlFile]) -> None:
    """Token by token: where the language comes from, and how a refusal is thrown on."""
    assert len(scripted) >= 10
    faults = {
        file.makes: found
        for file in scripted
        if (found := faults_of_form(file.text, refuses=file.makes not in WITHOUT_REFUSAL))
    }
    assert faults == {}


def test_one_procedure_reads_the_settings_of_scripts() -> None:
    """The name of the setting stands in no other, so that a new default is made in one place."""
    procedures = [file for file in read_sources(SQL) if file.kind == "procedures"]
    reading = [file.makes for file in procedures if "N'external_language'" in _spelt(file.text)]
    assert reading == ["internal.ReadSettings"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("N'%%'", "N'%'", "block"),
        ("@Message, 1", "@ErrorMessage, 1", "block"),
        ("<> 0", "> 0", "block"),
        (REFUSAL, "", "block"),
        (REFUSAL, REFUSAL + REFUSAL, "block"),
        (REFUSAL, REFUSAL + "THROW @ErrorNumber, N'again', 1;", "another way"),
        (f"{READ_LANGUAGE}, @Threads OUTPUT;", "", "not read once"),
        (LANGUAGE, "@language = N'Python',", "the one that was read"),
        (f"{READ_LANGUAGE}, @Threads OUTPUT;", f"{READ_LANGUAGE}; SELECT N'external_language';", "the one that was"),
        (CALL, "EXECUTE sp_executesql", "0 calls"),
    ],
)
def test_another_form_is_found(old: str, new: str, says: str) -> None:
    """A block that differs by a token, is missing, twice or elsewhere, or a language from elsewhere."""
    assert faults_of_form(GOOD, refuses=True) == []
    assert GOOD.count(old) == 1
    assert any(says in fault for fault in faults_of_form(GOOD.replace(old, new), refuses=True))


def test_a_block_before_the_call_is_found() -> None:
    """There it throws what an earlier call gave."""
    [fault] = faults_of_form(REFUSAL + GOOD.replace(REFUSAL, ""), refuses=True)
    assert "after the call" in fault
