"""Result sets as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lungdb.database import Connection, ResultSet, run


def to_frame(result: ResultSet) -> pd.DataFrame:
    """Give a result set as a data frame, NULL as pandas has it for the other values of the column."""
    frame: pd.DataFrame = pd.DataFrame.from_records(result.rows, columns=list(result.columns))
    return frame


def query(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
    """Run a batch that has one result set."""
    (result,) = run(connection, sql, parameters)
    return to_frame(result)
