"""What a procedure prints about itself is what its file says: one text, however it is read."""

from __future__ import annotations

import re

import pytest

from lungdb.database import Connection, install, run
from tests.sql.gates.check import SQL
from tests.sql.gates.house import is_internal

PUBLIC = [path for path in sorted((SQL / "procedures").rglob("*.sql")) if not is_internal(path)]
# PRINT cuts what is longer.
MOST_CHARACTERS = 4000
EXAMPLE = """-- Some: says something.
-- Example: EXECUTE dbo.Some @Name = N'a';
CREATE OR ALTER PROCEDURE dbo.Some
    @Name NVARCHAR(20) = N'a', -- a name, or none; it is what is said
    @Count INT = NULL OUTPUT,         -- how many there are
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    PRINT N'help';
END;
"""
CALLS = """    EXECUTE dbo.Some @Name = N'a';
    DECLARE @Count INT;
    EXECUTE dbo.Some @Count = @Count OUTPUT;"""
HELP = f"""dbo.Some says something and counts it.
Parameters:
    @Name NVARCHAR(20) = N'a'  a name, or none; it is what is said
    @Count INT = NULL OUTPUT   how many there are
    @Help BIT = 0              1 prints this help and does nothing else
Examples:
{CALLS}"""


def faults_of_help(name: str, source: str, printed: str) -> list[str]:
    """Say where the help that a procedure prints departs from its file.

    Parameters
    ----------
    name : str
        The procedure, without its schema.
    source : str
        Its file: a parameter a line, with its comment at the end.
    printed : str
        What @Help = 1 prints.

    Returns
    -------
    list of str
        Empty where the help begins with the name, lists every parameter in order with type, default and comment, in
        columns, and ends with example calls.
    """
    faults = []
    found = re.fullmatch(r"(.*)\nParameters:\n(.*)\nExamples?:\n(.*)", printed, re.DOTALL)
    if found is None:
        return ["it does not consist of purpose, parameters and examples"]
    purpose, parameters, examples = found.groups()
    if not re.match(rf"dbo\.{name}\b", purpose):
        faults.append("it does not begin with the name")
    if parameters != _listed(source):
        faults.append(f"its parameters are not those of the file:\n{_listed(source)}")
    if f"EXECUTE dbo.{name}" not in examples:
        faults.append("it has no example call")
    if len(printed) >= MOST_CHARACTERS:  # the engine has cut it already
        faults.append("PRINT cuts it")
    return faults


def _listed(source: str) -> str:
    head = source.partition("CREATE OR ALTER PROCEDURE")[2].partition("\nAS\n")[0]
    declared = re.findall(r"^    (@.*?),? +-- (.*)$", head, re.MULTILINE)
    width = max(len(declaration) for declaration, _ in declared)
    return "\n".join(f"    {declaration:{width}}  {comment}" for declaration, comment in declared)


def test_the_help_of_every_public_procedure_is_what_its_file_says(connection: Connection) -> None:
    """Purpose, parameters with types, defaults and comments, and example calls; and it does nothing else."""
    install(connection)
    assert len(PUBLIC) >= 50
    faults = {
        path.stem: found
        for path in PUBLIC
        if (found := faults_of_help(path.stem, path.read_text(encoding="utf-8"), _help_of(connection, path.stem)))
    }
    assert faults == {}


def _help_of(connection: Connection, procedure: str) -> str:
    messages: list[str] = []
    results = run(connection, f"EXECUTE dbo.{procedure} @Help = 1;", on_message=lambda m: messages.append(m.text))
    assert results == []
    return "\n".join(messages)


def test_a_help_that_says_what_the_file_says_has_no_fault() -> None:
    """Comments may hold commas and semicolons, and a parameter may be OUTPUT."""
    assert faults_of_help("Some", EXAMPLE, HELP) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("N'a'  a name", "N'b'  a name", "parameters"),
        ("INT = NULL", "BIT = NULL", "parameters"),
        ("    @Count INT = NULL OUTPUT   how many there are\n", "", "parameters"),
        ("how many there are", "how many there were", "parameters"),
        ("; it is what is said", "", "parameters"),
        ("  how", "    how", "parameters"),
        ("dbo.Some says", "dbo.Other says", "name"),
        (CALLS, "    EXECUTE dbo.Other;", "example"),
        ("Parameters:", "Arguments:", "consist"),
        ("says something", "says something" + "." * MOST_CHARACTERS, "cuts"),
    ],
)
def test_a_help_that_departs_from_the_file_is_found(old: str, new: str, says: str) -> None:
    """A default, a type, a parameter, a word, a column, the name, an example, a heading, or its end."""
    assert HELP.count(old) == 1
    [fault] = faults_of_help("Some", EXAMPLE, HELP.replace(old, new))
    assert says in fault


def test_parameters_in_another_order_are_found() -> None:
    """The order is that of a call without names."""
    lines = HELP.split("\n")
    lines[2], lines[3] = lines[3], lines[2]
    [fault] = faults_of_help("Some", EXAMPLE, "\n".join(lines))
    assert "parameters" in fault
