"""Print what the job costs, each figure beside what somebody would take instead: README's table is one run of this."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dense_networks
import features
import intake
import machine
import memory
import models
import native_scoring
import networks
import page
import precisions
import procedures
import scoring
import search
import worklist
from databases import DEMO_NETWORK, database
from figures import Figure, markdown
from sizes import QUICK, TINY, WHOLE, Sizes

from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet

Part = Callable[[], list[Figure]]


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const=QUICK, dest="sizes", help="smaller sizes, under 5 minutes")
    size.add_argument("--tiny", action="store_const", const=TINY, dest="sizes", help="only see that every part runs")
    parser.add_argument(
        "--only", nargs="+", metavar="PART", help="run these parts alone, and print no table of figures"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return bench(Path(folder), options.sizes or WHOLE, options.only)


def bench(folder: Path, sizes: Sizes, only: list[str] | None = None) -> int:
    """Run the parts one after the other, then print README's table; returns the exit status."""
    parts = _parts(folder, sizes)
    unknown = sorted(set(only or ()) - set(parts))
    if unknown:
        print(f"There is no part {', '.join(unknown)}. There are {', '.join(parts)}.", file=sys.stderr)
        return 2
    # An installed package has its bytecode; commands that compiled every module anew would be timed at that.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    print(f"lungdb's benchmarks, sizes: {sizes.name}\n\n{machine.describe()}", flush=True)
    figures = []
    for name, part in parts.items():
        if only is None or name in only:
            begun = time.perf_counter()
            figures += part()
            print(f"\n({name}: {time.perf_counter() - begun:.0f} s)", flush=True)
    if only is None:
        table = markdown(figures, has_aims=sizes is WHOLE)
        print(f"\nThe figures, sizes: {sizes.name}, medians of the rounds that are listed:\n\n{table}")
    print(f"\n{(time.perf_counter() - started) / 60:.1f} minutes, commit {machine.commit(Path(__file__).parent)}")
    return 0


def _parts(folder: Path, sizes: Sizes) -> dict[str, Part]:
    """Give the parts by name, in the order of README's table; several share a database."""
    network = folder / f"{sizes.layout}_random.onnx"

    @cache
    def large() -> str:
        network.write_bytes(build_resnet(random_resnet(RESNETS[sizes.layout], seed=0)))
        return database(folder / "large", network, sizes.large)

    @cache
    def many() -> str:
        return database(folder / "many", DEMO_NETWORK, sizes.many)

    return {
        "features": lambda: features.bench(folder, large(), network, sizes),
        "precisions": lambda: precisions.bench(large(), folder / "large" / "scans", network, sizes),
        "memory": lambda: memory.bench(folder, large(), many(), sizes),
        "procedures": lambda: procedures.bench(folder, many(), sizes),
        "scoring": lambda: scoring.bench(folder, sizes),
        "native_scoring": lambda: native_scoring.bench(folder, sizes),
        "dense_networks": lambda: dense_networks.bench(folder, sizes),
        "intake": lambda: intake.bench(folder, sizes),
        "search": lambda: search.bench(folder, sizes),
        "page": lambda: page.bench(folder, sizes),
        "networks": lambda: networks.bench(sizes),
        "models": lambda: models.bench(sizes),
        "worklist": lambda: worklist.bench(folder, sizes),
    }


if __name__ == "__main__":
    sys.exit(main())
