"""What a scan and a batch ask of the database that they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Reading(Protocol):
    """Reads slices, vectors and scores; `Database` says how."""

    def volume(self, scan_id: int, first: int = 0, last: int | None = None) -> NDArray[np.int16]: ...  # noqa: D102
    def vectors(self, feature_set_id: int, pooling: str, scan_ids: Sequence[int] | None = None) -> pd.DataFrame: ...  # noqa: D102
    def scores(  # noqa: D102
        self, model: str | None = None, version: int | None = None, scan_id: int | None = None
    ) -> pd.DataFrame: ...
