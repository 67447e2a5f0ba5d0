"""The types of what fixtures give to ask a database and to store scans in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Query = Callable[..., list[tuple[Any, ...]]]
Store = Callable[[Sequence[int]], None]
