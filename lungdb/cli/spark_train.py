"""`lungdb spark train`: a classifier on a table of vectors that is too large for one machine, by LightGBM on Spark."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungdb.cli.support import exit_status
from lungdb.config import load_settings
from lungdb.errors import LungdbError, escaped
from lungdb.learning.parameters import TrainingParameters, read_parameters

if TYPE_CHECKING:
    from lungdb.distributed.training import Task
    from lungdb.distributed.vector_tables import Form

_EPILOG = """
URI is the output of `lungdb spark features`, or any Parquet file or folder of them with a column that is a list of
numbers, named by --vector. Every worker reads its part of it by itself, so it must be seen by all: an absolute path on
a shared disk, or an object store as fsspec names it. Patients are tested on as dbo.AssignSplits chooses them. What is
written is LightGBM's text, which `lungdb load-classifier` loads, and beside it FILE.json with the figures.
docs/scale.md says from which size on it pays.
"""
_IDS = ("id", "patient_id", "patient")
_LABELS = ("cancer", "label")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    default = TrainingParameters()
    parser = argparse.ArgumentParser(prog="lungdb spark train", description=__doc__, epilog=_EPILOG)
    parser.add_argument("uri", metavar="URI", help="the table: a folder or a file")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the classifier is written")
    table = parser.add_argument_group("the table")
    table.add_argument("--layer", type=int, metavar="N", help="layer of features that is learnt from, from 1")
    table.add_argument("--pooling", metavar="NAME", help="pooling of features that is learnt from, such as mean")
    table.add_argument(
        "--labels", type=Path, metavar="FILE.csv", help="patients' labels: id,cancer or patient_id,label"
    )
    table.add_argument("--vector", metavar="COLUMN", help="of a table of another make: the column of vectors")
    table.add_argument("--label", metavar="COLUMN", help="column of labels, in place of --labels")
    table.add_argument(
        "--patient", metavar="COLUMN", default="patient_id", help="column of patients' ids (default: patient_id)"
    )
    split = parser.add_argument_group("which patients are tested on", "as the settings of the database have it")
    split.add_argument("--split-key", default="lungdb", metavar="TEXT", help="setting split_key (default: lungdb)")
    split.add_argument("--test-percent", type=int, default=25, metavar="P", help="setting test_percent (default: 25)")
    spark = parser.add_argument_group("Spark")
    spark.add_argument("--master", metavar="URL", help="such as spark://host:7077 (default: Spark's configuration)")
    spark.add_argument("--workers", type=int, default=2, metavar="N", help="that learn at once (default: 2)")
    spark.add_argument("--threads", type=int, default=1, metavar="N", help="processors of each (default: 1)")
    spark.add_argument(
        "--stall-minutes", type=int, default=10, metavar="M",
        help="end the job when a worker makes no tree for so long (default: 10)",
    )  # fmt: skip
    learning = parser.add_argument_group("learning", "as TrainLungCancerModel means it")
    for name in ("learning_rate", "feature_fraction"):
        learning.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(default, name), metavar="X")
    for name in ("num_leaves", "min_data_in_leaf", "max_iterations", "seed"):
        learning.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(default, name), metavar="N")
    arguments = parser.parse_args(argv)
    for option, value, most in (
        ("workers", arguments.workers, 10_000),
        ("threads", arguments.threads, 1024),
        ("stall-minutes", arguments.stall_minutes, 1440),
        ("test-percent", arguments.test_percent, 90),
    ):
        if not 1 <= value <= most:
            parser.error(f"--{option} {value} is not supported; give 1 to {most}")
    return exit_status(lambda: _train(arguments))


def _train(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.distributed.training import Run, train
    except ModuleNotFoundError as error:
        raise LungdbError(f'Training on Spark needs {error.name}. Run: pip install "lungdb[spark]"') from error
    run = Run(arguments.master, arguments.workers, arguments.threads, arguments.stall_minutes)
    made = train(_task(arguments), run, arguments.out, lambda line: print(escaped(line), flush=True))
    rows, test = made["rows"], made["test"]
    area = "not known, for want of both classes" if test["auc"] is None else f"{test['auc']:.4f}"
    interval = "" if test["auc_low"] is None else f" ({test['auc_low']:.4f} to {test['auc_high']:.4f})"
    print(
        f"Classifier: {escaped(arguments.out)}, {made['parameters']['max_iterations']} trees of {rows['train']:,} "
        f"rows. AUC of {rows['test']:,} rows tested on: {area}{interval}."
    )
    print(
        f"Load it with: lungdb load-classifier {escaped(arguments.out)} -d TARGET --prevalence {made['prevalence']:.4g}"
    )
    return 0


def _task(arguments: argparse.Namespace) -> Task:
    from lungdb.distributed.training import Task
    from lungdb.distributed.vector_tables import Form, Split, read_description

    uri = arguments.uri if "://" in arguments.uri else os.path.abspath(arguments.uri)
    described = read_description(uri)
    if (arguments.labels is None) == (arguments.label is None):
        raise LungdbError("Labels are of a file or of a column. Give one of --labels and --label.")
    if described is None:
        if arguments.vector is None or (arguments.layer, arguments.pooling) != (None, None):
            raise LungdbError(
                "The table was not made by lungdb spark features. Name its column of vectors with --vector, without "
                "--layer and --pooling."
            )
        form = Form(arguments.vector, arguments.patient, arguments.label)
        facts: dict[str, Any] = dict.fromkeys(("network", "layer", "preprocessing", "pooling"))
        mode = {"mode": "kept"}
    else:
        form, facts = _of_features(described, arguments)
        mode = described.get("identity", {"mode": "kept"})
    labels = None if arguments.labels is None else _read_labels(arguments.labels, mode)
    given = {
        name: getattr(arguments, name)
        for name in ("learning_rate", "num_leaves", "min_data_in_leaf", "max_iterations", "feature_fraction", "seed")
    }
    split = Split(arguments.split_key, arguments.test_percent)
    return Task(uri, form, labels, split, read_parameters(json.dumps(given)), facts)


def _of_features(described: Mapping[str, Any], arguments: argparse.Namespace) -> tuple[Form, dict[str, Any]]:
    from lungdb.distributed.vector_tables import Form

    if arguments.vector is not None:
        raise LungdbError("The table was made by lungdb spark features. Give --layer and --pooling, not --vector.")
    layers = {each["number"]: each for each in described["layers"]}
    told = ", ".join(f"{number} ({each['name']})" for number, each in layers.items())
    number = next(iter(layers)) if arguments.layer is None and len(layers) == 1 else arguments.layer
    if number not in layers:
        said = "Which layer is not said" if number is None else f"The table has no layer {number}"
        raise LungdbError(f"{said}. Give --layer with one of: {told}.")
    poolings = described["poolings"]
    pooling = poolings[0] if arguments.pooling is None and len(poolings) == 1 else arguments.pooling
    if pooling not in poolings:
        said = "Which pooling is not said" if pooling is None else f"The table has no pooling '{pooling}'"
        raise LungdbError(f"{said}. Give --pooling with one of: {', '.join(poolings)}.")
    form = Form("pooled", arguments.patient, arguments.label, number, pooling)
    facts = {
        "network": described["network"],
        "layer": layers[number],
        "preprocessing": described["preprocessing"],
        "pooling": pooling,
    }
    return form, facts


def _read_labels(file: Path, identity: Mapping[str, Any]) -> dict[str, int]:
    """Read labels by the ids of the DICOM files, and give them by the ids that the table has."""
    from lungdb.dicom.identity import Identity
    from lungdb.loading.labels.patients import read_labels
    from lungdb.loading.tables import find_header

    def columns(names: Sequence[str]) -> tuple[str, str] | None:
        ids, labels = ([each for each in known if each in names] for known in (_IDS, _LABELS))
        return (ids[0], labels[0]) if ids and labels else None

    header = find_header(file, "labels", ("id", "cancer"), lambda names: columns(names) is not None)
    found = columns(header.columns) if header else None
    if header is None or found is None:
        raise LungdbError(f"'{file.name}' has no header with an id and a label. Write id,cancer as its first line.")
    who = Identity(identity["mode"], load_settings().id_key)
    if identity["mode"] == "keyed" and who.key_check != identity.get("key_check"):
        raise LungdbError(
            "The id_key is not the one that the features were made with. Set the right id_key in config.py or "
            "LUNGDB_ID_KEY."
        )
    return {who.patient(raw): label for raw, label in read_labels(file, header, found, 2).items()}
