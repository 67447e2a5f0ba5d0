"""The seeds of the scans that tests look at."""

from __future__ import annotations

DEVELOPMENT_SEEDS = range(2_000_000, 3_000_000)
