"""Print what the demo's networks of volumes are worth beside its network of pictures, on phantoms held out from all."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databases import DEMO_NETWORK, succeed, target_of

from lungdb.cli import load_labels, load_network, load_scans
from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.database.site import is_missing_file, set_setting
from lungdb.errors import LungdbError
from lungdb.phantoms.dataset import NODULES, make_dataset

PATIENTS, TEST_PERCENT = 128, 35  # as `lungdb demo` has them
NETWORKS = ("demo_resnet", "demo_volume", "demo_detector")
HELD_OUT = "held out"
STAGE = "nodules:demo_detector"
"""Layer under which ScoreNodules keeps what a later stage makes of the detector's candidates."""


@dataclass(frozen=True)
class Way:
    """A model of the comparison.

    Attributes
    ----------
    name : str
        Of the model in dbo.classifiers.
    what : str
        How the table calls it.
    algorithm, network, layer, preprocessing, pooling : str
        Arguments of TrainLungCancerModel.
    """

    name: str
    what: str
    algorithm: str
    network: str
    layer: str
    preprocessing: str
    pooling: str


WAYS = (
    Way("pictures", "2-D features, mean, logistic", "logistic", "demo_resnet", "penultimate", "lung", "mean"),
    Way("pictures_max", "2-D features, max, logistic", "logistic", "demo_resnet", "penultimate", "lung", "max"),
    Way("volumes", "3-D features, mean, logistic", "logistic", "demo_volume", "penultimate", "volume", "mean"),
    Way("volumes_max", "3-D features, max, logistic", "logistic", "demo_volume", "penultimate", "volume", "max"),
    Way("detector", "detector, noisy-or of five", "noisy_or", "demo_detector", "nodules", "volume", "top5"),
    Way("stages", "detector and malignancy, noisy-or", "noisy_or", "demo_volume", STAGE, "volume", "top5"),
)
ENSEMBLE = ("pictures", "volumes_max", "stages")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where scans and database are kept (default: a temporary one)")
    parser.add_argument("--patients", type=int, default=PATIENTS, help=f"phantoms (default: {PATIENTS})")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            with closing(connect(_database(folder, options.patients))) as connection:
                _measure(connection, options.patients)
    except (LungdbError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def _step(name: str) -> Any:
    started = time.perf_counter()
    yield
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def _database(folder: Path, patients: int) -> str:
    """Make the database of the demo's phantoms with the three networks, unless the folder has it; give its target."""
    folder.mkdir(parents=True, exist_ok=True)
    target = target_of(folder / "lung_cancer_database.db")
    if not is_missing_file(target):
        return target
    labels = folder / "labels.csv"
    with _step("phantoms"):
        if not labels.is_file():
            make_dataset(folder / "scans", patients=patients)
    with closing(connect(target)) as connection:
        install(connection)
        set_setting(connection, "test_percent", str(TEST_PERCENT))
    with _step("loading"):
        succeed(load_scans.main(["-d", target, "--keep-ids", str(folder / "scans")]))
        succeed(load_labels.main(["-d", target, str(labels)]))
        succeed(load_labels.main(["-d", target, str(folder / NODULES)]))
        for name in NETWORKS:
            file = DEMO_NETWORK.with_name(f"{name}.onnx")
            succeed(load_network.main(["-d", target, str(file), "--name", name]))
    return target


def _measure(connection: Connection, patients: int) -> None:
    for network, pooling in zip(NETWORKS, ("mean,max", "mean,max", "top5"), strict=True):
        with _step(f"features of {network}"):
            call = "EXECUTE dbo.GenerateFeatures @ModelName = ?, @Pooling = ?;"
            run(connection, call, (network, pooling))
    with _step("malignancy of candidates"):
        call = (
            "EXECUTE dbo.ScoreNodules @ModelName = N'demo_volume', @Detector = N'demo_detector', @Activation = N'none';"
        )
        run(connection, call)
    with _step("training"):
        for way in WAYS:
            run(
                connection,
                "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Algorithm = ?, @NetworkName = ?, @Layer = ?, "
                "@Preprocessing = ?, @Pooling = ?;",
                (way.name, way.algorithm, way.network, way.layer, way.preprocessing, way.pooling),
            )
        run(
            connection,
            "EXECUTE dbo.CreateEnsemble @ModelName = N'together', @Members = ?;",
            (", ".join(ENSEMBLE),),
        )
    test = run(connection, "SELECT COUNT(*) FROM dbo.splits WHERE part = 'test';")[0].scalar()
    print(f"\nAUC on {test} held-out phantoms of {patients}, and out of fold on the others, with its 95 % interval:\n")
    ways = [(way.name, way.what) for way in WAYS]
    ways.append(("together", f"ensemble of {', '.join(ENSEMBLE)}"))
    print_table(
        ("model", "", "held out", "out of fold"),
        [(name, what, _auc(connection, name, "test"), _auc(connection, name, "train")) for name, what in ways],
    )
    _detector(connection)


def _auc(connection: Connection, name: str, part: str) -> str:
    rows = run(
        connection,
        "SELECT m.metric, m.value FROM dbo.experiment_metrics AS m WHERE m.part = ? AND m.metric LIKE N'auc%' AND "
        "m.experiment_id = (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = e.classifier_id WHERE c.name = ?);",
        (part, name),
    )[0].rows
    found = dict(rows)
    if found.get("auc") is None:
        return "not defined"
    low, high = found.get("auc_bootstrap_low"), found.get("auc_bootstrap_high")
    return f"{found['auc']:.3f}" + ("" if low is None or high is None else f" ({low:.3f} to {high:.3f})")


def _detector(connection: Connection) -> None:
    """Print how many nodules of the held-out phantoms the detector finds, by itself and with the later stage."""
    run(connection, "EXECUTE dbo.CreateDataset @Name = ?, @Part = N'test';", (HELD_OUT,))
    rows = []
    for stages in (None, "demo_volume"):
        (found,) = run(
            connection,
            "EXECUTE dbo.EvaluateNodules @ModelName = N'demo_detector', @Stages = ?, @Dataset = ?;",
            (stages, HELD_OUT),
        )
        columns = ("false_alarms_per_scan", "sensitivity", "low", "high")
        for row in found.rows:
            rate, sensitivity, low, high = (row[found.columns.index(name)] for name in columns)
            at = "mean of the seven" if rate is None else f"{rate:g} false alarms a scan"
            interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
            rows.append((stages or "alone", at, f"{sensitivity:.3f}{interval}"))
    print("\nSensitivity of demo_detector on the held-out phantoms, with its 95 % interval by bootstrap over scans:\n")
    print_table(("stages", "at", "sensitivity"), rows)


if __name__ == "__main__":
    sys.exit(main())
