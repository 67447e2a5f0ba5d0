"""Nodules as a data frame: the rows that detectors and readers left, with their places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lungdb
from lungdb.database import Connection
from lungdb.errors import LungdbError
from tests.support.nodules import add_found, add_network, add_truth, lay


def test_nodules_come_by_source_network_and_scan(listed: Connection, tmp_path: Path) -> None:
    """With their places in millimetres and among the pixels; a source that is none is refused by what there is."""
    lay(listed, 2, (-10, -20, 5), (1, 0, 0), (0, 1, 0), (0, 0, 2), (0.5, 0.25))
    network, other = add_network(listed, "detector"), add_network(listed, "other")
    ours = add_found(listed, 2, network, (-9.0, -18.0, 11.0), 6.0, 0.5)
    add_found(listed, 3, network, (0, 0, 0), 6.0, 0.9)
    add_found(listed, 2, other, (0, 0, 0), 6.0, 0.9)
    marked = add_truth(listed, 2, (1, 2, 3), 5.0, 3, 2)
    listed.close()
    (file,) = tmp_path.glob("*.db")
    with lungdb.open(f"sqlite:///{file.as_posix()}") as db:
        assert len(db.nodules()) == 4
        assert list(db.nodules("truth").index) == [marked]
        found = db.nodules("network", network="detector", scan_id=2)
        assert list(found.index) == [ours]
        np.testing.assert_allclose(found[["pixel_column", "pixel_row", "slice"]], [[4, 4, 3]])
        assert db.nodules(scan_id=9).empty
        with pytest.raises(LungdbError, match="Supported are network and truth"):
            db.nodules("readers")  # type: ignore[arg-type]
