"""Patients whose features tell their labels apart, but not perfectly."""

import numpy as np
import pytest


@pytest.fixture
def cohort():
    """100 patients of 20 features, 5 of them informative; the last 30 are test patients."""
    rng = np.random.default_rng(11)
    labels = np.tile([0, 1], 50)
    vectors = rng.standard_normal((100, 20)).astype(np.float32)
    vectors[:, :5] += labels[:, None]
    return vectors, labels, np.arange(100) >= 70
