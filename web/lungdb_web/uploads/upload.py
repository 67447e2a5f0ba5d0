"""One upload: its files as they arrive, and what became of them."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from lungdb_web.uploads.limits import RefusedError

State = Literal["arriving", "waiting", "loading", "loaded", "failed"]
_LONGEST_NAME = 300


@dataclass
class Upload:
    """Files that somebody hands in.

    Attributes
    ----------
    upload_id : str
        Random; it stands in addresses.
    account : str
        Whose it is: nobody else sees it.
    session : str
        The session that it came from: no other one changes it.
    folder : Path
        Where its files lie, named by their numbers; gone when it is over.
    files, size : int
        How many files and bytes were announced.
    received : int
        Bytes that have come.
    names : dict of int to str
        What the browser calls the files. It may hold patients' names: it is shown to the account alone and stored
        nowhere; when the upload is over those that its report shows are left.
    phase : tuple of str, int and int or None
        What the loading counts, how many are done, and of how many.
    report : dict or None
        As of `lungdb.loading.handed_in.load`.
    error : str or None
        Why nothing was loaded.
    """

    upload_id: str
    account: str
    session: str
    folder: Path
    files: int
    size: int
    state: State = "arriving"
    received: int = 0
    names: dict[int, str] = field(default_factory=dict, repr=False)
    touched: float = field(default_factory=time.monotonic)
    loading_since: float = 0.0
    phase: tuple[str, int, int | None] = ("files", 0, None)
    report: dict[str, Any] | None = field(default=None, repr=False)
    error: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ("loaded", "failed")

    def take(self, number: int, offset: int, name: str, content: bytes) -> int:
        """Write a part of a file behind what is there of it; returns how many bytes of the file there are now.

        Raises
        ------
        RefusedError
            409 where the part begins elsewhere than the file ends, nothing is taken any more, or the files are gone,
            413 where there is more than was announced, 404 where no such file was, 507 where the disk is full.
        """
        with self.lock:
            if self.state != "arriving":
                raise RefusedError(HTTPStatus.CONFLICT, "This upload takes no more files. Begin another one.")
            if not 0 <= number < self.files:
                raise RefusedError(
                    HTTPStatus.NOT_FOUND, f"This upload has {self.files} files. Number them from 0 to {self.files - 1}."
                )
            path = self.folder / _file(number)
            there = path.stat().st_size if path.exists() else 0
            if offset != there:
                raise RefusedError(HTTPStatus.CONFLICT, f"Of this file {there} bytes are there. Go on there.", there)
            if self.received + len(content) > self.size:
                raise RefusedError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{self.size} bytes were announced, and this is more."
                )
            try:
                with path.open("ab") as file:
                    file.write(content)
            except FileNotFoundError as error:
                raise RefusedError(
                    HTTPStatus.CONFLICT, "Something has deleted these files on the server. Begin another upload."
                ) from error
            except OSError as error:
                with suppress(OSError):  # it is open no more, and what was written of the part is not counted
                    os.truncate(path, there)
                raise RefusedError(
                    HTTPStatus.INSUFFICIENT_STORAGE, "The server's disk is full. Tell the administrator."
                ) from error
            self.received += len(content)
            if content:
                self.touched = time.monotonic()
            if number not in self.names:
                self.names[number] = "".join(each if each.isprintable() else "?" for each in name[:_LONGEST_NAME])
            return there + len(content)

    def name_of(self, file: str) -> str:
        """Return what the browser calls one of the files in the folder."""
        return self.names.get(int(file), file) if file.isdigit() else file

    def drop_files(self) -> None:
        """Delete what was handed in."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def drop_names(self) -> None:
        """Forget what files are called that the report does not show."""
        shown = {file for file, *_ in (self.report or {}).get("files", ())}
        self.names = {number: name for number, name in self.names.items() if _file(number) in shown}


def _file(number: int) -> str:
    return f"{number:06}"
