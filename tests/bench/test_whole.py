"""Every benchmark runs, at sizes whose figures mean nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

WHOLE = Path(__file__).resolve().parents[2] / "scripts" / "bench" / "whole.py"
# What README's table is about, by the first words of its rows.
ROWS = (
    "GenerateFeatures, resnet18, 64 × 64, first time",
    "GenerateFeatures, demo network, 64 × 64, first time",
    "GenerateFeatures, resnet18, 64 × 64, prepared pictures kept",
    "GenerateFeatures, demo network, 64 × 64, prepared pictures kept",
    "stored slice of 64 × 64",
    "GenerateFeatures, best precision with cosine ≥ 0.99",
    "peak of external Python",
    "GenerateFeatures: ",
    "TrainLungCancerModel: ",
    "PredictLungCancer: ",
    "PredictLungCancer, median",
    "PredictLungCancer, 95th percentile",
    "PredictLungCancer with 60 patients × 512 features stored, median",
    "PredictPatients, 60 patients × 512 features in one call, a model that knows its scope",
    "PredictPatientsSql, ",
    "PredictPatients, ",
    "TrainNetworkSql, 40 examples",
    "TrainNetworkSql of 40 examples, training rows a second, @BatchSize 10",
    "TrainNetworkSql of 40 examples, training rows a second, @BatchSize all",
    "load-scans, ",
    "lungdb search, two workers",
    "the page, a score 2 s after its start",
    "the page, a score under 2 readers",
    "our session, float32",
    "our session, int8",
    "training from JSON vectors",
    "scoring from JSON vectors",
    "a page of the worklist",
    "the scans most similar",
)


@pytest.mark.slow
def test_every_benchmark_runs_and_has_its_row_in_the_table():
    """A benchmark that no longer fits what it measures would be found when its figure is wanted."""
    done = subprocess.run([sys.executable, WHOLE, "--tiny"], capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "its figures mean nothing" in done.stdout.splitlines()[0]
    assert re.search(r"^VNNI .*: (yes|no|not known)$", done.stdout, re.MULTILINE)
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    missing = [row for row in ROWS if not any(line.startswith(f"| {row}") for line in table)]
    assert missing == []
