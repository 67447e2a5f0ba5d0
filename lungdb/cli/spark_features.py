"""`lungdb spark features`: a network over the scans of a folder or database, on Spark, into a folder of Parquet."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb import __version__
from lungdb.cli.load_network import add_description, described_by
from lungdb.cli.load_scans import add_intake, add_limits, limits_of, read_years
from lungdb.cli.support import exit_status, progress_lines
from lungdb.config import load_settings
from lungdb.dicom.rejection import REASONS
from lungdb.errors import LungdbError

if TYPE_CHECKING:
    from lungdb.distributed.features import Report
    from lungdb.distributed.jobs import Source

_EPILOG = """
What a series is, which of a study is taken and by which ids it is known follow the same options as with load-scans,
and the features are those of GenerateFeatures, bit for bit. Run it again with the same output to go on: what is there
is not done again. docs/spark.md tells more.
"""
_SHOWN = 5
_BATCH = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when series are missing, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb spark features", description=__doc__, epilog=_EPILOG)
    parser.add_argument("source", nargs="?", help="folder of DICOM files: an absolute path, or an address of fsspec")
    parser.add_argument("-d", "--database", metavar="TARGET", help="take the slices of this database instead")
    parser.add_argument("--network", required=True, metavar="FILE", help="the network: a file or an https address")
    parser.add_argument("--layer", default="penultimate", help="one or more, with commas (default: penultimate)")
    parser.add_argument("--pooling", default="mean", help="one or more, with commas (default: mean)")
    parser.add_argument(
        "--preprocessing", default="lung", metavar="NAME", help="lung, seed, or another one with its --steps"
    )
    parser.add_argument(
        "--steps",
        type=Path,
        metavar="FILE.json",
        help="the steps of the preprocessing, as StorePreprocessing takes them",
    )
    parser.add_argument("--out", required=True, metavar="URI", help="folder for the features, which executors write to")
    parser.add_argument("--retry-failed", action="store_true", help="make anew what the output has errors of")
    parser.add_argument("--show-errors", action="store_true", help="print every reason that series failed for")
    _add_spark(parser)
    add_description(parser)
    add_intake(parser)
    add_limits(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _add_spark(parser: argparse.ArgumentParser) -> None:
    spark = parser.add_argument_group("Spark")
    spark.add_argument("--master", metavar="URL", help="such as spark://host:7077 or local[4] (default: Spark's own)")
    spark.add_argument(
        "--cores", type=_cores, default=1, metavar="N", help="of one task: threads that decode and compute (default: 1)"
    )
    spark.add_argument("--executor-memory", default="1g", metavar="SIZE", help="of an executor's Java (default: 1g)")
    spark.add_argument(
        "--python-memory",
        default="",
        metavar="SIZE",
        help="of an executor's Python, divided among its tasks (default: as much as the machine has)",
    )
    spark.add_argument(
        "--conf", action="append", default=[], metavar="KEY=VALUE", help="a setting of Spark; repeatable"
    )


def _cores(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of 1 or more")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        import fsspec  # noqa: F401 - what is missing is better known before the network is prepared
        import pyarrow  # noqa: F401
        import pyspark  # noqa: F401
    except ModuleNotFoundError as error:
        raise LungdbError(f'Features on Spark need {error.name}. Run: pip install "lungdb[spark]"') from error
    try:
        from lungdb.distributed.features import (
            SETTINGS,
            check_features,
            make_features,
            read_network,
            read_steps,
            settings_of,
        )
    except ModuleNotFoundError as error:
        raise LungdbError(f'Scans are read with {error.name}. Run: pip install "lungdb[load,cpu]"') from error
    from lungdb.distributed.folders import Folder, absolute
    from lungdb.distributed.jobs import Features, Job
    from lungdb.distributed.opening import check_output
    from lungdb.distributed.session import check_java, spark_session

    check_java()
    source, out = _source(arguments), Folder(absolute(arguments.out, "output"))
    features = Features(
        tuple(part.strip() for part in arguments.layer.split(",")),
        arguments.preprocessing,
        read_steps(source, arguments.preprocessing, arguments.steps),
        tuple(part.strip() for part in arguments.pooling.split(",")),
        _BATCH,
        arguments.cores,
    )
    name, network = read_network(arguments.network, arguments.output, arguments.mean_file, described_by(arguments))
    settings = settings_of(source, name, network, features, check_features(features, network))
    check_output(out, settings)  # which is better known before Spark is started
    with spark_session("lungdb spark features", arguments.master, {**SETTINGS, **_conf(arguments)}) as session:
        job = Job(source, features, out, __version__)
        report = make_features(
            session.sparkContext,
            job,
            network,
            settings,
            progress_lines(),
            retry_failed=arguments.retry_failed,
        )
    _print(report, show=arguments.show_errors)
    return 1 if report.failed or report.unwritten else 0


def _source(arguments: argparse.Namespace) -> Source:
    from lungdb.dicom.identity import Identity
    from lungdb.dicom.series_rule import DEFAULT_RULE, parse_rule
    from lungdb.distributed.folders import absolute
    from lungdb.distributed.jobs import DatabaseSource, DicomSource
    from lungdb.loading.studies import Settling

    if (arguments.source is None) == (arguments.database is None):
        raise LungdbError("Give either a folder of DICOM files or -d TARGET, whose slices are taken.")
    if arguments.database is not None:
        return DatabaseSource(arguments.database)
    rule = parse_rule(DEFAULT_RULE if arguments.series_rule is None else arguments.series_rule)
    return DicomSource(
        absolute(arguments.source, "source"),
        Identity("kept" if arguments.keep_ids else "keyed", load_settings().id_key),
        Settling(rule),
        all_series=arguments.all_series,
        allow_gaps=arguments.allow_gaps,
        empty_patient_id=arguments.empty_patient_id,
        study_years=read_years(arguments.study_years),
        limits=limits_of(arguments),
    )


def _conf(arguments: argparse.Namespace) -> dict[str, str]:
    settings = {"spark.task.cpus": str(arguments.cores), "spark.executor.memory": arguments.executor_memory}
    if arguments.python_memory:
        settings["spark.executor.pyspark.memory"] = arguments.python_memory
    for text in arguments.conf:
        key, found, value = text.partition("=")
        if not found or not key.startswith("spark."):
            raise LungdbError(f"The setting '{text}' is not of the form spark.key=value. Write it like that.")
        settings[key] = value
    return settings


def _print(report: Report, *, show: bool) -> None:
    failed, missing = sum(report.failed.values()), sum(report.unwritten.values())
    print(
        f"Series: {report.series} chosen, {report.done_before} done before, {report.done - failed} done now, "
        f"{failed} failed, {missing} not written."
    )
    for told, counts in (("failed", report.failed), ("were not written", report.unwritten)):
        reasons = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        for reason, count in reasons if show else reasons[:_SHOWN]:
            print(f"{count:8}  {told}: {reason}")
    if report.rejected:
        print("Files and series that were not taken:")
        for reason, count in sorted(report.rejected.items()):
            print(f"{count:8}  {reason:20}  {REASONS[reason]}")
    if failed:
        print("Add --retry-failed to try those that failed again.")
    if missing:
        print("Run the command again when the output can be written.")
