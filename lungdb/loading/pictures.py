"""A folder of picture files becomes dbo.images, a few in each transaction; those that are there are left alone."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.imaging.picture_files import MOST_BYTES, begins_as_picture
from lungdb.imaging.pictures import decode_picture
from lungdb.loading.picture_facts import Facts, Settled, store_facts
from lungdb.loading.picture_labels import class_numbers
from lungdb.networks.running.processors import allowed_processors

REASONS = {
    "unreadable": "The file cannot be read. Check its permissions and the disk.",
    "not_a_picture": "The file is no PNG, JPEG, PGM or PPM. Convert it if it should be a picture.",
    "refused": "The picture is damaged or too large; --show-paths tells which it is.",
    "duplicate": "The same picture is there under another name. Nothing to do.",
    "other_picture": "The database holds another picture of this name. Add --replace to take this one; features made "
    "from the old one are then deleted.",
    "bad_name": "The name is longer than 128 characters, or not text, or differs from another only in case. Rename it.",
}
"""Reason code -> what is wrong and what to do."""

_PRESENT = "SELECT name, sha256, label FROM dbo.images;"
# Done again after a commit whose answer was lost, it finds its own row.
_INSERT = """
IF NOT EXISTS (SELECT 1 FROM dbo.images WHERE name = ? AND sha256 = ?)
    INSERT INTO dbo.images (image, sha256, label, name, patient_id, group_name, group_order)
    VALUES (?, ?, ?, ?, ?, ?, ?);
"""
_DELETE_FEATURES = "DELETE FROM dbo.image_features WHERE name = ?;"
_REPLACE = "UPDATE dbo.images SET image = ?, sha256 = ? WHERE name = ?;"
_TRUTH = "SELECT name, label FROM dbo.image_truth;"
_SET_LABEL = "UPDATE dbo.images SET label = ? WHERE name = ?;"
_DELETE_LABELS = "DELETE FROM dbo.image_labels WHERE name = ?;"

_NAME_LENGTH = 128
_AT_ONCE = 32
_BYTES_AT_ONCE = 32_000_000


@dataclass
class Report:
    """What became of a folder.

    Attributes
    ----------
    pictures : Counter
        How many were loaded, replaced, unchanged.
    not_taken : list of (str, str, str)
        Reason, path and message of each file that was not.
    relabelled : int
        Pictures that were there before, and now have another label, or something else of what a list says.
    unknown : list of str
        Names with a label that the database does not hold.
    """

    pictures: Counter[str] = field(default_factory=Counter)
    not_taken: list[tuple[str, str, str]] = field(default_factory=list)
    relabelled: int = 0
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """A file that was read: its bytes and their hash, or why it is not taken."""

    name: str
    data: bytes = b""
    sha256: bytes = b""
    reason: str = ""
    message: str = ""


def load_pictures(
    connection: Connection, folder: Path, labels: Mapping[str, int | None], *, replace: bool = False
) -> Report:
    """Load the PNG, JPEG, PGM and PPM files of a folder and its subfolders.

    A picture's name is its path below the folder, with slashes. One that the database holds with the same SHA-256 is
    unchanged, so an interrupted load is completed by running it again.

    Parameters
    ----------
    connection : Connection
        To a database with lungdb's tables.
    labels : mapping of str to int or None
        Name -> label. Pictures that are new and have none here are stored without one; of those that are there before,
        in the folder or not, the label changes.
    replace : bool
        Take files whose name the database holds with other bytes; features made from those are deleted.

    Raises
    ------
    LungdbError
        The folder does not exist.
    """
    report = _Load(connection, labels, {}, replace).run(folder, find_names(folder))
    if labels:
        report.relabelled, report.unknown = _store_labels(connection, labels)
    return report


def load_listed(
    connection: Connection, folder: Path, names: Sequence[str], settled: Settled, *, replace: bool = False
) -> Report:
    """Load some files of a folder, and store what a list or a pattern says of them.

    Parameters
    ----------
    names : sequence of str
        The files, by their path in the folder, with slashes.
    settled : Settled
        Of pictures that are there before what it says is changed too.
    connection, folder, replace
        As of `load_pictures`.
    """
    load = _Load(connection, {name: facts.label for name, facts in settled.facts.items()}, settled.facts, replace)
    before = {name for name, _ in load.hashes.values()}
    report = load.run(folder, names)
    report.relabelled, report.unknown = store_facts(connection, settled, before)
    return report


def find_classes(folder: Path) -> tuple[dict[str, int], dict[str, int | None]]:
    """Take each subfolder that holds pictures as a class.

    Returns
    -------
    classes : dict of str to int
        Subfolder -> label.
    labels : dict of str to int or None
        Name of a picture -> label.

    Raises
    ------
    LungdbError
        The folder does not exist, a picture lies in no subfolder, or there are more than 256.
    """
    names = [name for name in find_names(folder) if is_picture(folder / name)]
    classes = class_numbers(names)
    return classes, {name: classes[name.partition("/")[0]] for name in names}


def find_names(folder: Path) -> list[str]:
    """List the files below a folder by their path in it, with slashes, in order; LungdbError when there is none."""
    if not folder.is_dir():
        raise LungdbError(f"The folder '{folder}' does not exist. Check its path.")
    paths = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder).as_posix() for path in paths if path.is_file())


def is_picture(path: Path) -> bool:
    """Tell whether a file begins as a picture does; one that cannot be read may be one."""
    try:
        with path.open("rb") as file:
            return begins_as_picture(file.read(8))
    except OSError:
        return True


class _Load:
    """One load: what all of its steps need."""

    def __init__(
        self, connection: Connection, labels: Mapping[str, int | None], facts: Mapping[str, Facts], replace: bool
    ) -> None:
        self.connection = connection
        self.labels = labels
        self.facts = facts
        self.replace = replace
        self.report = Report()
        rows = retried(lambda: run(connection, _PRESENT)[0].rows, connection)
        # The database compares names without case.
        self.hashes = {name.casefold(): (name, bytes(sha256)) for name, sha256, _ in rows}
        self.names = {bytes(sha256): name for name, sha256, _ in rows}

    def run(self, folder: Path, names: Sequence[str]) -> Report:
        with (
            ThreadPoolExecutor(allowed_processors()) as pool,
            tqdm(desc="Loading pictures", total=len(names), unit=" files", disable=None) as bar,
        ):
            for chunk in _chunks(folder, names):
                self._store(list(self._wanted(pool.map(lambda name: self._read(folder, name), chunk))))
                bar.update(len(chunk))
        return self.report

    def _read(self, folder: Path, name: str) -> _File:
        """Read and check one file; called from several threads."""
        path = folder / name
        try:
            if not is_picture(path):
                return _File(name, reason="not_a_picture")
            if path.stat().st_size > MOST_BYTES:
                return _File(
                    name, reason="refused", message=f"The file has more than {MOST_BYTES} bytes. Save it smaller."
                )
            data = path.read_bytes()
        except OSError:
            return _File(name, reason="unreadable")
        sha256 = hashlib.sha256(data).digest()
        if sha256 not in self.names:
            try:
                decode_picture(data)
            except LungdbError as error:
                return _File(name, reason="refused", message=str(error))
        return _File(name, data, sha256)

    def _wanted(self, files: Iterator[_File]) -> Iterator[tuple[_File, bool]]:
        """Choose the files that are to be stored, each with whether the name is new."""
        for file in files:
            present = self.hashes.get(file.name.casefold())
            if not file.reason and present == (file.name, file.sha256):
                self.report.pictures["unchanged"] += 1
            elif reason := file.reason or self._conflict(file, present):
                self.report.not_taken.append((reason, file.name, file.message or REASONS[reason]))
            else:
                if present is not None:
                    self.names.pop(present[1], None)
                self.hashes[file.name.casefold()] = (file.name, file.sha256)
                self.names[file.sha256] = file.name
                yield file, present is None

    def _conflict(self, file: _File, present: tuple[str, bytes] | None) -> str:
        """Tell why a good picture is not taken, or nothing; present has the name and hash that stand in its place."""
        if len(file.name) > _NAME_LENGTH or not file.name.isprintable() or (present and present[0] != file.name):
            return "bad_name"
        if file.sha256 in self.names:
            return "duplicate"
        return "other_picture" if present and not self.replace else ""

    def _store(self, files: Sequence[tuple[_File, bool]]) -> None:
        if files:
            retried(lambda: self._store_all(files), self.connection)
        for _, is_new in files:
            self.report.pictures["loaded" if is_new else "replaced"] += 1

    def _store_all(self, files: Sequence[tuple[_File, bool]]) -> None:
        with transaction(self.connection):
            for file, is_new in files:
                if is_new:
                    facts = self.facts.get(file.name)
                    of = (facts.patient_id, facts.group, facts.order) if facts else (None, None, None)
                    run(
                        self.connection,
                        _INSERT,
                        (file.name, file.sha256, file.data, file.sha256, self.labels.get(file.name), file.name, *of),
                    )
                else:
                    run(self.connection, _DELETE_FEATURES, (file.name,))
                    run(self.connection, _REPLACE, (file.data, file.sha256, file.name))


def _store_labels(connection: Connection, labels: Mapping[str, int | None]) -> tuple[int, list[str]]:
    """Give pictures that are in the database their labels, in one transaction.

    Returns
    -------
    changed : int
        How many had another one.
    unknown : list of str
        Names that the database does not hold.
    """

    def store() -> tuple[int, list[str]]:
        present: dict[str, set[int]] = {name: set() for name, _, _ in run(connection, _PRESENT)[0].rows}
        for name, label in run(connection, _TRUTH)[0].rows:
            present[name].add(label)
        changed = [
            (label, name)
            for name, label in labels.items()
            if name in present and present[name] != (set() if label is None else {label})
        ]
        if changed:
            with closing(connection.cursor()) as cursor:
                cursor.executemany(_SET_LABEL, changed)
                cursor.executemany(_DELETE_LABELS, [(name,) for _, name in changed])
        return len(changed), [name for name in labels if name not in present]

    return committed(connection, store)[0]


def _chunks(folder: Path, names: Sequence[str]) -> Iterator[list[str]]:
    """Divide files so that each part is small in number and, unless it is one file, in bytes."""
    chunk: list[str] = []
    total = 0
    for name in names:
        try:
            size = (folder / name).stat().st_size
        except OSError:  # told when it is read
            size = 0
        if chunk and (len(chunk) == _AT_ONCE or total + size > _BYTES_AT_ONCE):
            yield chunk
            chunk, total = [], 0
        chunk.append(name)
        total += size
    if chunk:
        yield chunk
