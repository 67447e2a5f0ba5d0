"""`lungdb load-network`: a network file, whatever its format, becomes a network that GenerateFeatures can run."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lungdb.cli.support import add_database_argument, exit_status, open_database
from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.loading.network_file import FORMATS, NetworkFile, convert, read_file
from lungdb.loading.precision import PICTURES, PRECISIONS, Entry, make_precision

_LONGEST_NAME = 128
_NEXT_VERSION = """
SELECT COALESCE(MAX(version), 0) + 1 AS version FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE name = ?;
"""
_LOADED = "SELECT name, version, sha256, details FROM dbo.networks ORDER BY network_id;"
_INSERT = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, ?, ?, ?, ?, ?);
"""
_SAME = ("input", "normalisation", "penultimate", "width", "precision")
_EPILOG = """
ONNX, PyTorch weights (.safetensors, .pth, .pt) and CNTK 2 networks (.model) are told apart by their content. What is
stored is ONNX. `lungdb networks` lists the known networks and what is loaded; docs/networks.md tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-network", description=__doc__, epilog=_EPILOG)
    parser.add_argument("file", help="the network: a file or an https address")
    add_database_argument(parser)
    parser.add_argument("--name", help="name in the database (default: the file's name)")
    parser.add_argument("--sha256", type=_sha256, metavar="HEX", help="refuse the file if its SHA-256 is another one")
    parser.add_argument(
        "--download-to", type=Path, metavar="DIR", help="keep a download here (default: the user's cache)"
    )
    _add_description(parser)
    _add_precision(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _add_description(parser: argparse.ArgumentParser) -> None:
    told = parser.add_argument_group("the network", "what its file does not say, or says wrongly")
    told.add_argument("--architecture", metavar="NAME", help="which network of the catalog it is")
    told.add_argument(
        "--input-size",
        type=_whole,
        metavar="N",
        help="rows and columns of its pictures, where the file leaves them open",
    )
    told.add_argument("--channel-order", choices=("rgb", "bgr"), help="order of its colours")
    told.add_argument("--mean", type=_three, metavar="A,B,C", help="what is subtracted, on 0…1, in its channel order")
    told.add_argument("--std", type=_three, metavar="A,B,C", help="what is then divided by")
    told.add_argument("--output", metavar="NAME", help="which output of a CNTK network")


def _add_precision(parser: argparse.ArgumentParser) -> None:
    faster = parser.add_argument_group("precision", "a second network, faster and less exact")
    faster.add_argument(
        "--precision",
        choices=("float32", *PRECISIONS),
        default="float32",
        help="fp16 is for GPUs, int8 for CPUs; either is compared with float32 on scans of the database",
    )
    faster.add_argument(
        "--calibration",
        type=_whole,
        default=PICTURES,
        metavar="N",
        help=f"pictures of the scans to calibrate and compare with (default: {PICTURES})",
    )
    faster.add_argument("--force", action="store_true", help="store it although its features are unlike float32's")


def _load(arguments: argparse.Namespace) -> int:
    described = _described(arguments)
    with open_database(arguments.database):
        pass  # what is wrong with the target is better known before a long download than after it
    file = read_file(arguments.file, arguments.download_to, arguments.sha256)
    name = file.name if arguments.name is None else arguments.name
    precision = arguments.precision
    names = [name] if precision == "float32" else [name, f"{name}-{precision}"]
    if not name or len(names[-1]) > _LONGEST_NAME:
        raise LungdbError(f"The name '{names[-1]}' has {len(names[-1])} characters. Give one of 1 to 128 with --name.")
    entries = [_entry(file, arguments.output, described)]
    print(_description(file, entries[0]))
    if entries[0].details["architecture"] is None and not described:
        print("If that is not its order of colours and normalisation, say so: --channel-order, --mean, --std.")
    with open_database(arguments.database) as connection:
        if precision != "float32":
            number, force = arguments.calibration, arguments.force
            entries.append(make_precision(connection, entries[0], precision, number, force=force))
            print(_similarity(entries[1]))
        with transaction(connection):
            stored = [
                _store(connection, name, entry, renamed=bool(arguments.name))
                for name, entry in zip(names, entries, strict=True)
            ]
    print("\n".join(stored))
    return 0


def _described(arguments: argparse.Namespace) -> dict[str, Any]:
    """Gather what the user says about the network, by the names that network_details has for it."""
    from lungdb.networks.architectures.catalog import architecture
    from lungdb.networks.entry import check_normalisation

    if (arguments.mean is None) != (arguments.std is None):
        raise LungdbError("--mean and --std go together. Give both or neither.")
    described: dict[str, Any] = {}
    if arguments.architecture:
        described["architecture"] = architecture(arguments.architecture).name
    if arguments.mean:
        described["normalisation"] = check_normalisation({"mean": arguments.mean, "std": arguments.std})
    for name in ("input_size", "channel_order"):
        if getattr(arguments, name) is not None:
            described[name] = getattr(arguments, name)
    return described


def _entry(file: NetworkFile, output: str | None, described: dict[str, Any]) -> Entry:
    """Make a file's network what is stored: canonical ONNX and its details."""
    from lungdb.networks.entry import network_details, prepare_network
    from lungdb.networks.quantising import precision_of

    converted, kind, recognised = convert(file, output, described.get("input_size"))
    model = prepare_network(converted)
    told = {"architecture": recognised, "precision": precision_of(model), **described}
    details = network_details(model, source_format=kind, source_sha256=file.sha256, **told)
    return Entry(_annotated(model, details) if described else model, kind, details)


def _annotated(model: bytes, details: dict[str, Any]) -> bytes:
    """Write what the user said of a network into it: looked up by its hash, it may have only one description."""
    import onnx

    from lungdb.networks.entry import METADATA_KEY

    parsed = onnx.load_from_string(model)
    properties = {entry.key: entry.value for entry in parsed.metadata_props}
    told = {key: details[key] for key in ("architecture", "input", "normalisation")}
    onnx.helper.set_model_props(parsed, {**properties, METADATA_KEY: json.dumps(told)})
    return bytes(parsed.SerializeToString())


def _description(file: NetworkFile, entry: Entry) -> str:
    details = entry.details
    picture, normalisation = details["input"], details["normalisation"]
    mean, std = (", ".join(f"{number:.4g}" for number in normalisation[name]) for name in ("mean", "std"))
    lines = {
        "Format": FORMATS[entry.library],
        "Network": details["architecture"] or "not in the catalog",
        "Input": f"{picture['height']} × {picture['width']}, {picture['channel_order']}, less {mean}, over {std}",
        "Layers": ", ".join(details["layers"]),
        "Width": f"{details['width']} values of the penultimate layer",
        "SHA-256": f"{file.sha256} (the file)",
        "": f"{hashlib.sha256(entry.model).hexdigest()} (what is stored)",
    }
    return "\n".join(f"{f'{what}:' if what else '':<9}{told}" for what, told in lines.items())


def _similarity(entry: Entry) -> str:
    found = entry.details["similarity"]
    return (
        f"{entry.details['precision']}: cosine similarity to float32 on {found['pictures']} pictures "
        f"{found['cosine_min']:.4f} at least, {found['cosine_mean']:.4f} on average."
    )


def _store(connection: Connection, name: str, entry: Entry, *, renamed: bool) -> str:
    """Add a network, unless it is there; `renamed` tells that the user chose the name."""
    version = run(connection, _NEXT_VERSION, (name,))[0].rows[0][0]
    sha256 = hashlib.sha256(entry.model).digest()
    for other, number, hashed, details in run(connection, _LOADED)[0].rows:
        if bytes(hashed) == sha256 or _is_same(json.loads(details), entry.details):
            present = f"{other}, version {number}"
            if renamed and other != name:
                raise LungdbError(f"The same network is in the database as {present}. Use that name.")
            return f"Network: {present}, is in the database already."
    values = (name, version, entry.library, entry.model, sha256, json.dumps(entry.details))
    run(connection, _INSERT, values)
    return f"Network: {name}, version {version}, added."


def _is_same(details: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two networks come from the same file and are described alike."""
    source = details.get("source")
    if other["precision"] != "float32":  # calibrated on what the database held at the time
        return False
    return bool(source) and source == other["source"] and all(details.get(key) == other[key] for key in _SAME)


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of 1 or more")
    return int(text)


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not 64 hexadecimal digits")
    return text.lower()


def _three(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise argparse.ArgumentTypeError(f"'{text}' is not three numbers with commas between")
    return numbers
