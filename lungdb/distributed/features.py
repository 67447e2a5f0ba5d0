"""Features of scans that one machine would take too long for: the run as the driver sees it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lungdb import __version__
from lungdb.database import run
from lungdb.database.site import open_database
from lungdb.distributed.computing import Outcome, check_version, featurize_groups, versions
from lungdb.distributed.folders import Folder, without_secrets
from lungdb.distributed.groups import Group, Manifest, read_manifest
from lungdb.distributed.jobs import DatabaseSource, Features, Job, Network, Source
from lungdb.distributed.manifest import make_manifest
from lungdb.distributed.opening import FORMAT, open_output
from lungdb.distributed.planning import PARTITIONS_A_CORE, balance
from lungdb.distributed.tables import read_columns
from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.imaging.steps.pipelines import named_pipeline, recipe
from lungdb.learning.pooling import check_pooling
from lungdb.loading.network_file import find_file
from lungdb.loading.preparing import Task, prepare_apart
from lungdb.procedures.networks import open_network

if TYPE_CHECKING:
    from pyspark import SparkContext

Progress = Callable[[str, int, int], object]

SETTINGS = {"spark.task.maxFailures": "8"}
"""Of a session of Spark for this work: a machine that dies again and again is not the fault of a task."""

_SECONDS = 2.0
_SETTINGS = """
SELECT DB_NAME() AS name, (SELECT s.value FROM dbo.settings AS s WHERE s.name = N'id_mode') AS mode,
    (SELECT s.value FROM dbo.settings AS s WHERE s.name = N'id_key_check') AS key_check,
    (SELECT s.value FROM dbo.settings AS s WHERE s.name = N'series_rule') AS series_rule;
"""
_STEPS = "SELECT steps FROM dbo.preprocessings WHERE name = ? AND name NOT IN (N'lung', N'seed');"
_OURS = re.compile(r"^(?:lungdb\.\S*Error|lungdb\.\S*Refusal): (.+)$", re.MULTILINE)
_NO_LUNGDB = re.compile(r"No module named '([\w.]+)'")


@dataclass
class Report:
    """What became of a source.

    Attributes
    ----------
    series : int
        That were chosen.
    done_before : int
        That the output had already.
    done : int
        That are new in it, errors too.
    failed : Counter
        How many series of these are errors, by reason.
    unwritten : Counter
        How many series are not in the output, by reason.
    rejected : mapping
        How many files and series were not taken, by reason.
    """

    series: int
    done_before: int
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    unwritten: Counter[str] = field(default_factory=Counter)
    rejected: Mapping[str, int] = field(default_factory=dict)


def read_network(
    file: str, output: str | None, mean_file: Path | None, described: Mapping[str, Any]
) -> tuple[str, Network]:
    """Read a network as `lungdb load-network` does, so that its hash is that of dbo.networks; give its name, too."""
    found = find_file(file, None, None)
    made = prepare_apart(Task(found, output, None, mean_file, described))
    return found.name, Network(made.model, hashlib.sha256(made.model).hexdigest(), json.dumps(made.details))


def check_features(features: Features, network: Network) -> list[int]:
    """Check layers, preprocessing and poolings, and give the width of each layer.

    Raises
    ------
    LungdbError
        One of them is not there.
    """
    for pooling in features.poolings:
        check_pooling(pooling)
    named_pipeline(features.preprocessing, features.steps)
    opened = open_network(network.model, network.sha256, network.details, ",".join(features.layers), None, 1)
    picture = np.zeros((1, CHANNELS, *opened.session.input_size), dtype=np.float32)
    return [array.shape[1] for array in opened.session.run(picture)]


def read_steps(source: Source, preprocessing: str, file: Path | None) -> str | None:
    """Return the steps of a preprocessing that is not lungdb's own: those of a file, or of the database.

    Raises
    ------
    LungdbError
        The file cannot be read.
    """
    if file is not None:
        try:
            return recipe(file.read_text(encoding="utf-8")).text
        except (OSError, UnicodeDecodeError):
            raise LungdbError("The file of --steps cannot be read. Check its path.") from None
    if isinstance(source, DatabaseSource):
        with open_database(source.target) as connection:
            rows = run(connection, _STEPS, (preprocessing,))[0].rows
        return str(rows[0][0]) if rows else None
    return None


def settings_of(
    source: Source, name: str, network: Network, features: Features, widths: Sequence[int]
) -> dict[str, Any]:
    """Return what lungdb.json holds."""
    steps = features.steps
    return {
        "format": FORMAT,
        "kind": "features",
        "lungdb": __version__,
        "network": {"name": name, "sha256": network.sha256},
        "layers": [
            {"number": number, "name": layer, "width": width}
            for number, (layer, width) in enumerate(zip(features.layers, widths, strict=True), start=1)
        ],
        "preprocessing": {
            "name": features.preprocessing,
            "steps": steps,
            "digest": steps and hashlib.sha256(steps.encode("utf-16-le")).hexdigest(),
        },
        "poolings": list(features.poolings),
        **_of_source(source),
    }


def _of_source(source: Source) -> dict[str, Any]:
    if isinstance(source, DatabaseSource):
        with open_database(source.target) as connection:
            (found,) = run(connection, _SETTINGS)[0].records()
        return {
            "source": f"database {found['name']}",
            "identity": {"mode": found["mode"], "key_check": found["key_check"]},
            "series_rule": found["series_rule"] or "",
        }
    identity, years = source.identity, source.study_years
    return {
        "source": without_secrets(source.uri),
        "identity": {"mode": identity.mode, "key_check": identity.key_check if identity.mode == "keyed" else None},
        "series_rule": source.settling.rule.text,
        "intake": {
            "all_series": source.all_series,
            "allow_gaps": source.allow_gaps,
            "empty_patient_id": source.empty_patient_id,
            "study_years": None if years is None else _digest(years),
        },
    }


def _digest(years: Mapping[str, int]) -> str:
    return hashlib.sha256(json.dumps(sorted(years.items())).encode()).hexdigest()


def make_features(
    context: SparkContext,
    job: Job,
    network: Network,
    settings: dict[str, Any],
    on_progress: Progress,
    *,
    retry_failed: bool = False,
) -> Report:
    """Make the features of a source that are not in the output yet.

    Parameters
    ----------
    settings : dict
        Of `settings_of`.
    on_progress : callable
        Called now and then with what is counted, how many are done and how many there are.
    retry_failed : bool
        Make those anew of which the output has an error, and the few that were written with them.

    Raises
    ------
    LungdbError
        The output has other settings, is damaged or cannot be written; there are no series; or Spark ended the job.
    """
    open_output(job.out, settings)
    with _sentences():
        cores = context.defaultParallelism
        for version in context.parallelize(range(cores), cores).mapPartitions(versions).collect():
            check_version(version, job.version)
        manifest = read_manifest(job.out) or make_manifest(context, job.source, job.out, job.features.threads)
        done = _done(context, job, manifest, retry_failed=retry_failed)
        rest = [group for group in manifest.groups if group.file not in done]
        report = Report(
            sum(group.series for group in manifest.groups),
            sum(group.series for group in manifest.groups if group.file in done),
            rejected=manifest.rejected,
        )
        if rest:
            with _watched(job.out, rest, on_progress if not retry_failed else None):
                outcomes = _featurize(context, job, network, rest)
            for outcome in outcomes:
                if outcome.unwritten:
                    report.unwritten[outcome.unwritten] += outcome.series
                else:
                    report.done += outcome.series
                    report.failed.update(outcome.failed)
    return report


def _featurize(context: SparkContext, job: Job, network: Network, groups: Sequence[Group]) -> list[Outcome]:
    tasks = balance(groups, PARTITIONS_A_CORE * context.defaultParallelism)
    shipped = context.broadcast(network)
    try:
        work = partial(featurize_groups, job=job, network=shipped)
        outcomes: list[Outcome] = context.parallelize(tasks, len(tasks)).mapPartitions(work).collect()
    finally:
        shipped.unpersist()
    return outcomes


def _done(context: SparkContext, job: Job, manifest: Manifest, *, retry_failed: bool) -> set[str]:
    """Return the files of groups that are done, after looking whether each is whole."""
    there = job.out.names("features")
    known = {group.file for group in manifest.groups}
    if there - known:
        raise LungdbError(
            f"The folder features of the output holds {len(there - known)} files that no run of these settings wrote. "
            "Remove them, or give another output."
        )
    names = sorted(there)
    if not names:
        return set()
    slices = min(len(names), PARTITIONS_A_CORE * context.defaultParallelism)
    looked = context.parallelize(names, slices).mapPartitions(partial(_look, out=job.out)).collect()
    damaged = [why for _, _, why in looked if why]
    if damaged:
        raise LungdbError(damaged[0])
    return {name for name, failed, _ in looked if not (failed and retry_failed)}


def _look(names: Iterator[str], *, out: Folder) -> Iterator[tuple[str, bool, str]]:
    for name in names:
        try:
            with out.open(f"features/{name}") as file:
                layers = read_columns(file, f"features/{name}", ["layer", "series_uid", "error"]).column("layer")
        except LungdbError as error:
            yield name, False, str(error)
        else:
            yield name, 0 in layers.to_pylist(), ""


@contextmanager
def _watched(out: Folder, groups: Sequence[Group], on_progress: Progress | None) -> Iterator[None]:
    """Tell of progress by what appears in the output, which is what will stay."""
    ended = threading.Event()
    series = {group.file: group.series for group in groups}
    total = sum(series.values())

    def watch() -> None:
        while not ended.wait(_SECONDS):
            try:
                names = out.names("features")
            except LungdbError:
                continue
            if on_progress is not None:
                on_progress("series", sum(series.get(name, 0) for name in names), total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _sentences() -> Iterator[None]:
    """Say in a sentence why Spark ended a job."""
    try:
        yield
    except (LungdbError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:  # of py4j and Spark, whose texts hold the traces of two languages
        raise LungdbError(_why(str(error))) from None


def _why(text: str) -> str:
    ours, missing = _OURS.findall(text), _NO_LUNGDB.search(text)
    if ours:
        return str(ours[-1])
    if missing is not None:
        return (
            f"The executors' Python has no {missing[1]}. Install lungdb[spark,load,cpu] on every machine of the "
            "cluster, and name its Python in PYSPARK_PYTHON."
        )
    told = re.search(r"(?:Job aborted|Job \d+ cancelled|SparkContext was shut down|ExecutorLostFailure)[^\n]*", text)
    why = told[0] if told else next(iter(text.strip().splitlines()), "no reason was given")
    return f"Spark ended the job: {why[:300]} What was written stays; run the command again to go on."
