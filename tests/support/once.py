"""Files that are made once a run of the tests, however many processes run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

Once = Callable[[str, Callable[[Path], Path]], Path]


def once_a_run(factory: pytest.TempPathFactory, worker: str | None) -> Once:
    """Return a function that makes a file in a folder of a name, unless another process of the run has done so.

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

    def once(name: str, make: Callable[[Path], Path]) -> Path:
        folder = shared / name
        made = shared / f"{name}.made"

        with FileLock(shared / f"{name}.lock"):
            if not made.exists():
                folder.mkdir()
                made.write_text(make(folder).name, encoding="utf-8")
        return folder / made.read_text(encoding="utf-8")

    return once
