"""Print what loading costs: speed over a plain loop, bytes a slice, peak memory; part of `make bench`."""

from __future__ import annotations

import argparse
import gzip
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from pydicom import dcmread, dcmwrite
from pydicom.pixels.processing import apply_rescale

from lungdb.cli import load_scans
from lungdb.cli.sql import print_table
from lungdb.database import connect, install, run
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.writing import write_series

SIZE = 512
SLICES = 96
SCANS = 3
MEMORY_SLICES = 1000


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the throughput (default: 3)")
    parser.add_argument("--load", nargs=2, metavar=("FOLDER", "TARGET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        return load_and_print_peak(*options.load)
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), options.rounds)
    return 0


def bench(folder: Path, rounds: int) -> None:
    """Print the rows about loading; `folder` takes the files."""
    scans = folder / "intake"
    for seed in range(SCANS):
        phantom = make_phantom(seed, cancer=bool(seed % 2), slices=SLICES, size=SIZE)
        write_series(scans / str(seed), phantom, f"patient-{seed}")
    files = sorted(scans.rglob("*.dcm"))
    rows = [_throughput(folder, scans, files, level, rounds) for level in (9, 1)]
    print(
        f"\nload-scans over a plain loop of pydicom decode + gzip, {len(files)} slices of {SIZE} x {SIZE}, medians:\n"
    )
    print_table(
        ("plain loop", "its slices/s", "load-scans, slices/s", "ratio", "ratios of the rounds"),
        rows,
    )
    print("\nBytes a slice; a pickled float64 array, the least that the original project stored, holds 8 a pixel:\n")
    print_table(("stored", "raw int16", "pickled float64", "stored / int16"), [_bytes(folder)])
    many = folder / "one_series"
    _copies(files[:SLICES], many)
    parent, child = _peak(folder, many)
    print(f"\nPeak memory of loading one series of {MEMORY_SLICES} slices of {SIZE} x {SIZE}:\n")
    print_table(("command, MB", "largest worker, MB"), [(parent, child)])


def load_and_print_peak(folder: str, target: str) -> int:
    """Load in this process, because a peak never goes down again; print its peak and its largest child's, in MB."""
    status = load_scans.main(["-d", target, "--keep-ids", folder])
    print(*peaks())
    return status


def peaks() -> tuple[int, int]:
    """Give this process's peak of resident memory and its largest child's, in MB; Linux."""
    # ru_maxrss of the process itself would begin with what the process that started it held.
    own = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]
    return int(own) // 1000, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000


def _throughput(
    folder: Path, scans: Path, files: list[Path], level: int, rounds: int
) -> tuple[str, str, str, str, str]:
    def plain() -> None:
        for path in files:
            dataset = dcmread(path)
            hu = apply_rescale(dataset.pixel_array, dataset).astype(np.int16)
            gzip.compress(hu.tobytes(), level)

    times = []
    for number in range(rounds):
        target = _database(folder / f"speed-{level}-{number}")
        # mypy cannot infer a lambda with a default argument.
        times.append((_seconds(plain), _seconds(lambda target=target: _load(scans, target))))  # type: ignore[misc]
    ratios = [one / other for one, other in times]
    medians = [len(files) / statistics.median(column) for column in zip(*times, strict=True)]
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    name = f"gzip level {level}{' (the default)' if level == 9 else ''}"
    return name, f"{medians[0]:.1f}", f"{medians[1]:.1f}", f"{statistics.median(ratios):.2f}", each


def _load(scans: Path, target: str) -> None:
    """Load in a process of its own, the way a user does: its start counts."""
    command = [sys.executable, __file__, "--load", str(scans), target]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 our own file


def _bytes(folder: Path) -> tuple[int, int, int, str]:
    target = f"sqlite:///{(folder / 'speed-9-0' / 'lung_cancer_database.db').as_posix()}"
    with closing(connect(target)) as connection:
        (found,) = run(connection, "SELECT AVG(CAST(DATALENGTH(pixels) AS FLOAT)) FROM dbo.scan_images;")
    stored, raw = found.scalar(), SIZE * SIZE * 2
    return round(stored), raw, SIZE * SIZE * 8, f"{stored / raw:.2f}"


def _peak(folder: Path, scans: Path) -> tuple[int, int]:
    target = _database(folder / "memory")
    command = [sys.executable, __file__, "--load", str(scans), target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own file
    parent, child = done.stdout.split()[-2:]
    return int(parent), int(child)


def _copies(files: list[Path], folder: Path) -> None:
    """Write one series of many slices whose pixels are those of a few files in turn."""
    folder.mkdir()
    for number in range(MEMORY_SLICES):
        dataset = dcmread(files[number % len(files)])
        dataset.SOPInstanceUID = f"2.25.{number + 1}"
        dataset.ImagePositionPatient = [0, 0, number]
        dcmwrite(folder / f"{number}.dcm", dataset)


def _database(folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    target = f"sqlite:///{(folder / 'lung_cancer_database.db').as_posix()}"
    with closing(connect(target)) as connection:
        install(connection)
    return target


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
