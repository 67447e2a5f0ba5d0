"""What arrives in a folder: which studies are complete, as far as their files have stopped changing."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

from lungdb.dicom.dataset import PREAMBLE
from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source, find_files
from lungdb.dicom.tasks import belongs_to
from lungdb.errors import LungdbError
from lungdb.isolation import Workers

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload")
"""How the names of files end that are being written; they are passed by, as is what begins with a dot."""

_OF_BEGINNINGS = (
    "broken_header",
    "truncated",
    "missing_attribute",
    "unreadable",
)  # what a header that is half there is
_FORMAT = 1
_DIGEST = 16  # bytes

State = tuple[int, int, int]
"""Bytes of a file, and when it and its entry in the folder last changed, in nanoseconds."""


class Notes:
    """Which files of a folder were given to a database, in a file that outlives the process.

    It holds digests with a salt of its own, because paths bear patients' names, and no more than the user may read it.

    Parameters
    ----------
    path : Path
        Made with its folder if need be.
    of : str
        Which folder and which database the notes are of: those of others are left out of account.
    afresh : bool
        Leave what is noted out of account.

    Raises
    ------
    LungdbError
        The file is none of ours, or cannot be read or written.
    """

    def __init__(self, path: Path, of: str, *, afresh: bool = False) -> None:
        self._path = path
        self._of = of
        self._salt = secrets.token_bytes(_DIGEST)
        self._groups: dict[bytes, bytes] = {}
        self.are_of_another = False
        try:
            if path.exists():
                self._read(afresh)
            self.keep(self._groups)
        except OSError as error:
            raise LungdbError(
                f"The notes of what was loaded cannot be kept: {error.strerror}. Give another file with --notes."
            ) from error

    def _read(self, afresh: bool) -> None:
        lines = self._path.read_bytes().split(b"\n")
        try:
            head = json.loads(lines[0])
            is_ours = head["lungdb"] == "watch" and head["format"] == _FORMAT
        except (ValueError, KeyError, TypeError):
            is_ours = False
        if not is_ours:
            raise LungdbError("The file of --notes is none that lungdb watch has written. Give another one.")
        self._salt = bytes.fromhex(head["salt"])
        self.are_of_another = head["of"] != self._digest(self._of).hex()
        if afresh or self.are_of_another:
            return
        for line in lines[1:-1]:  # what a killed process had not finished has no end of its line
            with suppress(ValueError):
                pair = bytes.fromhex(line.decode("ascii", "replace"))
                if len(pair) == 2 * _DIGEST:
                    self._groups[pair[:_DIGEST]] = pair[_DIGEST:]

    def _digest(self, text: str) -> bytes:
        return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_DIGEST, key=self._salt).digest()

    def of_file(self, name: str, state: State) -> bytes:
        """Return the digest of a file as it is: one that changes has another."""
        return self._digest(json.dumps([name, *state]))

    def of_group(self, name: str) -> bytes:
        """Return the digest of what files belong together by."""
        return self._digest(f"group {name}")

    def group(self, file: bytes) -> bytes | None:
        """Return the group of a file that was given to the database, None of others."""
        return self._groups.get(file)

    def add(self, pairs: Mapping[bytes, bytes]) -> None:
        """Note files with their groups; it is on the disk afterwards."""
        self._groups.update(pairs)
        with self._path.open("ab") as file:
            file.writelines(f"{each.hex()}{group.hex()}\n".encode("ascii") for each, group in pairs.items())
            file.flush()
            os.fsync(file.fileno())

    def keep(self, files: Iterable[bytes]) -> None:
        """Write the notes anew with these files alone; whoever reads meanwhile finds the old ones or the new."""
        self._groups = {each: self._groups[each] for each in files if each in self._groups}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        head = {"lungdb": "watch", "format": _FORMAT, "salt": self._salt.hex(), "of": self._digest(self._of).hex()}
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(head).encode("ascii") + b"\n")
            file.writelines(f"{each.hex()}{group.hex()}\n".encode("ascii") for each, group in self._groups.items())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


@dataclass
class _File:
    """A file of the folder, as it was at the last look.

    Attributes
    ----------
    state, digest : State, bytes
    since : float
        When it was first seen so.
    group : bytes or None
        By what it belongs to others, once it was given to the database.
    name : str or None
        The series that its header tells, or the file's own name; None until it is read.
    is_vague : bool
        Whether its header tells nothing yet, so that it may be the beginning of a slice of any study.
    """

    state: State
    digest: bytes
    since: float
    group: bytes | None = None
    name: str | None = None
    is_vague: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it was given to the database."""
        return self.group is not None


@dataclass(frozen=True)
class Batch:
    """Files to load together: those of whole studies, of which some are new.

    Attributes
    ----------
    files : tuple of Path
        In the order of their names, also those of the studies that were loaded before.
    studies : int
        Studies, archives, and files that belong to none.
    new : mapping of bytes to bytes
        Digest -> group of the files as they were seen.
    """

    files: tuple[Path, ...]
    studies: int
    new: Mapping[bytes, bytes]


class Arrivals:
    """The files of a folder over time.

    Parameters
    ----------
    folder : Path
        Looked at with its subfolders.
    settle : float
        Seconds without a change after which a study is complete.
    notes : Notes
        What was loaded before.
    workers : Workers
        They read the headers that say what belongs together.
    limits : Limits
        What reading one may cost.
    """

    def __init__(
        self, folder: Path, settle: float, notes: Notes, workers: Workers[RejectedError], limits: Limits
    ) -> None:
        self.folder = folder
        self._settle = settle
        self._notes = notes
        self._workers = workers
        self._look_into = partial(belongs_to, limits=limits)
        self._files: dict[Path, _File] = {}
        self._studies: dict[str, str] = {}
        self._again: dict[bytes, tuple[int, float]] = {}
        self._is_first = True

    @property
    def waiting(self) -> int:
        """How many files are there that are not loaded yet."""
        return sum(not file.is_done for file in self._files.values())

    def look(self, now: float, most: int, go_on: Callable[[], bool] = lambda: True) -> list[Batch]:
        """Look at the folder, and return what is complete, in batches of about so many files.

        Of what is new or has changed the header is read, also of a file that grows: its study waits for it. So do the
        studies of a folder for a file there whose header tells nothing yet.

        Parameters
        ----------
        now : float
            Seconds of a clock that does not jump.
        most : int
            Files in a batch; a study is not divided.
        go_on : callable, optional
            Asked between files whether to go on with reading headers.

        Raises
        ------
        LungdbError
            The folder is not there.
        """
        there = dict(self._list())
        self._files = {path: self._seen(path, state, now) for path, state in there.items()}
        if self._is_first and there:  # a folder without files may be one that is not mounted
            self._notes.keep([file.digest for file in self._files.values()])
        self._is_first = self._is_first and not there
        unread = [Source(path) for path, file in self._files.items() if file.group is None and file.name is None]
        for source, found in self._workers.map(self._look_into, unread):
            if not go_on():
                return []
            series, study = (found.series_uid, "") if isinstance(found, RejectedError) else found
            file = self._files[source.path]
            file.name, file.is_vague = series or self._name_in_folder(source.path), _is_vague(file, found)
            if study:
                self._studies[series] = study
        return self._batches(now, most)

    def loaded(self, batch: Batch) -> None:
        """Note that a batch was given to the database."""
        self._notes.add(batch.new)
        for path in batch.files:
            file = self._files[path]
            file.group = file.group or self._group_of(file)
            self._again.pop(file.group or b"", None)

    def failed(self, batch: Batch, now: float, first: float, most: float) -> float:
        """Note that a batch is to be tried again, after a pause that doubles; return its seconds."""
        pause = first
        for group in set(batch.new.values()):
            times, _ = self._again.get(group, (0, 0.0))
            pause = min(first * 2**times, most)
            self._again[group] = (times + 1, now + pause)
        return pause

    def _list(self) -> Iterator[tuple[Path, State]]:
        for path in find_files(self.folder):
            names = path.relative_to(self.folder).parts
            if any(name.startswith(".") for name in names) or path.name.lower().endswith(UNFINISHED):
                continue
            with suppress(OSError):  # it is gone again
                status = path.stat()
                yield path, (status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _seen(self, path: Path, state: State, now: float) -> _File:
        before = self._files.get(path)
        if before is not None and before.state == state:
            return before
        digest = self._notes.of_file(self._name_in_folder(path), state)
        return _File(state, digest, now, self._notes.group(digest))

    def _name_in_folder(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _group_of(self, file: _File) -> bytes | None:
        """Return by what a file belongs to others: its study, its series where no slice tells the study, or itself."""
        if file.name is None:
            return file.group
        return self._notes.of_group(self._studies.get(file.name, file.name))

    def _batches(self, now: float, most: int) -> list[Batch]:
        groups: dict[bytes, list[Path]] = {}
        for path, file in self._files.items():
            group = self._group_of(file)
            if group is not None:
                groups.setdefault(group, []).append(path)
        held_up = {path.parent for path, file in self._files.items() if file.is_vague and not self._rests(file, now)}
        batches: list[Batch] = []
        chosen: list[list[Path]] = []
        for group, paths in groups.items():
            if self._is_complete(group, paths, now) and held_up.isdisjoint(path.parent for path in paths):
                if chosen and sum(map(len, chosen)) + len(paths) > most:
                    batches.append(self._batch(chosen))
                    chosen = []
                chosen.append(paths)
        return [*batches, self._batch(chosen)] if chosen else batches

    def _is_complete(self, group: bytes, paths: Sequence[Path], now: float) -> bool:
        new = [file for file in (self._files[path] for path in paths) if not file.is_done]
        is_due = self._again.get(group, (0, 0.0))[1] <= now
        return bool(new) and is_due and all(self._rests(file, now) for file in new)

    def _rests(self, file: _File, now: float) -> bool:
        return file.is_done or now - file.since >= self._settle

    def _batch(self, groups: Sequence[Sequence[Path]]) -> Batch:
        paths = sorted(path for group in groups for path in group)
        files = [self._files[path] for path in paths]
        new = {file.digest: group for file in files if not file.is_done and (group := self._group_of(file))}
        return Batch(tuple(paths), len(groups), new)


def _is_vague(file: _File, found: tuple[str, str] | RejectedError) -> bool:
    if not isinstance(found, RejectedError) or found.series_uid:
        return False
    return found.reason in _OF_BEGINNINGS or (found.reason == "not_dicom" and file.state[0] < PREAMBLE)
