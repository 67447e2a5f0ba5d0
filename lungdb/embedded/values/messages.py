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
    111: Wording(15, "'{statement}' must be the first statement in a query batch. Put GO before it."),
    117: Wording(15, "The object name '{name}' contains more than the maximum number of prefixes. The maximum is 2."),
    156: Wording(15, "Incorrect syntax near the keyword '{keyword}'."),
    2702: Wording(16, "Database '{database}' does not exist."),
    2760: Wording(
        16, 'The specified schema name "{name}" either does not exist or you do not have permission to use it.'
    ),
    3729: Wording(16, "Cannot drop {kind} '{name}' because it is being referenced by object '{held}'."),
    15150: Wording(16, "Cannot drop the {kind} '{name}'."),
    15151: Wording(16, "Cannot {doing} the {kind} '{name}', because it does not exist or you do not have permission."),
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
