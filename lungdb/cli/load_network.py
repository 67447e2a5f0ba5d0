"""`lungdb load-network`: a network file, whatever its format, becomes a network that GenerateFeatures can run."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.errors import LungdbError, escaped
from lungdb.loading.network_file import FORMATS, NetworkFile
from lungdb.loading.networks import Wish, describe, load_network
from lungdb.loading.pooling_network import describe_pooling
from lungdb.loading.precision import PICTURES, PRECISIONS, Entry
from lungdb.networks.detecting.stages import is_detector, is_stage
from lungdb.networks.inputs.declaring import read_declared, read_detects, read_gives
from lungdb.networks.inputs.stored import reads_volumes
from lungdb.networks.running.ordered import KIND

_EPILOG = """
ONNX, zip packages of it (.nupkg), PyTorch weights (.safetensors, .pth, .pt) and CNTK 2 networks (.model) are told apart
by their content. What is stored is ONNX. `lungdb networks` lists the known networks and what is loaded;
docs/networks.md tells more.
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
    told = add_description(parser)
    told.add_argument(
        "--trained-on",
        metavar="NAME|FILE",
        help="what it was trained on, so that it is not evaluated on that: a data set of scans, or a file with an id "
        "of a patient or the SHA-256 of a scan a line",
    )
    told.add_argument(
        "--layer",
        metavar="NAMES",
        help="the layer that features are taken from (default: the one under the classifier); with commas several, the "
        "first is meant where none is named",
    )
    told.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what it reads: of volumes spacing=1,1,1, window=-1000,400, size=96,96,96, multiple=16, orientation=SPL; "
        "of either channels=1, layout=last; may be given several times",
    )
    told.add_argument(
        "--detects",
        action="append",
        default=[],
        metavar="FORM,KEY=VALUE",
        help="what a detector gives: boxes, retinanet, heatmap or segmentation, and what is declared of it",
    )
    told.add_argument(
        "--stage",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="it scores a detector's candidates: activation=none, sigmoid or softmax makes a probability of its "
        "output, class=1 says which of its numbers",
    )
    told.add_argument(
        "--pooling",
        nargs="?",
        const="",
        metavar="LAYOUT",
        help="it pools features: it makes one vector of the rows of a scan, which lie as rows,width, N,rows,width or "
        "rows,N,width (default: found out); docs/volumes.md tells more",
    )
    _add_precision(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def add_description(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that say of a network what its file does not, and give their group."""
    told = parser.add_argument_group("the network", "what its file does not say, or says wrongly")
    told.add_argument("--architecture", metavar="NAME", help="which network of the catalog it is")
    told.add_argument(
        "--input-size",
        type=_whole,
        metavar="N",
        help="rows and columns of its pictures, where the file leaves them open",
    )
    told.add_argument("--channel-order", choices=("rgb", "bgr"), help="order of its colours")
    told.add_argument(
        "--mean", type=_numbers, metavar="A,B,C", help="what is subtracted, on 0…1, a number a channel, in its order"
    )
    told.add_argument("--std", type=_numbers, metavar="A,B,C", help="what is then divided by")
    told.add_argument("--mean-file", type=Path, metavar="XML", help="CNTK's mean picture, subtracted in its place")
    told.add_argument(
        "--output", metavar="NAME", help="which output of a CNTK network, or of one that pools, where it has several"
    )
    return told


def described_by(arguments: argparse.Namespace) -> dict[str, Any]:
    """Gather what the options of `add_description` say, but for the mean file and the output."""
    return describe(
        arguments.architecture, arguments.input_size, arguments.channel_order, arguments.mean, arguments.std
    )


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
        help=f"pictures, or tiles of volumes, of the scans to calibrate and compare with (default: {PICTURES})",
    )
    faster.add_argument("--force", action="store_true", help="store it although its features are unlike float32's")


def _load(arguments: argparse.Namespace) -> int:
    described = described_by(arguments)
    declared = read_declared(arguments.input)
    if arguments.detects and arguments.stage:
        raise LungdbError("--detects and --stage say two things. Give one of them.")
    detects = read_detects(arguments.detects) if arguments.detects else None
    if arguments.stage:
        detects = read_gives(arguments.stage)
    wish = Wish(
        source=arguments.file,
        folder=arguments.download_to,
        sha256=arguments.sha256,
        name=arguments.name,
        output=arguments.output,
        layer=arguments.layer,
        mean_file=arguments.mean_file,
        described=described,
        declared=declared,
        detects=detects,
        precision=arguments.precision,
        pictures=arguments.calibration,
        force=arguments.force,
        pooling=arguments.pooling,
        trained_on=arguments.trained_on,
    )
    is_described = bool(described or arguments.mean_file or declared or detects)
    stored = load_network(arguments.database, wish, partial(_print_entry, is_described=is_described))
    for network in stored:
        outcome = "added" if network.is_new else "is in the database already"
        print(f"Network: {escaped(network.name)}, version {network.version}, {outcome}.")
    return 0


def _print_entry(file: NetworkFile, entry: Entry, notes: tuple[str, ...], *, is_described: bool) -> None:
    if "similarity" in entry.details:
        print(_similarity(entry))
        return
    print(escaped(_description(file, entry, notes), keep="\n"))
    if entry.library == KIND:
        return
    if entry.details["architecture"] is None and not is_described:
        is_picture = "dimensions" not in entry.details["input"]
        what, options = ("order of colours and ", "--channel-order, ") if is_picture else ("", "")
        print(f"If that is not its {what}normalisation, say so: {options}--mean, --std.")


def _description(file: NetworkFile, entry: Entry, notes: tuple[str, ...]) -> str:
    details = entry.details
    if entry.library == KIND:
        return _table({"Format": FORMATS["onnx"], **describe_pooling(details), **_hashes(file, entry)})
    picture, normalisation = details["input"], details["normalisation"]
    mean, std = (", ".join(f"{number:.4g}" for number in normalisation[name]) for name in ("mean", "std"))
    lines = {
        "Format": FORMATS[entry.library],
        "Network": details["architecture"] or "not in the catalog",
        "Input": f"{_input(picture)}, less {mean}, over {std}",
        "Layers": ", ".join(details["layers"]),
        **(
            {"Finds": json.dumps(details["output"])}
            if is_detector(details)
            else {"Width": f"{details['width']} values of the penultimate layer"}
        ),
        **({"Stage": json.dumps(details["output"])} if is_stage(details.get("output")) else {}),
        **({"Note": " ".join(notes)} if notes else {}),
        **_hashes(file, entry),
    }
    return _table(lines)


def _hashes(file: NetworkFile, entry: Entry) -> dict[str, str]:
    return {"SHA-256": f"{file.sha256} (the file)", "": f"{entry.sha256.hex()} (what is stored)"}


def _table(lines: dict[str, str]) -> str:
    return "\n".join(f"{f'{what}:' if what else '':<9}{told}" for what, told in lines.items())


def _input(picture: Mapping[str, Any]) -> str:
    """Say what a network reads."""
    if "dimensions" not in picture:
        order = picture.get("channel_order", "one channel")
        return f"{picture['height']} × {picture['width']}, {order}"
    size = " × ".join("any" if side is None else str(side) for side in picture["size"])
    spacing, window = (
        "any" if value is None else ", ".join(f"{number:g}" for number in value)
        for value in (picture["spacing"], picture["window"])
    )
    return (
        f"volumes of {size}, {picture['channels']} channel{'s' if picture['channels'] > 1 else ''}, spacing {spacing}, "
        f"window {window}, orientation {picture['orientation']}"
    )


def _similarity(entry: Entry) -> str:
    found = entry.details["similarity"]
    what = "tiles" if reads_volumes(entry.details) else "pictures"
    return (
        f"{entry.details['precision']}: cosine similarity to float32 on {found['pictures']} {what} "
        f"{found['cosine_min']:.4f} at least, {found['cosine_mean']:.4f} on average."
    )


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of 1 or more")
    return int(text)


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not 64 hexadecimal digits")
    return text.lower()


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise argparse.ArgumentTypeError(f"'{text}' is not numbers with commas between, one a channel")
    return numbers
