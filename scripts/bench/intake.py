"""Print what loading costs: speed over a plain loop, bytes a slice, peak memory; part of `make bench`."""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from databases import target_of
from figures import Compared, Figure, seconds
from pydicom import dcmread, dcmwrite
from pydicom.pixels.processing import apply_rescale
from sizes import WHOLE, Sizes

from lungdb.cli import load_scans
from lungdb.cli.sql import print_table
from lungdb.database import connect, install, run
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.writing import write_series


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the throughput (default: 3)")
    parser.add_argument("--load", nargs=2, metavar=("FOLDER", "TARGET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        return load_and_print_peak(*options.load)
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=options.rounds))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the tables about loading and give the figures; `folder` takes the files."""
    scans, size = folder / "intake", sizes.intake.size
    for seed in range(sizes.intake.patients):
        phantom = make_phantom(seed, cancer=bool(seed % 2), slices=sizes.intake.slices, size=size)
        write_series(scans / str(seed), phantom, f"patient-{seed}")
    files = sorted(scans.rglob("*.dcm"))
    rows, figures = [], []
    for level, name in ((9, "gzip level 9 (the default)"), (1, "gzip level 1")):
        times = _throughput(folder, scans, files, level, sizes.rounds)
        plain, ours = (f"{len(files) / taken:.1f}" for taken in (times.bare_seconds, times.our_seconds))
        rows.append((name, plain, ours, *times.speedup()))
        what = f"load-scans, {size} × {size}: {ours} slices/s"
        against = f"a plain loop of pydicom and {name}: {plain} slices/s"
        figures.append(Figure(what, against, *times.speedup(), aim="1.8" if level == 1 else ""))
    print(
        f"\nload-scans over a plain loop of pydicom decode + gzip, {len(files)} slices of {size} x {size}, medians:\n"
    )
    print_table(("plain loop", "its slices/s", "load-scans, slices/s", "ratio", "of the rounds"), rows)
    print("\nBytes a slice; a pickled float64 array, the least that the original project stored, holds 8 a pixel:\n")
    print_table(("stored", "raw int16", "pickled float64", "stored / int16"), [_bytes(folder, size)])
    many = folder / "one_series"
    _copies(files[: sizes.intake.slices], many, sizes.memory_slices)
    parent, child = _peak(folder, many)
    print(f"\nPeak memory of loading one series of {sizes.memory_slices} slices of {size} x {size}:\n")
    print_table(("command, MB", "largest worker, MB"), [(parent, child)])
    return figures


def load_and_print_peak(folder: str, target: str) -> int:
    """Load in this process, because a peak never goes down again; print its peak and its largest child's, in MB."""
    status = load_scans.main(["-d", target, "--keep-ids", folder])
    print(*peaks())
    return status


def peaks() -> tuple[int, int]:
    """Give this process's peak of resident memory and its largest child's, in MB; Linux."""
    return peak_of(os.getpid()), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000


def peak_of(process: int) -> int:
    """Give the peak of a process's resident memory in MB; Linux."""
    # ru_maxrss of the process itself would begin with what the process that started it held.
    return int(Path(f"/proc/{process}/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) // 1000


def _throughput(folder: Path, scans: Path, files: list[Path], level: int, rounds: int) -> Compared:
    def plain() -> None:
        for path in files:
            dataset = dcmread(path)
            hu = apply_rescale(dataset.pixel_array, dataset).astype(np.int16)
            gzip.compress(hu.tobytes(), level)

    times = []
    for number in range(rounds):
        target = _database(folder / f"speed-{level}-{number}")
        # mypy cannot infer a lambda with a default argument.
        times.append((seconds(plain), seconds(lambda target=target: _load(scans, target))))  # type: ignore[misc]
    bare, ours = zip(*times, strict=True)
    return Compared(bare, ours)


def _load(scans: Path, target: str) -> None:
    """Load in a process of its own, the way a user does: its start counts, and that of its workers."""
    command = [sys.executable, "-m", "lungdb.cli.main", "load-scans", "-d", target, "--keep-ids", str(scans)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 our own command


def _bytes(folder: Path, size: int) -> tuple[int, int, int, str]:
    with closing(connect(target_of(folder / "speed-9-0" / "lung_cancer_database.db"))) as connection:
        (found,) = run(connection, "SELECT AVG(CAST(DATALENGTH(pixels) AS FLOAT)) FROM dbo.scan_images;")
    stored, raw = found.scalar(), size * size * 2
    return round(stored), raw, size * size * 8, f"{stored / raw:.2f}"


def _peak(folder: Path, scans: Path) -> tuple[int, int]:
    target = _database(folder / "memory")
    command = [sys.executable, __file__, "--load", str(scans), target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own file
    parent, child = done.stdout.split()[-2:]
    return int(parent), int(child)


def _copies(files: list[Path], folder: Path, slices: int) -> None:
    """Write one series of many slices whose pixels are those of a few files in turn."""
    folder.mkdir()
    for number in range(slices):
        dataset = dcmread(files[number % len(files)])
        dataset.SOPInstanceUID = f"2.25.{number + 1}"
        dataset.ImagePositionPatient = [0, 0, number]
        dcmwrite(folder / f"{number}.dcm", dataset)


def _database(folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    target = target_of(folder / "lung_cancer_database.db")
    with closing(connect(target)) as connection:
        install(connection)
    return target


if __name__ == "__main__":
    sys.exit(main())
