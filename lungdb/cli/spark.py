"""`lungdb spark`: what is too large for one machine, on Apache Spark."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from lungdb.errors import escaped

COMMANDS = {
    "features": "the features of a folder or database of scans, into a folder of Parquet",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the commands; returns the exit status: that of the command, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] not in COMMANDS:
        print(f"lungdb spark has no command '{escaped(arguments[0])}'.\n\n{_usage()}", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"lungdb.cli.spark_{arguments[0]}").main(arguments[1:]))


def _usage() -> str:
    lines = [f"  {name:<14}{purpose}" for name, purpose in COMMANDS.items()]
    return (
        "usage: lungdb spark COMMAND [options]\n\n" + "\n".join(lines) + "\n\n`lungdb spark COMMAND --help` tells more."
    )
