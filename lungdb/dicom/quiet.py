"""Keeps pydicom quiet: its warnings and log lines quote header values and paths, which may hold a patient's name."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Let no warning out of the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
