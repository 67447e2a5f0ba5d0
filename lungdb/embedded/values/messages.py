"""The errors that SQL Server numbers: one table of number to severity and wording, as its sys.messages is.

The wording is SQL Server's, shortened where it speaks of what the embedded engine lacks, and followed by what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.errors import SqlError


@dataclass(frozen=True)
class Wording:
    """How an error reads.

    Attributes
    ----------
    severity : int
        11 to 20.
    text : str
        With a ``{field}`` for each value that it names.
    """

    severity: int
    text: str


WORDINGS: dict[int, Wording] = {
    102: Wording(15, "Incorrect syntax near '{near}'."),
    105: Wording(15, "Unclosed quotation mark after the character string '{rest}'. Close it."),
    111: Wording(15, "'{statement}' must be the first statement in a query batch. Put GO before it."),
    113: Wording(15, "Missing end comment mark '*/'. Close the comment."),
    119: Wording(
        15,
        "Must pass parameter number {position} and subsequent parameters as '@name = value'. After the form '@name = "
        "value' has been used, all subsequent parameters must be passed in it.",
    ),
    134: Wording(
        15,
        "The variable name '{variable}' has already been declared. Variable names must be unique within a query batch "
        "or stored procedure.",
    ),
    135: Wording(15, "Cannot use a BREAK statement outside the scope of a WHILE statement."),
    136: Wording(15, "Cannot use a CONTINUE statement outside the scope of a WHILE statement."),
    137: Wording(15, 'Must declare the scalar variable "{variable}".'),
    156: Wording(15, "Incorrect syntax near the keyword '{keyword}'."),
    168: Wording(15, "The floating point value '{number}' is out of the range of representation (8 bytes)."),
    179: Wording(15, "Cannot use the OUTPUT option when passing a constant to a stored procedure."),
    1007: Wording(
        15,
        "The number '{number}' is out of the range for numeric representation (maximum precision {precision}). Write "
        "it with fewer digits, or as a float.",
    ),
    1087: Wording(15, 'Must declare the table variable "{variable}". Variables end with their batch.'),
    4145: Wording(
        15,
        "An expression of non-boolean type specified in a context where a condition is expected, near '{near}'. "
        "Compare it with something.",
    ),
}
"""By number, in ascending order."""


def numbered_error(number: int, /, *, line: int = 1, state: int = 1, advice: str = "", **fields: object) -> SqlError:
    """Return the error of a number, its fields filled in.

    Parameters
    ----------
    number : int
        A key of `WORDINGS`.
    line : int
        Of the batch, where it is known.
    advice : str
        A sentence for this one place, after the wording.
    **fields
        A value for each field of the wording.
    """
    wording = WORDINGS[number]
    text = wording.text.format_map(fields)
    return SqlError(number, f"{text} {advice}" if advice else text, severity=wording.severity, state=state, line=line)
