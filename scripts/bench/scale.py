"""Measure 1, 2 and 4 workers of a search and of features on Spark, and draw both beside the ideal line.

Everything runs on this machine, loopback and all: more workers than it has processors cannot be faster, and are shown
as measured. Writes docs/figures/scale.csv and docs/figures/scale.svg.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import search
from databases import target_of
from machine import describe

from lungdb.database import connect, install
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.phantoms.dataset import make_dataset
from tests.support.spark import cluster

WORKERS = (1, 2, 4)
_FIGURES = Path(__file__).resolve().parents[2] / "docs" / "figures"
_COLUMNS = ("what", "workers", "seconds", "processors")
_SEARCH, _FEATURES = "a search, lungdb search -w N", "features, lungdb spark features, N executors of one core"

Row = tuple[str, int, float, int]


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("search", "features"), help="measure one of the two")
    parser.add_argument("--tiny", action="store_true", help="sizes whose figures mean nothing, to see that it runs")
    parser.add_argument(
        "--folder", type=Path, default=_FIGURES, help="where CSV and drawing go (default: docs/figures)"
    )
    options = parser.parse_args()
    print(describe())
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for kind, measure in (("search", _searches), ("features", _features)):
            if options.only in (None, kind):
                (Path(name) / kind).mkdir()
                for row in measure(Path(name) / kind, is_tiny=options.tiny):
                    rows.append(row)
                    print(f"{row[0]}: {row[1]} workers, {row[2]:.1f} s", flush=True)
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "scale.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((what, workers, f"{seconds:.2f}", cores) for what, workers, seconds, cores in rows)
    draw(rows, options.folder / "scale.svg")
    return 0


def _searches(folder: Path, *, is_tiny: bool) -> Iterator[Row]:
    """Time one search, on a copy of one database, with each number of workers."""
    patients, trials = (60, 2) if is_tiny else (150, 24)
    base = folder / "base.db"
    with closing(connect(target_of(base))) as connection:
        install(connection)
        search.fill(connection, patients)
    for workers in WORKERS:
        yield _SEARCH, workers, search.seconds_with(base, workers, trials), _processors()


def _features(folder: Path, *, is_tiny: bool) -> Iterator[Row]:
    """Time one folder of phantoms, from the start of the command to its end, on a cluster of each size."""
    patients, slices = (4, 4) if is_tiny else (48, 24)
    make_dataset(folder / "scans", patients=patients, slices=slices, size=256)
    network = folder / "network.onnx"
    network.write_bytes(build_resnet(random_resnet(RESNETS["resnet18"], seed=0)))
    for workers in WORKERS:
        at = folder / f"spark{workers}"
        at.mkdir()
        with cluster(at, workers) as running:
            command = [
                sys.executable,
                "-m",
                "lungdb.cli.main",
                "spark",
                "features",
                str(folder / "scans"),
                "--keep-ids",
            ]
            where = ["--network", str(network), "--out", str(at / "out"), "--master", running.master]
            yield _FEATURES, workers, _seconds(partial(_call, (*command, *where))), _processors()


def _call(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 our own module


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _processors() -> int:
    return os.cpu_count() or 1


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw how many times as fast as one worker each number of workers is, and the ideal."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "lungdb"  # the same rows draw the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.2))
    axes.plot(WORKERS, WORKERS, linestyle="--", color="0.6", label="ideal")
    for what, marker in ((_SEARCH, "o"), (_FEATURES, "s")):
        found = {workers: seconds for kind, workers, seconds, _ in rows if kind == what}
        if found:
            axes.plot(list(found), [found[1] / seconds for seconds in found.values()], marker=marker, label=what)
    cores = rows[0][3] if rows else _processors()
    axes.axvline(cores, linestyle=":", color="0.4")
    axes.annotate(f"{cores} processors", (cores, 0.05), xytext=(4, 0), textcoords="offset points", color="0.3")
    axes.set(
        xlabel="workers, all on one machine",
        ylabel="times as fast as one",
        xticks=WORKERS,
        ylim=(0, max(WORKERS) + 0.3),
    )
    axes.legend(loc="upper left", framealpha=1, fontsize="small")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
