"""The `lungdb` command: each subcommand is a module of this package with main(argv) -> exit status."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from keyword import iskeyword

from lungdb import __version__
from lungdb.cli.support import exit_status
from lungdb.errors import escaped

COMMANDS = {
    "demo": "the whole job on synthetic scans, or on yours",
    "sql": "run T-SQL on either engine, the way sqlcmd does",
    "work": "make the features of queued scans, beside the server",
    "search": "try the settings of a search with several processes",
    "report": "one HTML file on how good a trained model is, with plots",
    "similar": "the stored scans or slices most like a scan in DICOM files",
    "serve": "the web page: worklist, viewer, scores, models, API",
    "accounts": "who may use the web page",
    "install": "make or upgrade the tables, views and procedures of a database",
    "doctor": "is the installation healthy: server, Python, schema, rights, backups",
    "check": "look for damage: file, schema, hashes, what must hold of the rows",
    "job": "do a job of the night once, for cron or a systemd timer",
    "recompress": "store the slices of earlier versions anew, a sixth smaller",
    "load-scans": "load folders of DICOM files",
    "load-features": "load features that were made outside of the database: Parquet files",
    "watch": "load what arrives in a folder, queue its features, score it",
    "load-labels": "load labels from a CSV file",
    "load-reports": "load reports about patients from a CSV file",
    "load-lungs": "load lungs that are known, masks in NIfTI or MetaImage",
    "load-patients": "add names, sexes and birth years to patients from a CSV file",
    "load-images": "load pictures that are not scans",
    "load-network": "load a network: ONNX, PyTorch weights or a CNTK file",
    "load-classifier": "load a classifier that was trained elsewhere: LightGBM's text or ONNX",
    "load-tensors": "load a dense network as tables, to score with no Python",
    "spark": "what is too large for one machine, on Apache Spark",
    "plan": "what the features of a cohort cost, measured on this machine",
    "networks": "list the known networks and those that are loaded",
    "export": "data sets, features, labels, scores, volumes as files that others read",
    "import": "take back what export has written",
    "copy": "bring a model to a database that scores with T-SQL alone, or into a script",
}

_PASSWORD = re.compile(r"(?:^|;)\s*(?:pwd|password)\s*=", re.IGNORECASE)
"""In an ODBC connection string."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status: 0, 1 for an error, 2 for wrong usage, 130 when interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"lungdb {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"lungdb has no command '{escaped(arguments[0])}'.\n\n{_usage()}", file=sys.stderr)
        return 2
    if any(map(_PASSWORD.search, arguments)):
        print(
            "WARNING: A password on the command line can be read by everybody on this machine, and stays in the "
            "shell's history. Put the connection string into config.py or the variable LUNGDB_DATABASE.",
            file=sys.stderr,
        )
    # No module can be named import.
    module = f"lungdb.cli.{arguments[0].replace('-', '_')}{'_' * iskeyword(arguments[0])}"
    return exit_status(lambda: int(importlib.import_module(module).main(arguments[1:])))


def _usage() -> str:
    lines = [f"  {name:<16}{purpose}" for name, purpose in COMMANDS.items()]
    return "usage: lungdb COMMAND [options]\n\n" + "\n".join(lines) + "\n\n`lungdb COMMAND --help` tells more."


if __name__ == "__main__":
    sys.exit(main())
