"""`lungdb plan`: what the features of a cohort cost, from a short measurement on this machine."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import exit_status
from lungdb.errors import LungdbError, escaped

_EPILOG = """
It makes two synthetic scans, reads them, runs the network over them and inserts rows of features, all with one core and
in a temporary database: less than a minute where the machine has nothing else to do. docs/scale.md says what is
extrapolated.
"""
_PATIENTS, _SLICES, _SIZE = 2, 8, 512
_MOST = 1_000_000_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb plan", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--series", type=int, required=True, metavar="N", help="series that there are")
    parser.add_argument("--slices", type=int, required=True, metavar="M", help="slices of a series")
    parser.add_argument("--network", required=True, metavar="FILE", help="the network, as load-network takes it")
    parser.add_argument("--layer", metavar="NAMES", help="layers, with commas (default: penultimate)")
    parser.add_argument("--pooling", default="mean", metavar="NAMES", help="poolings, with commas (default: mean)")
    parser.add_argument("--deadline", type=float, metavar="HOURS", help="say how many executors are done in so long")
    arguments = parser.parse_args(argv)
    for option, value in (("series", arguments.series), ("slices", arguments.slices)):
        if not 1 <= value <= _MOST:
            parser.error(f"--{option} {value} is not supported; give 1 to {_MOST:,}")
    if arguments.deadline is not None and not (arguments.deadline > 0 and math.isfinite(arguments.deadline)):
        parser.error(f"--deadline {arguments.deadline:g} is not supported; give hours above 0")
    return exit_status(lambda: _plan(arguments))


def _plan(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.distributed.plan import Cohort, lines_of, measure
        from lungdb.phantoms.dataset import make_dataset
    except ModuleNotFoundError as error:
        raise LungdbError(f'Scans are measured with {error.name}. Run: pip install "lungdb[load]"') from error
    cohort = Cohort(arguments.series, arguments.slices, arguments.deadline)
    with tempfile.TemporaryDirectory() as name:
        scans = Path(name, "scans")
        make_dataset(scans, patients=_PATIENTS, slices=_SLICES, size=_SIZE, workers=1)
        rates = measure(scans, arguments.network, arguments.layer, arguments.pooling, arguments.slices, Path(name))
    for line in lines_of(rates, cohort):
        print(escaped(line))
    return 0
