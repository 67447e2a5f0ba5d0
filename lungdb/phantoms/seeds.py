"""Which seeds the demo network was trained on, so that no demo patient has one of them."""

from __future__ import annotations

TRAINING_SEEDS = range(1_000_000, 2_000_000)
