"""Train a network on scikit-learn's digits and write it and the digits held out as T-SQL, for sql/execute."""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 0
HELD_OUT = 0.25
UNITS = 100
EPOCHS = 30
DECIMALS = 4
"""Of the weights that are shipped, and measured."""


@dataclass(frozen=True)
class Turned:
    """Copies of each picture to learn from too: how many, by how many pixels and degrees they are moved at most."""

    times: int
    shift: float
    degrees: float


WAYS = (Turned(8, 0.5, 10), Turned(16, 0.7, 12), Turned(16, 0.9, 15))
CHOSEN = WAYS[1]
"""The best of the cross-validation, `--choose`."""
_FILE = Path(__file__).resolve().parents[1] / "sql" / "execute" / "22_digits.sql"
_WIDTH = 90  # a line of SQL has 140 characters, with what stands before the first numbers

_TEXT = """\
-- The digits of scikit-learn: 1,797 pictures of 8 by 8 (Alpaydin and Kaynak, UCI ML Repository, CC BY 4.0).
-- {held_out} of them that nothing was learnt from become the data set digits_test; the network digits_network,
-- {widths}, has learnt from the others. Needs no Python; 23_score_digits.sql scores them.
-- Written by scripts/make_digits.py.
DECLARE @Pictures NVARCHAR(MAX) = N'{pictures}';
DECLARE @Labels NVARCHAR(MAX) = N'{labels}';
DECLARE @Tensors NVARCHAR(MAX) = N'{tensors}';
BEGIN TRANSACTION;
DELETE FROM dbo.examples WHERE dataset = N'digits_test';
DELETE FROM dbo.example_labels WHERE dataset = N'digits_test';
DELETE FROM dbo.tensors WHERE network = N'digits_network';
DELETE FROM dbo.dense_layers WHERE network = N'digits_network';
DELETE FROM dbo.training_log WHERE network = N'digits_network';

INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT N'digits_test', CAST(r.[key] AS INT), CAST(v.[key] AS INT), CAST(v.[value] AS FLOAT) / 16
FROM OPENJSON(@Pictures) AS r
CROSS APPLY OPENJSON(r.[value]) AS v;

INSERT INTO dbo.example_labels (dataset, example_id, label)
SELECT N'digits_test', CAST(r.[key] AS INT), CAST(r.[value] AS INT)
FROM OPENJSON(@Labels) AS r;

INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation)
VALUES {layers};

INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
SELECT N'digits_network', t.[key], CAST(r.[key] AS INT), CAST(c.[key] AS INT), CAST(c.[value] AS FLOAT)
FROM OPENJSON(@Tensors) AS t
CROSS APPLY OPENJSON(t.[value]) AS r
CROSS APPLY OPENJSON(r.[value]) AS c;

INSERT INTO dbo.datasets (name, kind)
SELECT N'digits_test', 'examples'
WHERE NOT EXISTS (SELECT 1 FROM dbo.datasets WHERE name = N'digits_test');
COMMIT TRANSACTION;
"""


def split() -> list[NDArray[Any]]:
    """Give pictures to learn from, those held out (values 0 to 16), and the labels of both; always the same."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pictures, labels = load_digits(return_X_y=True)
    parts: list[NDArray[Any]] = train_test_split(
        pictures, labels, test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    return parts


def learn(pictures: NDArray[Any], labels: NDArray[Any], turned: Turned) -> Any:
    """Learn from pictures (0 to 16) and turned copies of them; weights are rounded to what is shipped."""
    from sklearn.neural_network import MLPClassifier

    copies = turned_copies(pictures / 16, turned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so many epochs are meant, whether or not the loss still falls
        network = MLPClassifier((UNITS,), random_state=SEED, max_iter=EPOCHS, alpha=0.01, learning_rate_init=0.003)
        network.fit(copies, np.tile(labels, turned.times + 1))
    network.coefs_ = [np.round(weights, DECIMALS) for weights in network.coefs_]
    network.intercepts_ = [np.round(biases, DECIMALS) for biases in network.intercepts_]
    return network


def turned_copies(pictures: NDArray[Any], turned: Turned) -> NDArray[Any]:
    """Give the pictures, then copies of each, turned, shifted and scaled at random about their middle."""
    from scipy.ndimage import affine_transform

    rng = np.random.default_rng(SEED)
    middle = np.array([3.5, 3.5])
    found = [pictures]
    for _ in range(turned.times):
        copy = np.empty_like(pictures)
        for place, picture in enumerate(pictures.reshape(-1, 8, 8)):
            angle = np.deg2rad(rng.uniform(-turned.degrees, turned.degrees))
            matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            matrix *= rng.uniform(0.92, 1.08)
            offset = middle - matrix @ middle + rng.uniform(-turned.shift, turned.shift, 2)
            copy[place] = affine_transform(picture, matrix, offset, order=1).ravel()
        found.append(copy)
    return np.concatenate(found)


def accuracies() -> dict[Turned, float]:
    """Cross-validate each way to turn copies, on the pictures to learn from alone; takes minutes."""
    from sklearn.model_selection import StratifiedKFold

    pictures, _, labels, _ = split()
    folds = list(StratifiedKFold(5, shuffle=True, random_state=SEED).split(pictures, labels))
    return {
        turned: float(np.mean([
            learn(pictures[train], labels[train], turned).score(pictures[test] / 16, labels[test])
            for train, test in folds
        ]))
        for turned in WAYS
    }  # fmt: skip


def sql_text(network: Any) -> str:
    """Give the file: held-out pictures, their labels, and the network."""
    _, pictures, _, labels = split()
    tensors = []
    for layer, (weights, biases) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        tensors += [f'"{layer}.weight": {_rows(weights)}', f'"{layer}.bias": {_rows(biases[None])}']
    shapes = [weights.shape for weights in network.coefs_]
    layers = [
        f"(N'digits_network', {layer}, {inputs}, {units}, N'{'softmax' if layer == len(shapes) - 1 else 'relu'}')"
        for layer, (inputs, units) in enumerate(shapes)
    ]
    return _TEXT.format(
        held_out=len(labels),
        widths="-".join(map(str, [shapes[0][0], *(units for _, units in shapes)])),
        pictures=_rows(pictures.astype(int)),
        labels=f"[{_wrapped(labels)}]",
        tensors="{" + ",\n".join(tensors) + "}",
        layers=",\n    ".join(layers),
    )


def _rows(array: NDArray[Any]) -> str:
    return "[" + ",\n".join(f"[{_wrapped(row)}]" for row in array) + "]"


def _wrapped(row: NDArray[Any]) -> str:
    """Give numbers with commas, in lines that are not too long."""
    lines = [""]
    for number in row.tolist():
        text = f"{number:g},"
        if len(lines[-1]) + len(text) > _WIDTH:
            lines.append("")
        lines[-1] += text
    return "\n".join(lines)[:-1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=_FILE, help="where it goes (default: sql/execute)")
    parser.add_argument("--choose", action="store_true", help="cross-validate the ways to learn, and write nothing")
    options = parser.parse_args(arguments)
    if options.choose:
        for turned, accuracy in accuracies().items():
            print(f"{turned}: {accuracy:.2%}")
        return 0
    pictures, held_out, labels, truth = split()
    network = learn(pictures, labels, CHOSEN)
    options.file.write_text(sql_text(network), encoding="utf-8")
    print(f"Right: {network.score(held_out / 16, truth):.2%} of {len(truth)} pictures held out.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
