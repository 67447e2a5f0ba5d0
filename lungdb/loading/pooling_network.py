"""What is special about loading a network that pools: its name is part of a pooling's, and it reads no picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lungdb.errors import LungdbError
from lungdb.networks.wording import printable

MOST_NAME = 26
"""Characters: a pooling has 32, and is called by the network's name, a colon and its version."""


def check_wish(name: str, given: Mapping[str, Any]) -> None:
    """Refuse options that say nothing of a network that pools, and a name that no pooling can have.

    Raises
    ------
    LungdbError
    """
    unfit = [option for option, value in given.items() if value]
    if unfit:
        raise LungdbError(f"A network that pools features reads no pictures. Leave {' and '.join(unfit)} out.")
    if not re.fullmatch(f"[A-Za-z0-9_.-]{{1,{MOST_NAME}}}", name):
        raise LungdbError(
            f"The name '{printable(name)}' cannot be part of a pooling's. Give one of 1 to {MOST_NAME} letters, "
            "digits, points, _ and - with --name."
        )


def describe_pooling(details: dict[str, Any]) -> dict[str, str]:
    """Say for people what was found out about a network that pools, a text by what it is about."""
    read = details["input"]
    rows = "any number of rows" if read["rows"] is None else f"{read['rows']} rows"
    least = f", {read['at_least']} at least" if read["rows"] is None and read["at_least"] > 1 else ""
    lengths = f"; their number as {read['lengths']['name']}" if read["lengths"] else ""
    return {
        "Network": "pools the features of a scan",
        "Input": f"{read['name']} as [{', '.join(read['layout'])}]: {rows}{least}, {read['width']} features{lengths}",
        "Output": details["vector"]["name"],
        "Width": f"{details['width']} values of a scan",
    }
