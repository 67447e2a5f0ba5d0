"""Folders that all executors see: absolute paths, and addresses of object stores by fsspec.

What is written appears whole or not at all: under another name first, or by a single put where a store has no renaming.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import find_files
from lungdb.errors import LungdbError, escaped

_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "r2"}
"""Protocols in which a put is atomic and renaming copies."""


def absolute(text: str, what: str) -> str:
    """Return a path or address without its last slash; ``file://`` becomes a path.

    Parameters
    ----------
    what : str
        What it stands for, for the message.

    Raises
    ------
    LungdbError
        It is relative: executors work in folders of their own.
    """
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if "://" not in text and not Path(text).is_absolute():
        raise LungdbError(
            f"The {what} '{escaped(text)}' is a relative path, and executors work in folders of their own. Give an "
            "absolute path, or an address such as s3://bucket/folder."
        )
    return text.rstrip("/") or "/"


def without_secrets(uri: str) -> str:
    """Return an address without its user, password and query."""
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Folder:
    """A folder; what is named below is relative to it.

    Attributes
    ----------
    uri : str
        As `absolute` returns it.
    """

    uri: str

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or None where there is none."""
        files, root = _opened(self.uri)
        try:
            return bytes(files.cat_file(f"{root}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as error:  # each store raises errors of its own
            raise self._failed("read", error) from None

    def open(self, name: str) -> BinaryIO:
        """Open a file that is there for reading."""
        files, root = _opened(self.uri)
        try:
            opened: BinaryIO = files.open(f"{root}/{name}", "rb")
        except Exception as error:
            raise self._failed("read", error) from None
        return opened

    def names(self, below: str) -> set[str]:
        """Return the names of the finished files in a folder below, none where that is not there."""
        files, root = _opened(self.uri)
        try:
            files.invalidate_cache()
            found = files.ls(f"{root}/{below}", detail=True)
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise self._failed("read", error) from None
        names = {str(each["name"]).rpartition("/")[2] for each in found if each["type"] == "file"}
        return {name for name in names if not name.startswith(".")}

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, in the place of one that is there."""
        with tempfile.TemporaryDirectory(prefix="lungdb-") as folder:
            local = Path(folder, "content")
            local.write_bytes(content)
            self.put(name, local)

    def put(self, name: str, local: Path) -> None:
        """Copy a file of this machine here whole, in the place of one that is there.

        Raises
        ------
        LungdbError
            That is not possible.
        """
        files, root = _opened(self.uri)
        parent, _, base = f"{root}/{name}".rpartition("/")
        part = f"{parent}/.{base}.{uuid.uuid4().hex}.part"
        try:
            if urlsplit(self.uri).scheme in _STORES:
                files.put_file(str(local), f"{parent}/{base}")
            elif "://" in self.uri:
                files.makedirs(parent, exist_ok=True)
                files.put_file(str(local), part)
                files.mv(part, f"{parent}/{base}")
            else:
                Path(parent).mkdir(parents=True, exist_ok=True)
                _copy(local, Path(part), Path(parent, base))
        except Exception as error:
            raise self._failed("written", error) from None

    def delete(self, below: str) -> None:
        """Remove a folder below with all that is in it, if it is there."""
        files, root = _opened(self.uri)
        try:
            if files.exists(f"{root}/{below}"):
                files.rm(f"{root}/{below}", recursive=True)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._failed("written", error) from None

    def _failed(self, done: str, error: Exception) -> LungdbError:
        return LungdbError(
            f"The folder '{escaped(without_secrets(self.uri))}' cannot be {done} ({_reason(error)}). Check that all "
            "executors reach it, its space and its rights."
        )


def list_files(uri: str) -> Iterator[tuple[str, int]]:
    """Yield the files under a folder: path relative to it, and bytes; folder by folder, in sorted order.

    Raises
    ------
    LungdbError
        The folder does not exist, or cannot be listed.
    """
    if "://" not in uri:
        root = Path(uri)
        for path in find_files(root):
            with suppress(OSError):
                yield str(path.relative_to(root)), path.stat().st_size
        return
    files, start = _opened(uri)
    try:
        if not files.isdir(start):
            raise LungdbError(
                f"The folder '{escaped(without_secrets(uri))}' does not exist. Give the one that holds the DICOM files."
            )
        for parent, folders, found in files.walk(start, detail=True):
            folders_sorted = sorted(folders.items())
            folders.clear()
            folders.update(folders_sorted)
            below = str(parent).removeprefix(start).strip("/")
            for name in sorted(found):
                yield f"{below}/{name}".lstrip("/"), int(found[name].get("size") or 0)
    except LungdbError:
        raise
    except Exception as error:
        raise LungdbError(
            f"The folder '{escaped(without_secrets(uri))}' cannot be listed ({_reason(error)}). Check its address and "
            "its rights."
        ) from None


class Local:
    """Files of a folder on this machine's disk: where they are, or fetched for as long as they are needed."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri = uri
        self.is_fetched = "://" in uri
        self.root = folder if self.is_fetched else Path(uri)

    def fetch(self, path: str) -> Path:
        """Return where a file is, fetching it unless it is there.

        Raises
        ------
        RejectedError
            It cannot be fetched.
        """
        there = self.root / path
        if self.is_fetched and not there.exists():
            if not there.resolve().is_relative_to(self.root.resolve()):
                raise RejectedError("unreadable")
            files, start = _opened(self._uri)
            there.parent.mkdir(parents=True, exist_ok=True)
            try:
                files.get_file(f"{start}/{path}", str(there))
            except Exception as error:
                there.unlink(missing_ok=True)
                raise RejectedError("unreadable") from error
        return there

    def forget(self, path: Path) -> None:
        """Remove what was fetched."""
        if self.is_fetched:
            path.unlink(missing_ok=True)


@contextmanager
def local_files(uri: str) -> Iterator[Local]:
    """Give a folder's files on this machine; what was fetched is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="lungdb-") as folder:
        yield Local(uri, Path(folder))


def _copy(local: Path, part: Path, final: Path) -> None:
    try:
        with local.open("rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        os.replace(part, final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    # Whole messages of stores hold addresses of files, and these may bear names.
    return getattr(error, "strerror", None) or type(error).__name__


@lru_cache(16)
def _opened(uri: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise LungdbError(f'Folders of executors are read by {error.name}. Run: pip install "lungdb[spark]"') from error
    try:
        files, root = url_to_fs(uri)
    except ImportError as error:
        raise LungdbError(f"The address '{escaped(without_secrets(uri))}' cannot be opened: {error}") from error
    except Exception as error:
        raise LungdbError(
            f"The address '{escaped(without_secrets(uri))}' cannot be opened ({_reason(error)}). Write it as fsspec "
            "does, such as s3://bucket/folder."
        ) from None
    return files, str(root).rstrip("/")
