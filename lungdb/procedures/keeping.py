"""Prepared pictures that GenerateFeatures is sent instead of slices, and those that it gives back to be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from lungdb.errors import LungdbError
from lungdb.imaging.codecs import from_hex
from lungdb.imaging.prepared import decode_plane, encode_plane, preparation_digest, prepared_bytes
from lungdb.imaging.preprocessing import Pipeline, Plane, Size
from lungdb.networks.running.featurizing import LazyScan

PICTURE = -2
"""What stands for the layer in a row that is a prepared picture."""


class KeptPictureError(LungdbError):
    """A kept picture that is damaged, or was made in another way than this process makes them."""


@dataclass(frozen=True)
class KeptColumns:
    """SHA-256 and digest of the kept picture of each row, in hexadecimal; empty or None where a row is a slice."""

    sha256: list[Any]
    digest: list[Any]

    @classmethod
    def of(cls, slices: pd.DataFrame) -> KeptColumns:
        """Read the columns, where there are such."""
        nothing: list[Any] = [None] * len(slices)
        columns = (slices[name].tolist() if name in slices else nothing for name in ("kept_sha256", "kept_digest"))
        return cls(*([value if isinstance(value, str) else "" for value in column] for column in columns))


class Keeper:
    """Reads kept pictures, and takes those that are to be kept.

    Parameters
    ----------
    name : str
        Of the preprocessing.
    chosen : Pipeline
    size : (rows, cols)
        Of the pictures.
    most : int
        Bytes to keep at most.
    """

    def __init__(self, name: str, chosen: Pipeline, size: Size, most: int) -> None:
        self._chosen = chosen
        self._size = size
        self._left = most
        self._digest = preparation_digest(name, chosen, size)
        self._taken: dict[int, dict[int, tuple[str, str]]] = {}
        self._spent: list[float] = []

    def read(self, picture: Any, kept: KeptColumns, row: int) -> Plane:
        """Read a kept picture; KeptPictureError when it is not what this process would make."""
        if kept.digest[row].upper() != self._digest:
            raise KeptPictureError("The kept pictures were prepared in another way.")
        try:
            return decode_plane(from_hex(picture), self._size, from_hex(kept.sha256[row]), self._chosen)
        except (TypeError, ValueError, LungdbError):
            raise KeptPictureError("A kept picture is damaged.") from None

    def over(self, scan_id: int, scan: LazyScan) -> LazyScan:
        """Let the pictures of a scan be taken, if there is room for all of them."""
        size = scan.slices * prepared_bytes(self._chosen, self._size)
        if size > self._left:
            return scan
        self._left -= size
        taken = self._taken[scan_id] = {}

        def keep(index: int, plane: Plane) -> None:
            started = time.thread_time()
            blob, sha256 = encode_plane(plane, self._chosen)
            taken[index] = blob.hex(), sha256.hex()
            self._spent.append(time.thread_time() - started)

        return replace(scan, keep=keep)

    def rows(self, without: AbstractSet[int]) -> Iterator[tuple[Any, ...]]:
        """Give the pictures as rows of the result, but for those of some scans."""
        for scan_id, taken in self._taken.items():
            if scan_id not in without:
                for index, (picture, sha256) in sorted(taken.items()):
                    yield scan_id, PICTURE, "", index, len(taken), picture, sha256, "{}"

    def costs(self, spent: Sequence[float], channels: int, threads: int) -> dict[str, Any]:
        """Say what preparing and keeping have cost; `spent` has both, for so many slices at a time."""
        keeping = sum(self._spent)
        return {
            "digest": self._digest,
            "pictures": channels * len(spent),
            "preparing": round((sum(spent) - keeping) / threads, 6),
            "keeping": round(keeping / threads, 6),
        }
