"""`lungdb spark`: what is too large for one machine, on Apache Spark; each kind of work is a module beside this one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from lungdb.errors import escaped

_KINDS = {
    "features": "the features of folders of CT series, as Parquet",
    "train": "a classifier on a table of features in Parquet",
}


def main(argv: Sequence[str]) -> int:
    """Run one kind of work; returns the exit status, 2 for wrong usage."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0 if argv else 2
    if argv[0] not in _KINDS:
        print(f"lungdb spark has no '{escaped(argv[0])}'.\n\n{_usage()}", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"lungdb.cli.spark_{argv[0]}").main(argv[1:]))


def _usage() -> str:
    lines = [f"  {name:<10}{purpose}" for name, purpose in _KINDS.items()]
    return "usage: lungdb spark KIND [options]\n\n" + "\n".join(lines) + "\n\n`lungdb spark KIND --help` tells more."
