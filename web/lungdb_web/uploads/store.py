"""All uploads of a page: what may be handed in at a time, in whose turn it is loaded, and when it is forgotten."""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from lungdb.config import Settings
from lungdb.loading.handed_in import identity_of, order
from lungdb_web.logs import log_failure
from lungdb_web.uploads.folders import OwnFolder, delete_abandoned
from lungdb_web.uploads.limits import (
    ARRIVING_SECONDS,
    FREE_MEGABYTES,
    MEGABYTE,
    MOST_AT_ONCE,
    MOST_FILES,
    MOST_KEPT,
    RefusedError,
    megabytes_of,
)
from lungdb_web.uploads.process import Process
from lungdb_web.uploads.upload import Upload

_SWEEP_SECONDS = 60.0
_LOG = logging.getLogger("lungdb_web")


class Uploads:
    """The uploads of one server; its process is the only one that knows them.

    Parameters
    ----------
    settings : Settings
        `web_uploads` and what loading needs.
    on_end : callable
        Called in a thread of its own with an upload that is over, to tell the audit.

    Raises
    ------
    LungdbError
        They are on, and a setting that loading needs is missing or wrong.
    """

    def __init__(self, settings: Settings, on_end: Callable[[Upload], object]) -> None:
        self.megabytes = megabytes_of(settings.web_uploads)
        self._settings = settings
        self._on_end = on_end
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()
        self._folder = OwnFolder()
        self._waiting: queue.SimpleQueue[Upload | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.process = Process()
        if self.megabytes:
            identity_of(settings)
            delete_abandoned()

    def begin(self, account: str, session: str, files: int, size: int) -> Upload:
        """Make room for an upload; what the account has not finished of another one, anywhere, is given up.

        Raises
        ------
        RefusedError
            413 where it is too large, 429 where others are under way, 507 where the disk has no room.
        """
        limit = self.megabytes * MEGABYTE
        if not (1 <= files <= MOST_FILES and 1 <= size <= limit):
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"An upload may have 1 to {MOST_FILES:,} files and {self.megabytes:,} MB in all. "
                "Hand in fewer at a time, or ask the administrator to load them.",
            )
        with self._lock:
            self._sweep()
            for other in list(self._uploads.values()):
                if other.account == account and other.state == "arriving":
                    self._forget(other)
            kept = [other for other in self._uploads.values() if not other.is_over]
            if len(kept) >= MOST_AT_ONCE:
                raise RefusedError(
                    HTTPStatus.TOO_MANY_REQUESTS, "Others hand in files at present. Try again in some minutes."
                )
            to_come = sum(other.size - other.received for other in kept)
            if self._folder.free_bytes() - to_come - size < FREE_MEGABYTES * MEGABYTE:
                raise RefusedError(
                    HTTPStatus.INSUFFICIENT_STORAGE, "The server has no room for these files. Tell the administrator."
                )
            upload_id = secrets.token_urlsafe(16)
            folder = self._folder.path() / upload_id
            folder.mkdir(mode=0o700)
            upload = Upload(upload_id, account, session, folder, files, size)
            self._uploads[upload_id] = upload
            self._start()
            return upload

    def find(self, upload_id: str, account: str) -> Upload | None:
        """Return an upload of an account; None where it has none of this id."""
        with self._lock:
            upload = self._uploads.get(upload_id)
        return upload if upload is not None and upload.account == account else None

    def finish(self, upload: Upload, record: Callable[[], object]) -> None:
        """Have an upload loaded when it is its turn; once is enough, and a second time changes nothing.

        Parameters
        ----------
        upload : Upload
        record : callable
            Tells the audit that it is to be loaded; where that fails it is not.

        Raises
        ------
        RefusedError
            409 where not all of it has come.
        """
        with upload.lock:
            if upload.state != "arriving":
                return
            if upload.received != upload.size:
                raise RefusedError(
                    HTTPStatus.CONFLICT,
                    f"{upload.received:,} of {upload.size:,} bytes have come. Send the rest before you finish.",
                )
            upload.state = "waiting"
        try:
            record()
        except BaseException:
            upload.state = "arriving"
            raise
        self._waiting.put(upload)

    def cancel(self, upload: Upload) -> None:
        """Give an upload up that is still arriving; of any other one nothing changes."""
        with self._lock:
            if upload.state == "arriving":
                self._forget(upload)

    def close(self) -> None:
        """End what is loading, and delete all files."""
        self.process.close()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._folder.delete()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="uploads", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            try:
                upload = self._waiting.get(timeout=_SWEEP_SECONDS)
            except queue.Empty:
                with self._lock:
                    self._sweep()
                continue
            if upload is None:
                return
            upload.state, upload.loading_since = "loading", time.monotonic()
            try:
                given = order(self._settings, upload.folder, upload.account, 10 * self.megabytes)
                self.process.load(given, upload)
            except Exception as error:  # the next upload is loaded whatever became of this one
                log_failure(_LOG, "Loading an upload", error)
                upload.error = f"Loading failed ({type(error).__name__}). Tell the administrator, whose log says where."
            upload.drop_files()
            upload.drop_names()
            upload.state = "failed" if upload.report is None else "loaded"
            self._on_end(upload)

    def _sweep(self) -> None:
        """Give up what has not moved for long, and forget the oldest of what is over."""
        now = time.monotonic()
        for upload in list(self._uploads.values()):
            if upload.state == "arriving" and now - upload.touched > ARRIVING_SECONDS:
                self._forget(upload)
        over = [upload for upload in self._uploads.values() if upload.is_over]
        for upload in over[:-MOST_KEPT]:
            del self._uploads[upload.upload_id]

    def _forget(self, upload: Upload) -> None:
        with upload.lock:
            if upload.state != "arriving":  # it was finished meanwhile
                return
            upload.state, upload.error = "failed", "It was given up."
        upload.drop_files()
        del self._uploads[upload.upload_id]
