"""Files that are made once a run of the tests, however many processes run them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

Once = Callable[[str, Callable[[Path], Path]], Path]


@contextmanager
def once_a_run(factory: pytest.TempPathFactory, worker: str | None) -> Iterator[Once]:
    """Give a function that makes a file in a folder of a name, unless another process of the run has done so.

    In the end every file that this process was given is as it was made: a test that wrote to one of them would have
    changed what others start from.

    Parameters
    ----------
    factory : TempPathFactory
        Its folder lies in that of the whole run where several processes share one.
    worker : str or None
        The name of this process, if there are several.
    """
    base = factory.getbasetemp()
    shared = (base.parent if worker else base) / "once"
    shared.mkdir(exist_ok=True)
    given: dict[Path, str] = {}

    def once(name: str, make: Callable[[Path], Path]) -> Path:
        from filelock import FileLock  # the environment of the server's Python has none; its tests make no database

        folder = shared / name
        made = shared / f"{name}.made"
        with FileLock(shared / f"{name}.lock"):
            if not made.exists():
                folder.mkdir()
                file = make(folder)
                made.write_text(f"{file.name}\n{_hash(file)}", encoding="utf-8")
        file_name, hashed = made.read_text(encoding="utf-8").splitlines()
        given[folder / file_name] = hashed
        return folder / file_name

    yield once
    changed = [file.parent.name for file, hashed in given.items() if _hash(file) != hashed]
    assert not changed, f"A test wrote to what others start from: {', '.join(changed)}. Let it take a copy."


def _hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
