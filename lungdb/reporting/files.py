"""A report as files: the page, and its plots if they are wanted as pictures of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lungdb.errors import LungdbError
from lungdb.reporting.plots import Plot


def write_plots(plots: Sequence[Plot], folder: Path) -> None:
    """Write each plot as a PNG file into a folder, made if its own folder is there; LungdbError when it cannot be."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    for plot in plots:
        _write(folder / f"{plot.name}.png", plot.png)


def write_page(page: str, file: Path) -> None:
    """Write a page, in UTF-8, into a folder that is there; LungdbError when that cannot be."""
    _write(file, page.encode("utf-8"))


def _write(file: Path, content: bytes) -> None:
    """Write a whole file or none."""
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, file)
    except OSError as error:
        with suppress(OSError):  # the error that led here is the one to report
            part.unlink()
        raise _not_written(file, error) from error


def _not_written(place: Path, error: OSError) -> LungdbError:
    if isinstance(error, FileNotFoundError):
        return LungdbError(f"{place} cannot be written: the folder {place.parent} does not exist. Make it first.")
    return LungdbError(f"{place} cannot be written: {error.strerror}. Choose another place.")
