"""A folder that is watched: what is complete in it is loaded, and features and scores of what is new follow."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lungdb.database import connect, run
from lungdb.database.site import open_database
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.loading.arrivals import Arrivals, Batch
from lungdb.operating.jobs import BusyError, do_job
from lungdb.operating.worker import Stop, queue_features

FEATURES = ("queue", "make", "none")
"""What becomes of new scans: their features are queued for workers, made by the database itself, or left to others."""

_BATCH_FILES = 1000
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0

_IDENTITY = "SELECT DB_NAME() AS name, MIN(applied_at) AS since FROM dbo.schema_version;"
_QUEUE_NEW = "EXECUTE dbo.QueueNewFeatures @ModelName = ?;"
# Scans without features, and those with features and without a score: state 0 and 1.
_STATES = """
SELECT COALESCE(SUM(CASE WHEN state = 0 THEN 1 ELSE 0 END), 0) AS lacking,
    COALESCE(SUM(CASE WHEN state = 1 THEN 1 ELSE 0 END), 0) AS unscored,
    COALESCE(SUM(CASE WHEN state = 1 THEN CAST(scan_id AS BIGINT) ELSE 0 END), 0) AS which
FROM dbo.scan_states;
"""


@dataclass(frozen=True)
class WatchOptions:
    """How a folder is watched.

    Attributes
    ----------
    poll : float
        Seconds between two looks.
    settle : float
        As of `Arrivals`; with `once`, the seconds between the only two looks.
    once : bool
        Load what does not change between two looks, and end.
    features : str
        One of `FEATURES`.
    network : str or None
        Network whose features are queued; None for those that the served models read.
    layer : str or None
        Its layers; None for the penultimate one.
    preprocessing, pooling : str
        As dbo.QueueFeatures takes them.
    model : str or None
        Model whose features and scores are made; None for all that are served.
    """

    poll: float
    settle: float
    once: bool = False
    features: str = "queue"
    network: str | None = None
    layer: str | None = None
    preprocessing: str | None = None
    pooling: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Loaded:
    """What came of loading files.

    Attributes
    ----------
    scans : int
        Series that were loaded or replaced.
    is_whole : bool
        Whether every file could be read: what could not, such as on a share that is away, is tried again.
    """

    scans: int
    is_whole: bool


def identity_of(target: str, folder: Path) -> str:
    """Return a text that tells a folder and a database from others, also from one that was made anew under its name.

    Raises
    ------
    LungdbError
        The database cannot be opened, or lungdb is not installed in it.
    """
    with open_database(target) as connection:
        (found,) = run(connection, _IDENTITY)[-1].records()
    return f"{folder.resolve()}\n{found['name']}\n{found['since']}"


class Watch:
    """The watching of a folder.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    arrivals : Arrivals
        What is in the folder.
    load : callable
        Loads files of it.
    options : WatchOptions
        How.
    say : callable
        Called with a line of what is done.
    stop : Stop
        Asked for, it ends when the present batch is loaded.
    """

    def __init__(
        self,
        target: str,
        arrivals: Arrivals,
        load: Callable[[Batch], Loaded],
        options: WatchOptions,
        say: Callable[[str], None],
        stop: Stop,
    ) -> None:
        self._target = target
        self._arrivals = arrivals
        self._load = load
        self._options = options
        self._say = say
        self._stop = stop
        # What a process that was killed had loaded may lack both.
        self._is_to_queue = self._is_to_score = options.features != "none"
        self._scored: tuple[int, int] | None = None
        self._pause = _FIRST_PAUSE
        self._waiting = 0
        self.has_failed = False

    def run(self) -> bool:
        """Watch until asked to stop, or look twice with `once`; return whether nothing failed at last."""
        options = self._options
        self._look()
        while not self._stop.asked.wait(options.settle if options.once else self._pause_of()):
            self.has_failed = False
            if self._look() and not self._stop.asked.is_set():
                self._follow()
            if options.once:
                break
        return not self.has_failed

    def _pause_of(self) -> float:
        if not self.has_failed:
            self._pause = _FIRST_PAUSE
            return self._options.poll
        pause = max(self._options.poll, self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    def _look(self) -> bool:
        """Look, and load what is complete; return whether the folder is there."""
        try:
            batches = self._arrivals.look(time.monotonic(), _BATCH_FILES, lambda: not self._stop.asked.is_set())
        except LungdbError as error:
            self._fail(error)
            return False
        for batch in batches:
            if self._stop.asked.is_set():
                break
            self._take(batch)
        if self._arrivals.waiting != self._waiting:
            self._waiting = self._arrivals.waiting
            if self._waiting:
                self._say(f"{self._waiting} files are there that are not loaded yet.")
        return True

    def _take(self, batch: Batch) -> None:
        self._say(f"Loading {len(batch.files)} files of {batch.studies} studies.")
        try:
            loaded = self._load(batch)
            if loaded.is_whole:
                self._arrivals.loaded(batch)
        except LungdbError as error:
            self._fail(error)
            self._arrivals.failed(batch, time.monotonic(), _FIRST_PAUSE, _LONGEST_PAUSE)
            return
        if not loaded.is_whole:
            self.has_failed = True
            pause = self._arrivals.failed(batch, time.monotonic(), _FIRST_PAUSE, _LONGEST_PAUSE)
            self._say(f"Files of it cannot be read; it is tried again in {pause:.0f} seconds.")
        if loaded.scans and self._options.features != "none":
            self._is_to_queue = self._is_to_score = True

    def _follow(self) -> None:
        """Queue or make features of what is new, and score what has features."""
        if self._is_to_queue:
            self._is_to_queue = self._is_to_do_again(self._queue)
        if self._is_to_score:
            self._is_to_score = self._is_to_do_again(self._score)

    def _is_to_do_again(self, step: Callable[[], bool]) -> bool:
        """Do a step, and return whether it is to be done again: where nothing has hindered it, as the step says.

        What a procedure refuses, or could not do of some scans, is not asked of it again before others are loaded.
        """
        try:
            return step()
        except SqlError as error:
            if error.number in list(ErrorNumber):
                self.has_failed = True
                self._say(str(error))
                return False
            self._fail(error)
        except BusyError as error:
            self._say(str(error))
        except LungdbError as error:
            self._fail(error)
        return True

    def _queue(self) -> bool:
        options = self._options
        if options.features == "make":
            done = do_job(self._target, "features", self._of_model(), self._say, lambda *_: None)
            self._say(f"Features: {done}")
        elif options.network is not None:
            of = (options.layer, options.preprocessing, options.pooling)
            self._say(f"{queue_features(self._target, options.network, *of)} scans are queued.")
        else:
            with closing(connect(self._target, create=False)) as connection:
                results = run(
                    connection, _QUEUE_NEW, (options.model,), on_message=lambda message: self._say(message.text)
                )
            for result in results:
                self._say(f"{result.records()[0]['open']} scans are queued.")
        return False

    def _score(self) -> bool:
        """Score when other scans have features and no score than the last time.

        Returns whether to look again: while scans lack features, and as long as scoring changed something, because
        features that came while it ran are not scored by it.
        """
        lacking, unscored = self._states()
        if unscored[0] == 0 or unscored == self._scored:
            return lacking > 0
        self._scored = unscored
        done = do_job(self._target, "score", self._of_model(), self._say, lambda *_: None)
        self._say(f"Scores: {done}")
        return True

    def _states(self) -> tuple[int, tuple[int, int]]:
        with closing(connect(self._target, create=False)) as connection:
            (found,) = run(connection, _STATES)[-1].records()
        return int(found["lacking"]), (int(found["unscored"]), int(found["which"]))

    def _of_model(self) -> dict[str, object]:
        return {} if self._options.model is None else {"model": self._options.model}

    def _fail(self, error: LungdbError) -> None:
        self.has_failed = True
        self._say(f"{error} It is tried again." if not self._options.once else str(error))
