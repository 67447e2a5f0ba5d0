"""`lungdb load-classifier`: a classifier that was trained elsewhere becomes a model that the procedures score with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.errors import escaped

_EPILOG = """
Taken are LightGBM's model text of two classes, and ONNX that reads one tensor(float) [N, features] and gives a
probability: one or two numbers a patient, or maps with the classes 0 and 1, as scikit-learn models are exported.
What it learnt from is not known, so that evaluating it on data of this database needs to be forced. Where it is a data
set of this database, --trained-on names it: then its scores say which scans stand outside what it knows.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-classifier", description=__doc__, epilog=_EPILOG)
    parser.add_argument("file", type=Path, help="the classifier: LightGBM's model text or ONNX")
    add_database_argument(parser)
    parser.add_argument("--name", help="name in the database (default: the file's name)")
    parser.add_argument(
        "--prevalence", type=float, metavar="P", help="share of positives among those that it learnt from, if known"
    )
    parser.add_argument(
        "--trained-on",
        metavar="NAME[:VERSION]",
        help="data set that it learnt from, see CreateDataset (default: unknown)",
    )
    reads = parser.add_argument_group("the features that it reads", "what fits one feature set alone is enough")
    reads.add_argument("--feature-set", type=int, metavar="N", help="feature_set_id of dbo.feature_sets")
    reads.add_argument("--network", metavar="NAME", help="network of the features")
    reads.add_argument("--layer", metavar="NAME", help="layer of the features")
    reads.add_argument("--preprocessing", metavar="NAME", help="preprocessing of the features")
    reads.add_argument("--pooling", default="mean", metavar="NAME", help="pooling, or combined (default: mean)")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    from lungdb.loading.classifiers import Features, load_classifier, read_trained_on  # which imports numpy and onnx

    features = Features(
        arguments.feature_set, arguments.network, arguments.layer, arguments.preprocessing, arguments.pooling
    )
    stored = load_classifier(
        arguments.database,
        arguments.file,
        arguments.name,
        features,
        arguments.prevalence,
        lambda message: print(escaped(message.text)),
        read_trained_on(arguments.trained_on),
    )
    found = stored.examined
    trees = f", {found.trees} trees" if found.trees else ""
    print(
        f"Classifier: {escaped(stored.name)}, version {stored.version}, {found.library}{trees}, reads {found.width} "
        f"features of set {stored.feature_set}."
    )
    return 0
