"""Where the scans of the sample inputs lie."""

from __future__ import annotations

import numpy as np
import pandas as pd

PLACE = {
    "spacing_z": 10.0, "spacing_y": 10.0, "spacing_x": 10.0, "origin_x": 0.0, "origin_y": 0.0, "origin_z": 0.0,
    "row_x": 1.0, "row_y": 0.0, "row_z": 0.0, "column_x": 0.0, "column_y": 1.0, "column_z": 0.0,
    "step_x": 0.0, "step_y": 0.0, "step_z": 10.0,
}  # fmt: skip
"""Where a scan lies, in the order of the queries."""


def placed(frame: pd.DataFrame) -> pd.DataFrame:
    """Add where the scans lie; `spacing_y` and `spacing_x` stay in the order of the query that has them first."""
    return frame.assign(**{name: value for name, value in PLACE.items() if name not in frame}).astype(
        dict.fromkeys(PLACE, np.float64)
    )
