"""`lungdb copy`: bring a trained model with features of patients, or a dense network, to where T-SQL alone scores."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lungdb.copying.delivery import run_batches, write_script
from lungdb.copying.script import copy_batches
from lungdb.database.retrying import retried
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb copy",
        description="Copy a trained model, with everything that scoring it with T-SQL alone needs, and the features of "
        "patients whom you name; or a dense network of dbo.tensors; or both. Images, networks of dbo.networks, labels, "
        "names and birth years stay behind.",
    )
    parser.add_argument("--from", dest="source", metavar="TARGET", required=True, help="database to copy from")
    parser.add_argument(
        "--to", metavar="TARGET|FILE.sql", required=True, help="database, or script to write for sqlcmd"
    )
    parser.add_argument("--model", metavar="NAME", help="name of the model")
    parser.add_argument("--version", type=int, metavar="N", help="its version (default: the one that the name serves)")
    parser.add_argument(
        "--patients",
        metavar="0,1,5|all",
        default="",
        help="indices of patients whose features come along (default: none)",
    )
    parser.add_argument("--network", metavar="NAME", help="name of a dense network of dbo.tensors")
    options = parser.parse_args(argv)
    if options.model is None and options.network is None:
        raise LungdbError("Nothing to copy is named. Give --model, --network or both.")
    if options.model is None and (options.version is not None or options.patients):
        raise LungdbError(
            "A version and patients belong to a model. Give --model, or leave --version and --patients out."
        )
    with open_database(options.source) as source:
        patients = _indices(options.patients)
        copying = partial(copy_batches, source, options.model, options.version, patients, options.network)
        if options.to.lower().endswith(".sql"):
            write_script(Path(options.to), copying())
            print(f"{escaped(options.to)} is written.")
        else:
            given = {"model": options.model, "version": options.version, "network": options.network}
            with open_database(options.to) as target, logged_load(target, "copy", given):
                batches = retried(lambda: list(copying()), source)
                retried(lambda: run_batches(target, batches, lambda message: print(message.text)), target)
    return 0


def _indices(text: str) -> list[int] | None:
    if text.strip().lower() == "all":
        return None
    try:
        return [int(part) for part in text.split(",")] if text.strip() else []
    except ValueError:
        raise LungdbError(f"'{text}' is no list of patients. Give indices such as 0,1,5, or all.") from None
