"""Training over several machines: one booster of a table of vectors, by LightGBM's sockets over Spark's tasks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb import __version__
from lungdb.distributed.boosting import Job, memory_bytes, train_part
from lungdb.distributed.folders import without_secrets
from lungdb.distributed.session import spark_session
from lungdb.distributed.vector_tables import TEST, TRAIN, Form, Rows, Split, Survey, is_train, share, survey
from lungdb.errors import LungdbError
from lungdb.learning.boosting import lightgbm_settings
from lungdb.learning.measuring import Scores, figures
from lungdb.learning.parameters import TrainingParameters, least_to_learn_from

LEAST_ROWS = 50
"""That a worker learns from: it takes the bins of its share of the features from its own rows."""

READ = ("seed", "learning_rate", "num_leaves", "min_data_in_leaf", "max_iterations", "feature_fraction")
"""The training parameters that are read: there is no early stopping, which each worker would decide by its own rows."""

_SETTINGS = {
    # A worker that is gone has taken its rows along: nothing is tried again, the job ends.
    "spark.task.maxFailures": "1",
    "spark.stage.maxConsecutiveAttempts": "1",
    "spark.python.worker.reuse": "false",
    # A cluster with too few places is said to be one after two minutes, not after ten; executors may take one to start.
    "spark.scheduler.barrier.maxConcurrentTasksCheck.interval": "5s",
    "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures": "24",
}


@dataclass(frozen=True)
class Task:
    """What is to be learnt.

    Attributes
    ----------
    uri : str
        Of the table, as every worker reads it.
    labels : mapping or None
        Patient, as the table has ids -> 0 or 1; None where the table has a column of labels.
    facts : dict
        What stands in the description beside: network, layer, preprocessing and pooling.
    """

    uri: str
    form: Form
    labels: Mapping[str, int] | None
    split: Split
    parameters: TrainingParameters
    facts: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """On what it is done: workers, threads of each, and the minutes after which one that goes no further ends it."""

    master: str | None
    workers: int
    threads: int
    stall_minutes: int


def train(task: Task, run: Run, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Train, and write LightGBM's text to `out` and a description to the same name with ``.json`` behind it.

    Returns
    -------
    dict
        The description.

    Raises
    ------
    LungdbError
        There is nothing to learn from, a worker refuses its rows or is lost, or the file is there already. Nothing is
        written then.
    """
    described = out.with_name(f"{out.name}.json")
    for file in (out, described):
        if file.exists():
            raise LungdbError(f"The file '{file.name}' is there already. Give another name with --out, or remove it.")
    if not out.parent.is_dir():
        raise LungdbError(f"There is no folder for '{out.name}'. Make it first, or give another with --out.")
    found = survey(task.uri, task.form, task.labels, task.split)
    learnt = _check(found, task, run)
    # The settings that LightGBM is given elsewhere too, with the threads of a worker.
    settings = {**lightgbm_settings(task.parameters), "num_threads": run.threads}
    _say_what_it_takes(found, learnt.size, task, run, say)
    job = Job(task.form, found.width, settings, task.parameters.max_iterations, run.stall_minutes)
    results = _run(share(found.rows, run.workers), job, run)
    text: str = results[0]["model"]
    scores = np.concatenate([np.array(each["scores"], dtype=np.float64) for each in results])
    used = {
        "peak_megabytes": round(max(each["peak_megabytes"] for each in results)),
        "cpu_seconds": round(sum(each["cpu_seconds"] for each in results), 1),
    }
    description = {**_describe(task, run, found, text, scores), **used}
    _write(described, json.dumps(description, indent=2).encode() + b"\n")
    _write(out, text.encode())
    return description


def _check(found: Survey, task: Task, run: Run) -> NDArray[np.int64]:
    """Give the labels that are learnt from."""
    codes = found.codes
    learnt: NDArray[np.int64] = (codes[is_train(codes)] - TRAIN).astype(np.int64)
    if not learnt.size:
        why = f"{found.unlabelled:,} rows have no label" if found.unlabelled else "it has no row that is meant"
        raise LungdbError(
            f"The table has nothing to learn from: {why}. Check --labels, whose ids are those of the DICOM files, and "
            "--layer."
        )
    if np.unique(learnt).size < 2:
        raise LungdbError(
            f"All {learnt.size:,} rows to learn from have the label {learnt[0]}. Give labels of both classes."
        )
    least = max(least_to_learn_from(task.parameters), LEAST_ROWS * run.workers)
    if learnt.size < least:
        raise LungdbError(
            f"{learnt.size:,} rows are too few for {run.workers} workers, which need {least:,}. Give fewer "
            "--workers, or train in the database."
        )
    return learnt


def _say_what_it_takes(found: Survey, learnt: int, task: Task, run: Run, say: Callable[[str], None]) -> None:
    memory = memory_bytes(-(-learnt // run.workers), found.width, task.parameters.num_leaves)
    disk = int(np.count_nonzero(found.codes)) / run.workers * found.width * 4
    say(
        f"{learnt:,} rows to learn from, {found.owners.size:,} to test on, {found.width:,} features; "
        f"{found.unlabelled:,} rows without a label and {found.failed:,} that could not be read are left out. Each of "
        f"{run.workers} workers takes about {memory / 1e9:.1f} GB of memory beside Spark's own, and "
        f"{disk / 1e9:.1f} GB of its folder of temporary files."
    )


def _run(parts: list[list[Rows]], job: Job, run: Run) -> list[dict[str, Any]]:
    own = {**_SETTINGS, "spark.task.cpus": str(run.threads)}
    with spark_session("lungdb spark train", run.master, own) as session:
        try:
            tasks = session.sparkContext.parallelize(parts, len(parts)).barrier()
            results: list[dict[str, Any]] = tasks.mapPartitions(partial(train_part, job=job)).collect()
        except Exception as error:  # py4j and Spark raise errors of many kinds
            raise LungdbError(_lost(error, run)) from None
    refused = [each["error"] for each in results if "error" in each]
    if refused:
        raise LungdbError(f"{refused[0]} Nothing was written.")
    return results


def _lost(error: Exception, run: Run) -> str:
    text = str(error)
    if "requires more slots" in text:
        return (
            f"The cluster has no place for {run.workers} workers at once, of {run.threads} processors each. Give fewer "
            "--workers or --threads, or add machines. Nothing was written."
        )
    known = re.search(r"ExecutorLostFailure[^\n]*|^\S*(?:LightGBMError|Error): [^\n]+", text, re.MULTILINE)
    said = known[0] if known else next(iter(text.splitlines()), type(error).__name__)
    return (
        f"A worker was lost, and the others cannot go on without its rows ({said[:300]}). Nothing was written; run it "
        "again."
    )


def _describe(task: Task, run: Run, found: Survey, text: str, scores: NDArray[np.float64]) -> dict[str, Any]:
    codes = found.codes
    learnt = codes[is_train(codes)] - TRAIN
    labels = (codes[codes >= TEST] - TEST).astype(np.int64)
    repeated = np.unique(found.owners).size < found.owners.size
    tested = Scores(labels, scores, scores, np.zeros(labels.size, bool), found.owners if repeated else None)
    measured = figures(tested, float(learnt.mean()), [], task.parameters.seed)
    return {
        "format": 1,
        "kind": "classifier",
        "lungdb": __version__,
        "library": "lightgbm",
        "sha256": sha256(text.encode()).hexdigest(),
        "source": without_secrets(task.uri),
        **task.facts,
        "width": found.width,
        "parameters": {name: getattr(task.parameters, name) for name in READ},
        "workers": run.workers,
        "split": {"split_key": task.split.key, "test_percent": task.split.test_percent},
        "rows": {
            "train": int(learnt.size),
            "train_positives": int(learnt.sum()),
            "test": int(labels.size),
            "unlabelled": found.unlabelled,
            "failed": found.failed,
        },
        "prevalence": float(learnt.mean()),
        "test": measured,
    }


def _write(file: Path, content: bytes) -> None:
    """Write a file that has its name when it is whole."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise LungdbError(f"The file '{file.name}' cannot be written ({error.strerror}). Check its folder.") from None
