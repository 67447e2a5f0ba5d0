"""Where a DICOM file comes from: a file of a folder, or a member of a zip archive, which is read without unpacking."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import BinaryIO

from lungdb.dicom.limits import MEGABYTE, Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.errors import LungdbError

ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""The first four bytes of a zip archive, with and without members."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A file, or a member of a zip archive.

    Attributes
    ----------
    path : Path
        The file or the archive. It may bear a patient's name: show it only when asked to.
    member : str
        The member's name, which is never used as a path; empty for a file of its own.
    """

    path: Path
    member: str = ""

    def open(self, limits: Limits) -> BinaryIO:
        """Open for reading, from the start; a member is read into memory.

        Raises
        ------
        RejectedError
            It is larger than the limit or cannot be read.
        """
        try:
            if self.member:
                return _open_member(self.path, self.member, limits)
            if self.path.stat().st_size > limits.file_bytes:
                raise RejectedError("size_limit", f"the file has more than {limits.file_megabytes} MB")
            return self.path.open("rb")
        except OSError as error:
            raise RejectedError("unreadable") from error

    def rejection(self, error: RejectedError) -> Rejection:
        """Return the rejection of this file, or of the series that it is the first of."""
        return Rejection(error.reason, error.message, self, error.series_uid)

    def __str__(self) -> str:
        """Return the path, with the member behind an exclamation mark."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)


@dataclass(frozen=True)
class Rejection:
    """A file or series that is not taken.

    Attributes
    ----------
    reason : str
        A key of `REASONS`.
    message : str
        What is wrong and what to do; without patient data, so it may be stored and shown.
    source : Source
        The file, or the first file of the series. Its path may hold patient data: show it only when asked to.
    series_uid : str
        The series that it belongs to, empty where that is not known; never shown.
    """

    reason: str
    message: str
    source: Source
    series_uid: str = ""


def find_files(folder: Path) -> Iterator[Path]:
    """Yield every regular file under a folder, folder by folder in sorted order; linked folders are not followed.

    A folder that cannot be listed is yielded itself, so that reading it tells.

    Raises
    ------
    LungdbError
        The folder does not exist.
    """
    if not folder.is_dir():
        raise LungdbError(f"The folder '{folder}' does not exist. Give the folder that holds the DICOM files.")
    unlisted: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unlisted.append):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if os.path.isfile(os.path.join(parent, name)))
    yield from (Path(error.filename) for error in unlisted)


class Listing:
    """The files of a folder, listed in a thread of its own while those found first are read; a context manager.

    Parameters
    ----------
    folder : Path
        As of `find_files`.
    on_bytes : callable
        Called in that thread with the bytes of all files found so far.
    files : iterable of Path, optional
        Those of the folder that are taken; by default all that `find_files` finds.
    """

    def __init__(self, folder: Path, on_bytes: Callable[[int], object], files: Iterable[Path] | None = None) -> None:
        self._found: SimpleQueue[Path | BaseException | None] = SimpleQueue()
        self._ended = Event()
        self._thread = Thread(target=self._list, args=(folder, files, on_bytes), daemon=True)
        self.number: int | None = None

    def __enter__(self) -> Listing:
        """Begin; `number` is how many files there are, None until all are found."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop; a thread that a slow folder keeps does not keep its caller: it ends with the process, or before."""
        self._ended.set()
        self._thread.join(timeout=1)

    def __iter__(self) -> Iterator[Path]:
        """Yield the files in the order of `find_files`, waiting for them; raises what that raises."""
        while (found := self._found.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found

    def _list(self, folder: Path, files: Iterable[Path] | None, on_bytes: Callable[[int], object]) -> None:
        number = size = 0
        try:
            for path in find_files(folder) if files is None else files:
                if self._ended.is_set():
                    return
                number += 1
                size += _size(path)
                on_bytes(size)
                self._found.put(path)
            self.number = number
            self._found.put(None)
        except BaseException as error:  # whoever waits for the files must learn of it
            self._found.put(error)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it will be rejected when it is read
        return 0


def list_members(path: Path, limits: Limits) -> list[Source]:
    """List a zip archive's members, in the archive's order.

    Raises
    ------
    RejectedError
        The archive is damaged, or its members are more or larger than the limits.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except OSError as error:
        raise RejectedError("unreadable") from error
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises errors of many kinds on broken archives
        raise RejectedError("archive_refused", "it is damaged") from error
    if len(entries) > limits.archive_entries:
        raise RejectedError("archive_refused", f"more than {limits.archive_entries} entries")
    total = sum(entry.file_size for entry in entries)
    if total > limits.archive_megabytes * MEGABYTE:
        raise RejectedError("archive_refused", f"more than {limits.archive_megabytes} MB in all")
    if total > limits.archive_ratio * size:
        raise RejectedError("archive_refused", f"it expands more than {limits.archive_ratio} times")
    names = [entry.filename for entry in entries if not entry.is_dir()]
    if len(set(names)) < len(names):
        raise RejectedError("archive_refused", "two entries have one name")
    return [Source(path, name) for name in names]


def _open_member(path: Path, name: str, limits: Limits) -> BinaryIO:
    status = path.stat()
    archive = _open_archive(path, status.st_size, status.st_mtime_ns)
    try:
        entry = archive.getinfo(name)
        if entry.file_size > limits.file_bytes:
            raise RejectedError("size_limit", f"the file has more than {limits.file_megabytes} MB")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise RejectedError("archive_refused", "the entry is encrypted or not deflated")
        # No more than the declared size is ever inflated.
        return io.BytesIO(archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, ValueError) as error:
        raise RejectedError("archive_refused", "the entry is damaged") from error


@lru_cache(maxsize=1)  # members are read one after the other, and opening reads the whole directory
def _open_archive(path: Path, size: int, modified: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise RejectedError("archive_refused", "it is damaged") from error
