"""The groups of series in a manifest: each is a row group of one of its files, and becomes one file of features."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from lungdb.dicom.source import Rejection
from lungdb.distributed.folders import Folder
from lungdb.distributed.tables import rejected_schema, series_schema, write_rows
from lungdb.errors import LungdbError

Item = TypeVar("Item")

COMMITTED = "manifest.json"
"""Written when the manifest is whole; without it what is in series/ is of a run that was ended."""

_GROUP_SERIES = 16
_ROWS = 4096


@dataclass(frozen=True)
class Group:
    """Series whose features become one file: a row group of a file of the manifest.

    Attributes
    ----------
    part : str
        Of series/, without its suffix.
    number : int
        Of the row group.
    series, slices, bytes : int
    """

    part: str
    number: int
    series: int
    slices: int
    bytes: int

    @property
    def file(self) -> str:
        """Name of its file in features/: the same for every run and every attempt, so that none can double a row."""
        return f"{self.part}-{self.number:05}.parquet"


@dataclass(frozen=True)
class Manifest:
    """What was found.

    Attributes
    ----------
    groups : list of Group
    rejected : dict
        How many files and series were not taken, by reason.
    """

    groups: list[Group]
    rejected: dict[str, int]


def read_manifest(out: Folder) -> Manifest | None:
    """Read what an earlier run has committed; None where there is nothing."""
    content = out.read(COMMITTED)
    if content is None:
        return None
    try:
        read = json.loads(content)
        return Manifest([Group(**group) for group in read["groups"]], dict(read["rejected"]))
    except (ValueError, KeyError, TypeError):
        raise LungdbError(
            f"The file {COMMITTED} of the output is damaged. Give another output, or remove this one."
        ) from None


def write_series(
    out: Folder, part: str, rows: list[dict[str, Any]], group_bytes: int, rejections: list[Rejection]
) -> dict[str, Any]:
    """Write a file of the manifest and one of what was not taken; give its groups and the numbers of these."""
    rows.sort(key=lambda row: (row["patient_id"], row["study_uid"], row["series_uid"]))
    groups = list(_grouped(rows, group_bytes))
    refused = [
        {"path": str(one.source.path), "member": one.source.member, "reason": one.reason, "message": one.message}
        for one in sorted(rejections, key=lambda one: (one.source, one.reason))
    ]
    with tempfile.TemporaryDirectory(prefix="lungdb-") as folder:
        local = Path(folder, "part")
        for name, schema, parts in (
            ("series", series_schema(), groups),
            ("rejected", rejected_schema(), list(batched(refused, _ROWS))),
        ):
            if parts:
                write_rows(local, schema, parts)
                out.put(f"{name}/{part}.parquet", local)
    return {
        "part": part,
        "rejected": Counter(one.reason for one in rejections),
        "groups": [
            vars(
                Group(
                    part,
                    number,
                    len(group),
                    sum(row["number_images"] for row in group),
                    sum(row["bytes"] for row in group),
                )
            )
            for number, group in enumerate(groups)
        ],
    }


def _grouped(rows: list[dict[str, Any]], group_bytes: int) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in rows:
        if group and (len(group) == _GROUP_SERIES or sum(one["bytes"] for one in group) + row["bytes"] > group_bytes):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def batched(items: Iterable[Item], number: int) -> Iterator[list[Item]]:
    """Yield lists of so many items, the last one of the rest."""
    rest = iter(items)
    while batch := list(islice(rest, number)):
        yield batch
