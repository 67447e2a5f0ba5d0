"""Print a published network's speed over bare ONNX Runtime, and its AUC on phantoms beside the demo network's."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import whole

from lungdb.cli.demo import Demo
from lungdb.cli.sql import print_table
from lungdb.database import connect, run
from lungdb.reporting.held_out import auc_sentence, newest_seed, score_test_patients


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a network that lungdb load-network takes")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the throughput (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        speed = _speed(Path(folder) / "speed", options.file, options.rounds)
        aucs = [
            ("demo network", _auc(Path(folder), "demo", None)),
            (options.file.name, _auc(Path(folder), "published", options.file)),
        ]
    print("\nGenerateFeatures over bare ONNX Runtime on the same batches already in memory, median of rounds:\n")
    print_table(
        ("network, slices", "bare, slices/s", "GenerateFeatures, slices/s", "ratio", "ratios of the rounds"), [speed]
    )
    print("\nThe whole job on the demo's phantoms:\n")
    print_table(("network", "result"), aucs)
    return 0


def _speed(folder: Path, file: Path, rounds: int) -> tuple[str, ...]:
    target = whole.database(folder, file, patients=4, slices=96, size=512)
    with closing(connect(target)) as connection:
        (model,) = run(connection, "SELECT model FROM dbo.networks;")[0].rows[0]
    stored = folder / "stored.onnx"
    stored.write_bytes(model)
    return (f"{file.name}, 512 × 512", *whole.throughput(target, stored, 64, rounds))


def _auc(folder: Path, name: str, file: Path | None) -> str:
    """Run the demo's job, on the same phantoms each time."""
    place = folder / name
    place.mkdir()
    first = folder / "phantoms"
    if first.is_dir():
        shutil.copytree(first, place / "scans")
        shutil.copy(folder / "labels.csv", place / "labels.csv")
    Demo(place, None, None, file).run()
    if not first.is_dir():
        shutil.copytree(place / "scans", first)
        shutil.copy(place / "labels.csv", folder / "labels.csv")
    with closing(connect(f"sqlite:///{(place / 'lung_cancer_database.db').as_posix()}")) as connection:
        return auc_sentence(score_test_patients(connection), newest_seed(connection))


if __name__ == "__main__":
    sys.exit(main())
