"""A variable goes to the parameter that it is meant for, which no engine can see where the types agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from tests.sql.gates.check import SQL

HEAD = re.compile(r"CREATE OR ALTER PROCEDURE (\S+)(.*?)^AS$", re.DOTALL | re.MULTILINE)
PARAMETER = re.compile(r"^\s*(@\w+) ", re.MULTILINE)
LEFT_OUT = re.compile(r"--[^\n]*|N?'(?:[^']|'')*'")
CALL = re.compile(r"\bEXECUTE (?:@\w+ = )?((?:internal|dbo)\.\w+)\s*([^;]*);")
NAMED = re.compile(r"(@\w+) = (@\w+)")


def _misplaced(texts: Iterable[str]) -> Iterator[str]:
    """Find variables that are given for a parameter of another name.

    Either their own parameter is there and given something else, or what is named an id is given for what is not.
    """
    sources = [LEFT_OUT.sub("''", text) for text in texts]
    parameters = {name: PARAMETER.findall(head) for text in sources for name, head in HEAD.findall(text)}
    for text in sources:
        for called, arguments in CALL.findall(HEAD.sub("", text)):
            names = parameters.get(called, [])
            given = list(_given(names, arguments))
            for name, value in given:
                is_own = value == name or (value, value) in given
                is_no_id = value.endswith("Id") and not name.endswith("Id") and not name.startswith(value[:-2])
                if not is_own and (value in names or is_no_id):
                    yield f"{called}: {value} is given for {name}"


def _given(names: list[str], arguments: str) -> Iterator[tuple[str, str]]:
    """Give each parameter with the variable that it takes."""
    for place, argument in enumerate(each.strip().removesuffix(" OUTPUT") for each in arguments.split(",")):
        named = NAMED.fullmatch(argument)
        if named:
            yield named.group(1), named.group(2)
        elif argument.startswith("@") and place < len(names):
            yield names[place], argument


def test_variables_go_to_the_parameters_of_their_names() -> None:
    """In every procedure of the project."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((SQL / "procedures").rglob("*.sql"))]
    assert sum(len(CALL.findall(text)) for text in texts) > 500
    assert list(_misplaced(texts)) == []


CALLED = "CREATE OR ALTER PROCEDURE internal.Ends\n    @RunId INT,  -- a run\n    @Scans INT = NULL\nAS\n"


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("@RunId, @Scans", []),
        ("@RunId, @Scans = @Read", []),
        ("@Scans, @Scans", []),
        ("NULL, @RunId", ["internal.Ends: @RunId is given for @Scans"]),
        ("@Scans, @RunId", ["internal.Ends: @Scans is given for @RunId", "internal.Ends: @RunId is given for @Scans"]),
        ("@RunId, @Scans = @FeatureSetId", ["internal.Ends: @FeatureSetId is given for @Scans"]),
        ("@RunId, @FeatureSetId OUTPUT", ["internal.Ends: @FeatureSetId is given for @Scans"]),
    ],
)
def test_a_misplaced_variable_is_found(call: str, found: list[str]) -> None:
    """By position and by name, an OUTPUT among them."""
    calling = f"CREATE OR ALTER PROCEDURE dbo.Calls\nAS\nEXECUTE internal.Ends {call};\n"
    assert list(_misplaced([CALLED, calling])) == found
