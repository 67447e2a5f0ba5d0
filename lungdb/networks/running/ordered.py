"""Running a network that pools: one vector of a scan from the rows of its features, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import lacks_memory, no_memory, short, start_session

KIND = "pooling"
"""What `networks.details` of such a network has as its `kind`, and `networks.library` beside it."""

LAYOUTS = (("rows", "width"), ("N", "rows", "width"), ("rows", "N", "width"))
"""How the rows of one scan may lie in the network's input; N is 1, because scans are run one at a time."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Ordered:
    """What a network that pools reads and gives, as `networks.details` has it.

    Attributes
    ----------
    name : str
        Of its input.
    layout : tuple of str
        One of `LAYOUTS`.
    rows : int or None
        How many rows a scan must have; None takes any number from `at_least` up.
    at_least : int
        The fewest rows that it can be run on.
    width : int
        Features of a row.
    lengths : str or None
        Its input for the number of rows, where it has one.
    lengths_kind : str
        What that number is, as NumPy names it, and
    lengths_rank : int
        how many dimensions it has: 0 or 1.
    output : str
        The output that is the vector.
    vector : int
        How many numbers it has; 0 before the trial.
    """

    name: str
    layout: tuple[str, ...]
    rows: int | None
    at_least: int
    width: int
    lengths: str | None
    lengths_kind: str
    lengths_rank: int
    output: str
    vector: int

    def details(self) -> dict[str, Any]:
        """Give what `read_ordered` reads."""
        lengths = None
        if self.lengths is not None:
            lengths = {"name": self.lengths, "kind": self.lengths_kind, "rank": self.lengths_rank}
        read = {"name": self.name, "layout": list(self.layout), "rows": self.rows, "at_least": self.at_least}
        return {
            "kind": KIND,
            "input": {**read, "width": self.width, "lengths": lengths},
            "vector": {"name": self.output},
            "width": self.vector,
        }

    def feed(self, features: Features) -> dict[str, NDArray[Any]]:
        """Lay out float32[rows, width] as the network reads it."""
        fed: dict[str, NDArray[Any]] = {self.name: features}
        if self.layout != LAYOUTS[0]:
            fed[self.name] = np.expand_dims(features, self.layout.index("N"))
        if self.lengths is not None:
            fed[self.lengths] = np.full((1,) * self.lengths_rank, len(features), self.lengths_kind)
        return fed


def read_ordered(details: Mapping[str, Any]) -> Ordered:
    """Read `networks.details`; ProcedureError 50104 for another kind of network, 50116 where they say too little."""
    if details.get("kind") != KIND:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            "The network makes features and pools none. Load one that pools with lungdb load-network FILE --pooling.",
        )
    try:
        read, given = details["input"], details["vector"]
        lengths = read["lengths"] or {"name": None, "kind": "int64", "rank": 0}
        ordered = Ordered(
            str(read["name"]),
            tuple(read["layout"]),
            None if read["rows"] is None else int(read["rows"]),
            int(read["at_least"]),
            int(read["width"]),
            lengths["name"],
            str(lengths["kind"]),
            int(lengths["rank"]),
            str(given["name"]),
            int(details["width"]),
        )
    except (KeyError, TypeError, ValueError):
        ordered = None
    if ordered is None or ordered.layout not in LAYOUTS or ordered.lengths_kind not in ("int32", "int64"):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The network's details do not say how it reads the rows of a scan. Load it again with --pooling.",
        )
    return ordered


class Pooler:
    """A network that pools, ready to run.

    Attributes
    ----------
    provider, notice : str
        As a `lungdb.networks.running.sessions.Session` has them.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing or refuses the network, 50101 when a provider does not exist, 50340 when a
        device does not.
    """

    def __init__(
        self, model: bytes, ordered: Ordered, providers: Sequence[str] | None = None, threads: int | None = None
    ) -> None:
        self._session, self.notice = start_session(model, providers, threads or allowed_processors())
        self._ordered = ordered
        self.provider = str(self._session.get_providers()[0])

    def pool(self, features: Features) -> Features:
        """Make float32[vector] of the features of a scan, float32[rows, width].

        Raises
        ------
        LungdbError
            Of this scan: the features do not fit the network, or hold or become something that is no finite number.
        ProcedureError
            50116 of the network: the memory does not hold it.
        """
        ordered, (rows, width) = self._ordered, features.shape
        if width != ordered.width:
            raise LungdbError(
                f"A row of its features has {width} numbers, and the network reads {ordered.width}. Take a network "
                "that was trained on these features."
            )
        if ordered.rows is not None and rows != ordered.rows:
            raise LungdbError(
                f"Its features have {rows} rows, and the network reads {ordered.rows} and no other number. Export the "
                "network with a free number of rows."
            )
        if rows < ordered.at_least:
            raise LungdbError(
                f"Its features have {rows} rows, and the network reads {ordered.at_least} at least. Leave the scan "
                "out, or take another pooling."
            )
        wrong = np.argwhere(~np.isfinite(features))
        if wrong.size:
            row, place = wrong[0]
            raise LungdbError(
                f"The number {place} of row {row} of its features is {features[row, place]}. Generate the features of "
                "the scan again with @Recompute = 1."
            )
        vector = self.run(features)[0].reshape(-1)
        if vector.size != ordered.vector:
            raise LungdbError(
                f"The network gives {vector.size} numbers for its {rows} rows, and {ordered.vector} when it was "
                "loaded. Export it so that it gives one vector whatever the number of rows."
            )
        if not np.isfinite(vector).all():
            place = int(np.flatnonzero(~np.isfinite(vector))[0])
            raise LungdbError(
                f"The number {place} of what the network gives for its {rows} rows is {vector[place]}. Check the "
                "network, or leave the scan out."
            )
        return np.ascontiguousarray(vector, dtype=np.float32)

    def run(self, features: Features, outputs: Sequence[str] | None = None) -> list[NDArray[Any]]:
        """Run the network on one scan, and give its outputs of these names, by default the vector's, as they come."""
        wanted = list(outputs or [self._ordered.output])
        try:
            given = self._session.run(wanted, self._ordered.feed(np.ascontiguousarray(features, np.float32)))
        except Exception as error:  # its exceptions share no base but this one
            if lacks_memory(error):
                raise no_memory(f"network and a scan of {len(features)} rows", error) from None
            raise LungdbError(
                f"ONNX Runtime cannot run the network on {len(features)} rows: {short(error)} Export it with a free "
                "number of rows."
            ) from None
        return [np.asarray(value) for value in given]
