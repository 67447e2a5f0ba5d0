"""A folder of any files becomes CT series and rejections."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lungdb.dicom.header import SliceHeader, read_header
from lungdb.dicom.rejection import RejectedError, Rejection
from lungdb.dicom.series import Series, build_series
from lungdb.errors import LungdbError


def find_files(folder: Path) -> Iterator[Path]:
    """Yield every regular file under a folder, folder by folder in sorted order; linked folders are not followed.

    Raises
    ------
    LungdbError
        The folder does not exist.
    """
    if not folder.is_dir():
        raise LungdbError(f"The folder '{folder}' does not exist. Give the folder that holds the DICOM files.")
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path


def read_folder(folder: Path, on_file: Callable[[], object] | None = None) -> Iterator[Series | Rejection]:
    """Find the CT series in a folder by the files' content; names and suffixes do not matter.

    The headers of all files are read first, a few hundred bytes each being kept; pixels are read later, by
    `Series.slices`.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders.
    on_file : callable, optional
        Called after each file whose header was read, for a progress bar.

    Yields
    ------
    Series or Rejection
        The rejected files, then the series in the order in which their first files were found.

    Raises
    ------
    LungdbError
        The folder does not exist.
    """
    groups: dict[str, list[SliceHeader]] = {}
    for path in find_files(folder):
        try:
            header = read_header(path)
            groups.setdefault(header.series_uid, []).append(header)
        except RejectedError as error:
            yield error.at(path)
        if on_file is not None:
            on_file()
    for headers in groups.values():
        try:
            series, copies = build_series(headers)
        except RejectedError as error:
            yield error.at(headers[0].path)
        else:
            yield from copies
            yield series
