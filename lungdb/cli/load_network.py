"""`lungdb load-network`: an ONNX file becomes a network that GenerateFeatures can run."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, open_database, transaction
from lungdb.database import Connection, run
from lungdb.errors import LungdbError

_MAX_BYTES = 2**31 - 1  # of VARBINARY(MAX)
_NEXT_VERSION = """
SELECT COALESCE(MAX(version), 0) + 1 AS version FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE name = ?;
"""
_FIND = "SELECT name, version FROM dbo.networks WHERE sha256 = ?;"
_INSERT = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, ?, N'onnx', ?, ?, ?);
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-network", description=__doc__)
    parser.add_argument("file", type=Path, help="ONNX file of an image network")
    add_database_argument(parser)
    parser.add_argument("--name", help="name in the database (default: the file's name)")
    parser.add_argument("--sha256", metavar="HEX", help="refuse the file if its SHA-256 is another one")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    name = arguments.name or arguments.file.name
    if not 0 < len(name) <= 128:
        raise LungdbError(f"The name has {len(name)} characters. Give one of 1 to 128 with --name.")
    model = _read(arguments.file)
    sha256 = hashlib.sha256(model)
    if arguments.sha256 and arguments.sha256.lower() != sha256.hexdigest():
        raise LungdbError(
            f"The SHA-256 of '{arguments.file.name}' is {sha256.hexdigest()}, not {arguments.sha256}. "
            "Fetch the file again from its publisher."
        )
    from lungdb.networks.entry import network_details

    details = json.dumps(network_details(model))
    with open_database(arguments.database) as connection:
        print(_store(connection, name, model, sha256.digest(), details, renamed=bool(arguments.name)))
    return 0


def _read(path: Path) -> bytes:
    if path.suffix.lower() != ".onnx":
        raise LungdbError(
            f"'{path.name}' is not an .onnx file. Export the network as ONNX; other formats are not read."
        )
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LungdbError(f"'{path.name}' has more than 2 GB, which no column holds. Use a smaller network.")
        return path.read_bytes()
    except OSError as error:
        raise LungdbError(f"The network '{path}' cannot be read ({error.strerror}). Check its path.") from error


def _store(connection: Connection, name: str, model: bytes, sha256: bytes, details: str, *, renamed: bool) -> str:
    with transaction(connection):
        version = run(connection, _NEXT_VERSION, (name,))[0].rows[0][0]
        found = run(connection, _FIND, (sha256,))[0].rows
        if not found:
            run(connection, _INSERT, (name, version, model, sha256, details))
            return f"Network: {name}, version {version}, added."
    present = f"{found[0][0]}, version {found[0][1]}"
    if renamed and found[0][0] != name:
        raise LungdbError(f"The same network is in the database as {present}. Use that name.")
    return f"Network: {present}, is in the database already."
