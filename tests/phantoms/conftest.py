"""A few phantoms that several tests look at."""

from __future__ import annotations

import pytest

from lungdb.phantoms import Phantom, make_phantom
from tests.phantoms.seeds import DEVELOPMENT_SEEDS


@pytest.fixture(scope="session")
def phantoms() -> list[Phantom]:
    """Make six people, three of them with cancer, at the demo's size."""
    return [make_phantom(seed, cancer=seed % 2 == 1) for seed in DEVELOPMENT_SEEDS[:6]]


@pytest.fixture(scope="session")
def small() -> list[Phantom]:
    """Make twelve people at a small size, six of them with cancer."""
    return [make_phantom(seed, cancer=seed % 2 == 1, slices=8, size=64) for seed in DEVELOPMENT_SEEDS[100:112]]
