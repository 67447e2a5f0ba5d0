"""Running a network over scans, one batch of pictures after another, while the next ones are prepared."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CtSlice, Pipeline, Plane, normalise
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import CPU
from lungdb.networks.running.sessions import Session

Floats = NDArray[np.float32]
Begun = TypeVar("Begun")


@dataclass(frozen=True)
class LazyScan:
    """A scan whose slices are decoded when they are needed.

    Attributes
    ----------
    slices : int
        How many there are; at least one.
    load : index -> CtSlice or float32[rows, cols]
        Gives a slice, or what the pipeline once made of it, or raises LungdbError. Called from several threads.
    keep : (index, float32[rows, cols]) -> None, optional
        Is given what the pipeline makes of a slice, and must not hold on to the array. Called from several threads.
    """

    slices: int
    load: Callable[[int], CtSlice | Plane]
    keep: Callable[[int, Plane], None] | None = None


@dataclass(frozen=True)
class Preparation:
    """How slices become pictures.

    Attributes
    ----------
    pipeline : Pipeline
    mean, std : a number a channel
        The network's normalisation: three of a network that reads triples of slices, one of one that reads slices.
    spent : list of float
        Seconds of a processor that each picture has taken, added by `fill`.
    """

    pipeline: Pipeline
    mean: Sequence[float]
    std: Sequence[float]
    spent: list[float] = field(default_factory=list, compare=False)

    def groups(self, slices: int) -> list[tuple[int, ...]]:
        """Say which slices become the channels of each picture; of a network of one channel each slice is one."""
        triples = self.pipeline.triples(slices)
        if len(self.mean) > 1:
            return [*triples]
        return [(index,) for index in dict.fromkeys(index for triple in triples for index in triple)]

    def fill(self, picture: Floats, scan: LazyScan, triple: tuple[int, ...]) -> None:
        """Decode and prepare a triple of slices, or one slice, into float32[channels, rows, cols]."""
        started = time.thread_time()
        for plane, index, mean, std in zip(picture, triple, self.mean, self.std, strict=True):
            loaded = scan.load(index)
            if isinstance(loaded, CtSlice):
                self.pipeline.fill(loaded, plane)
            else:
                np.copyto(plane, loaded)
            if scan.keep is not None:
                scan.keep(index, plane)
            if self.pipeline.normalised:
                normalise(plane, mean, std)
        self.spent.append(time.thread_time() - started)


def featurize(
    scans: Iterable[LazyScan], session: Session, preparation: Preparation, batch_size: int, threads: int | None = None
) -> Iterator[list[Floats] | LungdbError]:
    """Compute the features of scans, in order.

    Parameters
    ----------
    scans : iterable of LazyScan
    session : Session
    preparation : Preparation
    batch_size : int
        Pictures in one run of the network at most. A batch holds pictures of one scan only, so what a scan gives does
        not depend on the scans beside it.
    threads : int, optional
        Threads that decode; by default as many as the process may have processors.

    Yields
    ------
    list of float32[pictures, width], or LungdbError
        One array an output of the session, or the error of a slice that could not be loaded or prepared; the scans
        after it go on.

    Raises
    ------
    ProcedureError
        50116 when the network fails.
    """
    features: list[list[Floats]] = []
    error: LungdbError | None = None
    number = batches_ahead(session)
    with ThreadPoolExecutor(threads or allowed_processors()) as pool:
        buffers = [_Buffer((len(preparation.mean), *session.input_size)) for _ in range(number + 1)]
        for batch in ahead(_batches(scans, preparation, batch_size, buffers, pool), number):
            if error is None:
                try:
                    pictures = batch.result()
                except LungdbError as failure:
                    error = failure
                else:
                    features.append(session.run(pictures))
            if batch.ends_scan:
                yield error or [np.concatenate(outputs) for outputs in zip(*features, strict=True)]
                features, error = [], None


# While a GPU runs a batch the processors are free to prepare the next. On the CPU the network wants all of them; one
# batch ahead fills what its threads leave idle, as long as these do not spin (see start_session), a second one holds
# them up. On two cores the demo network took 1.50 s so, 1.64 s without looking ahead, ResNet-50 3.93 s, 4.4 s, and
# 4.2 s with two ahead.
_LOOK_AHEAD = 2
_LOOK_AHEAD_ON_PROCESSORS = 1
_ON_PROCESSORS = {CPU, "OpenVINOExecutionProvider"}


class _Buffer:
    """Memory for a batch, taken again and again: the pages of a fresh array cost as much as preparing what is in it.

    Attributes
    ----------
    jobs : list of Future
        What fills it.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.jobs: list[Future[None]] = []
        self._pictures: Floats = np.empty((0, *shape), dtype=np.float32)

    def take(self, pictures: int) -> Floats:
        """Give an array for so many pictures once nothing writes into it any more, as may be after an error."""
        wait(self.jobs)
        if len(self._pictures) < pictures:
            self._pictures = np.empty((pictures, *self._pictures.shape[1:]), dtype=np.float32)
        return self._pictures[:pictures]


@dataclass(frozen=True)
class _Batch:
    pictures: Floats
    jobs: list[Future[None]]
    ends_scan: bool

    def result(self) -> Floats:
        for job in self.jobs:
            job.result()
        return self.pictures


def _batches(
    scans: Iterable[LazyScan],
    preparation: Preparation,
    batch_size: int,
    buffers: Sequence[_Buffer],
    pool: ThreadPoolExecutor,
) -> Iterator[_Batch]:
    """Start preparing the pictures of a batch whenever the next one is asked for, in one buffer after the other."""
    turns = cycle(buffers)
    for scan in scans:
        triples = preparation.groups(scan.slices)
        for start in range(0, len(triples), batch_size):
            chosen = triples[start : start + batch_size]
            buffer = next(turns)
            pictures = buffer.take(len(chosen))
            buffer.jobs = [
                pool.submit(preparation.fill, picture, scan, triple)
                for picture, triple in zip(pictures, chosen, strict=True)
            ]
            yield _Batch(pictures, buffer.jobs, ends_scan=start + batch_size >= len(triples))


def batches_ahead(session: Session) -> int:
    """Say how many batches are prepared while the session runs one."""
    return _LOOK_AHEAD_ON_PROCESSORS if on_processors(session) else _LOOK_AHEAD


def on_processors(session: Session) -> bool:
    """Tell whether the session runs on the processors."""
    return session.provider in _ON_PROCESSORS


def ahead(batches: Iterable[Begun], number: int) -> Iterator[Begun]:
    """Give batches in order, each once so many after it have been asked for, and so begun."""
    waiting: deque[Begun] = deque()
    for batch in batches:
        waiting.append(batch)
        if len(waiting) > number:
            yield waiting.popleft()
    yield from waiting
