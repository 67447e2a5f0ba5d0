"""What one worker does of a training over many: reads its rows, and boosts with the others over LightGBM's sockets."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lungdb.distributed.vector_tables import TEST, TRAIN, Codes, Form, Rows, Vectors, is_train, vectors
from lungdb.errors import LungdbError
from lungdb.procedures.usage import peak_megabytes

_SAMPLE_BYTES = 384 * 2**20
_SAMPLED = 12
"""Bytes of a value in LightGBM's sample, from which it takes the bins: a double and the number of its row."""
_SCORED_AT_ONCE = 4096
_FIRST_MINUTES = 120
"""For the bins and the first tree, of which the bins take as long as the table is large; LightGBM's own limit."""
_MOST_BINS = 256
_OF_A_BIN = 16  # two doubles
# What LightGBM writes into a model that is of this run alone: addresses are nobody's business, and ports change.
_OF_THIS_RUN = re.compile(r"^\[(machines|local_listen_port|machine_list_filename|time_out): .*\]\n", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """What all workers are told.

    Attributes
    ----------
    settings : dict
        LightGBM's.
    trees : int
        How many to learn.
    stall_minutes : int
        A worker that makes no further tree for so long ends itself, and so the job.
    """

    form: Form
    width: int
    settings: dict[str, Any]
    trees: int
    stall_minutes: int


def memory_bytes(train_rows: int, width: int, leaves: int) -> int:
    """Estimate what a worker's Python takes beside pages of files that the system can drop, in bytes.

    LightGBM keeps one byte a value, its sample, and a histogram a leaf.
    """
    sample = min(train_rows, sampled_rows(width)) * width * _SAMPLED
    return 200 * 2**20 + train_rows * (width + 64) + sample + leaves * width * _MOST_BINS * _OF_A_BIN


def sampled_rows(width: int) -> int:
    """Give from how many of its rows a worker takes the bins: 200,000 as LightGBM does, or what 384 MiB hold."""
    return min(200_000, max(1_000, _SAMPLE_BYTES // (_SAMPLED * width)))


def train_part(partition: Iterator[list[Rows]], job: Job) -> Iterator[dict[str, Any]]:
    """Be the worker of a barrier task: yield one dictionary.

    Its keys are `error`, a sentence, or `scores`, the raw scores of the rows tested on, in their order,
    `peak_megabytes` and `cpu_seconds`, the most memory and the processor time that it took, and of the first worker
    `model` as well.
    """
    from pyspark import BarrierTaskContext

    begun = time.process_time()
    context = BarrierTaskContext.get()
    rank = context.partitionId()
    host = _address([each.address for each in context.getTaskInfos()][rank])
    error = ""
    own = None
    with socket.create_server(("", 0)) as held:  # so that two workers of a machine take two ports
        try:
            own = _read([rows for part in partition for rows in part], job)
        except LungdbError as refusal:
            error = str(refusal)
        told = json.dumps({"host": host, "port": held.getsockname()[1], "error": error})
        everybody = [json.loads(text) for text in context.allGather(told)]
    errors = [each["error"] for each in everybody if each["error"]]
    if errors or own is None:
        yield {"error": errors[0]}
        return
    machines = [f"{each['host']}:{each['port']}" for each in everybody]
    watch = Watch(60.0 * max(_FIRST_MINUTES, job.stall_minutes), 60.0 * job.stall_minutes)
    booster = _boost(own, job, machines, rank, watch)
    scores = _score(booster, own.tested)
    watch.stop()
    yield {
        "scores": scores.tolist(),
        "peak_megabytes": peak_megabytes(),
        "cpu_seconds": time.process_time() - begun,
        **({"model": model_text(booster)} if rank == 0 else {}),
    }


def model_text(booster: Any) -> str:
    """Give LightGBM's text of a model without the addresses of the machines that learnt it."""
    return _OF_THIS_RUN.sub("", booster.model_to_string())


@dataclass(frozen=True)
class _Own:
    learnt: Vectors
    labels: Codes
    tested: Vectors


def _read(rows: list[Rows], job: Job) -> _Own:
    """Write a worker's vectors into files without a name, of which memory holds as much as the system likes."""
    codes = np.concatenate([each.codes for each in rows] or [np.zeros(0, np.uint8)])
    of_train = is_train(codes)
    learnt, tested = _mapped(int(of_train.sum()), job.width), _mapped(int((codes >= TEST).sum()), job.width)
    at = {TRAIN: 0, TEST: 0}
    for each in rows:
        for meant, matrix in vectors(each, job.form, job.width):
            for part, into in ((TRAIN, learnt), (TEST, tested)):
                chosen = matrix[(meant == part) | (meant == part + 1)]
                into[at[part] : at[part] + len(chosen)] = chosen
                at[part] += len(chosen)
    return _Own(learnt, codes[of_train] - TRAIN, tested)


def _mapped(rows: int, width: int) -> Vectors:
    if not rows:
        return np.zeros((0, width), np.float32)
    try:
        with tempfile.TemporaryFile() as file:  # which the system deletes when this process is gone, however it goes
            return np.memmap(file, np.float32, "w+", shape=(rows, width))
    except OSError as error:
        raise LungdbError(
            f"A worker has no room for {rows * width * 4 / 1e9:.1f} GB of vectors in its folder of temporary files "
            f"({error.strerror}). Make room, or give more --workers."
        ) from None


def _boost(own: _Own, job: Job, machines: list[str], rank: int, watch: Watch) -> Any:
    import lightgbm

    network: dict[str, Any] = {}
    if len(machines) > 1:
        network = {
            "tree_learner": "data",
            "num_machines": len(machines),
            "machines": ",".join(machines),
            "local_listen_port": int(machines[rank].rpartition(":")[2]),
            "time_out": max(_FIRST_MINUTES, job.stall_minutes),
            "pre_partition": True,
        }
    settings = {**job.settings, "bin_construct_sample_cnt": sampled_rows(job.width), **network}
    data = lightgbm.Dataset(own.learnt, own.labels, free_raw_data=True)
    booster = lightgbm.train(settings, data, num_boost_round=job.trees, callbacks=[watch])
    if network:
        booster.free_network()
    return booster


def _score(booster: Any, tested: Vectors) -> Any:
    found = [
        booster.predict(tested[start : start + _SCORED_AT_ONCE]) for start in range(0, len(tested), _SCORED_AT_ONCE)
    ]
    return np.concatenate(found or [np.zeros(0)])


def _address(told: str) -> str:
    """Give the IP address of a task; LightGBM knows itself in the list of machines by its interfaces' addresses."""
    found = socket.gethostbyname(told.rpartition(":")[0] or told)
    return "127.0.0.1" if found.startswith("127.") else found


class Watch:
    """Ends this process when nothing has happened for too long; LightGBM calls it after each tree.

    Parameters
    ----------
    first, seconds : float
        How long the first call, and each later one, may take.
    """

    def __init__(self, first: float, seconds: float) -> None:
        self._limit, self._seconds = first, seconds
        self._last = time.monotonic()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, _: object) -> None:
        """Note that something has happened."""
        self._last, self._limit = time.monotonic(), self._seconds

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._last > self._limit:
                os._exit(1)  # the thread that waits for the others' sockets takes no exception
