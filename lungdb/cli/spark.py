"""`lungdb spark`: what is too large for one machine, on Apache Spark; each kind of work is a module beside this one."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

_KINDS = {
    "features": "the features of folders of CT series, as Parquet",
    "train": "a classifier on a table of features in Parquet",
}


def main(argv: Sequence[str]) -> int:
    """Run one kind of work; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb spark",
        usage="lungdb spark KIND [options]",
        description="What is too large for one machine, on Apache Spark. `lungdb spark KIND --help` tells more.",
        epilog="\n".join(f"  {name:<10}{purpose}" for name, purpose in _KINDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=_KINDS, metavar="KIND", help="what to do:")
    kind: str = parser.parse_args(argv[:1]).kind
    return int(importlib.import_module(f"lungdb.cli.spark_{kind}").main(argv[1:]))
