"""Which seeds are for what, so that no demo patient is one that the demo network was trained on."""

from __future__ import annotations

DEMO_SEEDS = range(0, 1_000_000)
TRAINING_SEEDS = range(1_000_000, 2_000_000)
DEVELOPMENT_SEEDS = range(2_000_000, 3_000_000)
