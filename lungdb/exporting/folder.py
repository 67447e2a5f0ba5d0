"""The folder that an export makes: filled beside its place, hashed, and put there when it is whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb import __version__
from lungdb.errors import LungdbError

FORMAT = 1
"""Of manifest.json."""
MANIFEST = "manifest.json"
_SETTINGS = "settings.json"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What became of an export.

    Attributes
    ----------
    files : int
        That the folder has, the manifest aside.
    is_new : bool
        False where the folder was there already with the same bytes.
    """

    files: int
    is_new: bool


@contextmanager
def unfinished(out: Path, settings: Mapping[str, Any]) -> Iterator[Path]:
    """Give the folder ``OUT.unfinished`` to fill; what a killed run of the same settings left there is in it.

    Where the block raises, it is removed unless finished volumes are in it, which the next run goes on from.

    Raises
    ------
    LungdbError
        OUT is there with other settings, or is no output of `lungdb export`; or a folder cannot be written.
    """
    place = out.with_name(f"{out.name}.unfinished")
    _check_free(out, settings)
    try:
        if place.exists():
            found = _read(place / _SETTINGS)
            if found is None and any(place.iterdir()):
                raise LungdbError(f"The folder '{place}' is there and none of lungdb's. Move it, or name another OUT.")
            if found != dict(settings):
                shutil.rmtree(place)
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / _SETTINGS, lambda file: file.write_text(_json(settings), encoding="utf-8"))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        yield place
    except BaseException as error:
        if not any(place.glob("volumes/*.json")):
            shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OSError):
            raise _unwritable(out, error) from error
        raise


def finish(place: Path, out: Path, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> Outcome:
    """Write the manifest of a filled folder and put the folder into its place.

    Parameters
    ----------
    facts : mapping
        What the manifest tells beside the settings and the files: the identity, the rows of the tables.
    """
    try:
        (place / _SETTINGS).unlink()
        files = {name: _of_file(place / name) for name in _files(place)}
        whole = {"format": FORMAT, "kind": "export", "lungdb": __version__, "settings": dict(settings), **facts}
        (place / MANIFEST).write_text(_json({**whole, "files": files}), encoding="utf-8")
        if not out.exists():
            place.rename(out)
            return Outcome(len(files), True)
        if (_read(out / MANIFEST) or {}).get("files") == files:
            shutil.rmtree(place)
            return Outcome(len(files), False)
        before = out.with_name(f"{out.name}.before")
        out.rename(before)
        place.rename(out)
        shutil.rmtree(before)
    except OSError as error:
        raise _unwritable(out, error) from error
    return Outcome(len(files), True)


def read_export(folder: Path) -> dict[str, Any]:
    """Read the manifest of an export and compare every file with its SHA-256.

    Raises
    ------
    LungdbError
        It is none, of a later version, or a file is missing, other than it was, or not one of the export.
    """
    found = _read(folder / MANIFEST)
    if not isinstance(found, dict) or found.get("kind") != "export" or not isinstance(found.get("files"), dict):
        raise LungdbError(
            f"'{folder}' is no output of lungdb export: it has no {MANIFEST}. Name the folder OUT of one."
        )
    if found.get("format") != FORMAT:
        raise LungdbError(
            f"'{folder}' is of the format {found.get('format')}, and this version of lungdb reads {FORMAT}. "
            f"Take the version {found.get('lungdb')}."
        )
    foreign = set(_files(folder)) - found["files"].keys()
    if foreign:
        raise LungdbError(
            f"'{folder}' holds {len(foreign)} files that its {MANIFEST} does not name. Move them elsewhere."
        )
    for name, facts in found["files"].items():
        # A name that leads elsewhere would be a file of somebody else's.
        if Path(name).is_absolute() or ".." in Path(name).parts or not (folder / name).is_file():
            raise LungdbError(f"The file '{name}' of the export is missing. Export again.")
        if not isinstance(facts, dict) or _of_file(folder / name)["sha256"] != facts.get("sha256"):
            raise LungdbError(f"The file '{name}' differs from its SHA-256 in {MANIFEST}. Export or copy it again.")
    return found


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written under another name, and give it its own when it is whole."""
    # The name ends as the file's own does, because writers go by that.
    other = path.with_name(f".unfinished-{path.name}")
    try:
        write(other)
        os.replace(other, path)
    finally:
        other.unlink(missing_ok=True)


def _check_free(out: Path, settings: Mapping[str, Any]) -> None:
    if "://" in str(out) or ":/" in str(out):
        raise LungdbError(f"'{out}' is no folder of this machine. Export into one, and copy it from there.")
    if not out.exists():
        return
    if not out.is_dir():
        raise LungdbError(f"'{out}' is a file. Name a folder that is not there yet.")
    found = _read(out / MANIFEST)
    if not isinstance(found, dict):
        if any(out.iterdir()):
            raise LungdbError(f"The folder '{out}' is there and no output of lungdb export. Name another one.")
        return
    others = [name for name, value in settings.items() if found.get("settings", {}).get(name) != value]
    if others:
        raise LungdbError(f"'{out}' was exported with another setting of {', '.join(others)}. Name another folder.")
    foreign = set(_files(out)) - found.get("files", {}).keys()
    if foreign:
        raise LungdbError(f"'{out}' holds {len(foreign)} files that no export made. Move them, or name another folder.")


def _files(folder: Path) -> list[str]:
    found = (each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
    return sorted(name for name in found if name != MANIFEST)


def _of_file(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _unwritable(out: Path, error: OSError) -> LungdbError:
    return LungdbError(f"The folder '{out}' cannot be written ({error.strerror}). Name another one, or make room.")
