"""The process that loads an upload, one at a time."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from lungdb_web.uploads.limits import LOADING_SECONDS
from lungdb_web.uploads.upload import Upload

_LOG = logging.getLogger("lungdb_web")
_DIED = "The process that loads ended without a word. Series that were whole are loaded; hand the files in again."
_TOO_LONG = "Loading took too long and was ended. Series that were whole are loaded; hand in fewer files at a time."
_COMMAND = (sys.executable, "-m", "lungdb.loading.handed_in")


class Process:
    """Runs `lungdb.loading.handed_in` for uploads, one after the other."""

    def __init__(self, seconds: float = LOADING_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._running: subprocess.Popen[str] | None = None
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The number of the process that loads at present."""
        return None if self._running is None else self._running.pid

    def load(self, order: Mapping[str, object], upload: Upload) -> None:
        """Load an upload, and note in it how far that is and at last what became of it."""
        with self._lock:
            if self._is_closed:
                return
            # Nothing that Ctrl-C reaches: the page ends it itself. What libraries complain of may name patients.
            self._running = subprocess.Popen(  # noqa: S603  our own interpreter and module
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        process, error = self._running, _DIED
        alarm = threading.Timer(self._seconds, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            error = self._follow(process, order, upload)
        finally:
            if not alarm.is_alive():
                error = _TOO_LONG
            alarm.cancel()
            process.kill()
            process.communicate()
            self._running = None
        if upload.report is None:
            upload.error = error

    def close(self) -> None:
        """End what is loading; series that were stored stay."""
        with self._lock:
            self._is_closed = True
            if self._running is not None:
                self._running.kill()

    @staticmethod
    def _follow(process: subprocess.Popen[str], order: Mapping[str, object], upload: Upload) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        error = _DIED
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                said: dict[str, Any] = json.loads(line)
                if "progress" in said:
                    kind, done, total = said["progress"]
                    upload.phase = (kind, done, total)
                elif "report" in said:
                    upload.report = said["report"]
                else:
                    error = said["error"]
        except (OSError, ValueError):
            _LOG.error("The process that loads what was handed in broke off.")
        return error
