"""Print what training and scoring cost over bare LightGBM on the same matrix; part of `make bench`."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import lightgbm
import numpy as np

from lungdb.cli.sql import print_table
from lungdb.imaging.codecs import encode_vector
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.scoring import score_all
from lungdb.learning.training import Trained, train
from lungdb.learning.vectors import read_vector

# Number and width; 1595 are the full Data Science Bowl.
TRAINED = ((200, 512), (1595, 512))
SCORED = ((1595, 512), (1595, 2048))
POSITIVE = 0.26


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each time (default: 3)")
    bench(parser.parse_args().rounds)
    return 0


def bench(rounds: int) -> None:
    """Print the rows about models."""
    names = ("patients", "bare, s", "lungdb, s", "ratio", "ratios of the rounds")
    print("\nTraining from JSON vectors with a validation part, over lightgbm.train on the same matrix, medians:\n")
    cohorts = [_Cohort(*size) for size in TRAINED]
    print_table(names, [(each.name, *_row(each.bare_training, each.training, rounds)) for each in cohorts])
    print("\nScoring from JSON vectors, over booster.predict on the matrix already in memory, medians:\n")
    cohorts = [_Cohort(*size, max_iterations=100) for size in SCORED]
    print_table(names, [(each.name, *_row(each.bare_scoring, each.scoring, rounds)) for each in cohorts])


class _Cohort:
    """Patients of random features, a few of them informative, as JSON in the database and as a matrix."""

    def __init__(self, number: int, width: int, max_iterations: int = 500) -> None:
        rng = np.random.default_rng(number + width)
        self.name = f"{number} × {width}"
        self._labels = (rng.random(number) < POSITIVE).astype(np.int64)
        self._vectors = rng.gamma(1, size=(number, width)).astype(np.float32)
        self._vectors[:, :20] += 0.3 * self._labels[:, None]
        self._texts = [encode_vector(vector) for vector in self._vectors]
        self._parameters = TrainingParameters(max_iterations=max_iterations)
        self._trained = self.training()
        self._booster = lightgbm.Booster(model_str=self._trained.model.decode())

    def training(self) -> Trained:
        """Read the vectors, train, and score everybody."""
        return train(np.stack([read_vector(text) for text in self._texts]), self._labels, self._parameters)

    def bare_training(self) -> None:
        """Train LightGBM on the same patients with the same settings; the model must be the same."""
        kept, given = self._trained.parts == "validation", self._parameters
        settings = {
            "learning_rate": given.learning_rate,
            "num_leaves": given.num_leaves,
            "min_data_in_leaf": given.min_data_in_leaf,
            "feature_fraction": given.feature_fraction,
            "seed": given.seed,
            "objective": "binary",
            "extra_trees": True,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        learning = lightgbm.Dataset(self._vectors[~kept], self._labels[~kept])
        validation = lightgbm.Dataset(self._vectors[kept], self._labels[kept], reference=learning)
        stopping = lightgbm.early_stopping(given.early_stopping_rounds, verbose=False)
        booster = lightgbm.train(
            settings, learning, given.max_iterations, valid_sets=[validation], callbacks=[stopping]
        )
        if booster.best_iteration != self._trained.best_iteration:
            raise SystemExit("The bare fit is not the same fit, so its time says nothing.")

    def scoring(self) -> None:
        """Read the vectors and score everybody."""
        score_all("lightgbm", self._trained.model, np.stack([read_vector(text) for text in self._texts]))

    def bare_scoring(self) -> None:
        """Score the matrix."""
        self._booster.predict(self._vectors, num_threads=1)


def _row(bare: Callable[[], object], whole: Callable[[], object], rounds: int) -> tuple[str, str, str, str]:
    """Time both alternately, after one round of each that is not counted."""
    bare()
    whole()
    times = [(_seconds(bare), _seconds(whole)) for _ in range(rounds)]
    ratios = [other / one for one, other in times]
    medians = [f"{statistics.median(column):.3f}" for column in zip(*times, strict=True)]
    return medians[0], medians[1], f"{statistics.median(ratios):.2f}", ", ".join(f"{ratio:.2f}" for ratio in ratios)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
