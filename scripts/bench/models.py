"""Print what training and scoring cost over bare LightGBM on the same matrix; part of `make bench`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import lightgbm
import numpy as np
from figures import Compared, Figure, compare
from sizes import WHOLE, Sizes

from lungdb.cli.sql import print_table
from lungdb.imaging.codecs import encode_vector
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.scoring import score_all
from lungdb.learning.training import Trained, train
from lungdb.learning.vectors import read_vector

POSITIVE = 0.26


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each time (default: 3)")
    bench(replace(WHOLE, rounds=parser.parse_args().rounds))
    return 0


def bench(sizes: Sizes) -> list[Figure]:
    """Print the tables about models and give the figures."""
    names = ("patients", "bare, s", "lungdb, s", "times as long", "of the rounds")
    print("\nTraining from JSON vectors with a validation part, over lightgbm.train on the same matrix, medians:\n")
    cohorts = [_Cohort(*size) for size in sizes.trained]
    trained = [(each.name, compare(each.bare_training, each.training, sizes.rounds)) for each in cohorts]
    print_table(names, [_row(*each) for each in trained])
    print("\nScoring from JSON vectors, over booster.predict on the matrix already in memory, medians:\n")
    cohorts = [_Cohort(*size, max_iterations=100) for size in sizes.scored]
    scored = [(each.name, compare(each.bare_scoring, each.scoring, sizes.rounds)) for each in cohorts]
    print_table(names, [_row(*each) for each in scored])
    return [
        Figure(
            f"{what}, {name}: {times.our_seconds:.3f} s",
            f"{against}: {times.bare_seconds:.3f} s",
            *times.times_as_long(),
        )
        for what, against, rows in (
            ("training from JSON vectors, times as long", "lightgbm.train on the same matrix", trained),
            ("scoring from JSON vectors, times as long", "booster.predict on a matrix in memory", scored),
        )
        for name, times in rows
    ]


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


def _row(name: str, times: Compared) -> tuple[str, str, str, str, str]:
    ratio, rounds = times.times_as_long()
    return name, f"{times.bare_seconds:.3f}", f"{times.our_seconds:.3f}", ratio, rounds


if __name__ == "__main__":
    sys.exit(main())
