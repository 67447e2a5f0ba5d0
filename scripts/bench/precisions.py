"""Print GenerateFeatures in its best precision over a plain PyTorch script that decodes; part of `make bench`."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from databases import succeed
from features import BATCH_SIZE, read_series
from figures import ONE_ROUND, Compared, Figure, compare, seconds
from numpy.typing import NDArray
from sizes import Sizes

from lungdb.cli import load_network
from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, run
from lungdb.imaging.preprocessing import LUNG_WINDOW, SIDE
from lungdb.networks.architectures.resnet import RESNETS, random_resnet

LEAST_COSINE = 0.99
_AIM = "3 without VNNI, 5 with"
_NO_SCRIPT = "a plain PyTorch script with decoding: not run, PyTorch is not installed"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Floats = NDArray[np.float32]


def bench(large: str, scans: Path, network: Path, sizes: Sizes) -> list[Figure]:
    """Print the table and give the figures; `large` has the scans of the folder and `network` as bench."""
    what = f"GenerateFeatures, best precision with cosine ≥ {LEAST_COSINE}"
    arguments = [str(network), "--name", "bench", "--precision", "int8", "--force"]
    with redirect_stdout(io.StringIO()):
        succeed(load_network.main(["-d", large, *arguments, "--calibration", str(sizes.calibration)]))
    with closing(connect(large)) as connection:
        rows, best = _precisions(connection)
        print(f"\nGenerateFeatures with {sizes.layout}, {sizes.large}, by precision, one round:\n")
        print_table(("precision", "seconds", "least cosine with float32"), rows)
        plain = plain_script(sizes.layout, scans)
        if plain is None:
            print("PyTorch is not installed, so a plain script of it was not compared.")
            (taken,) = (taken for name, taken, _ in rows if name == best)
            return [Figure(f"{what} ({best}), {sizes.layout}: {taken} s", _NO_SCRIPT, "", ONE_ROUND, _AIM)]
        times = compare(plain, lambda: _generate(connection, best), sizes.rounds)
    print("\nThe best one over a plain PyTorch script that reads the files and decodes, medians:\n")
    print_table(("precision", "plain script, s", "GenerateFeatures, s", "ratio", "of the rounds"), [_row(best, times)])
    name, script, ours, ratio, rounds = _row(best, times)
    return [
        Figure(
            f"{what} ({name}), {sizes.layout}: {ours} s",
            f"a plain PyTorch script with decoding: {script} s",
            ratio,
            rounds,
            _AIM,
        )
    ]


def plain_script(layout: str, scans: Path) -> Callable[[], Any] | None:
    """Give what somebody writes instead: files to pictures to features, eager; None where PyTorch is missing."""
    run_batch = eager(layout)
    if run_batch is None:
        return None

    def script() -> list[Floats]:
        return [np.concatenate([run_batch(batch) for batch in _batches(folder)]) for folder in sorted(scans.iterdir())]

    return script


def eager(layout_name: str) -> Callable[[Floats], Floats] | None:
    """Give a ResNet of random weights in PyTorch's own operators, or None where PyTorch is missing."""
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return None
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    layout = RESNETS[layout_name]
    tensors = {name: torch.from_numpy(array) for name, array in random_resnet(layout, seed=0).items()}

    def convolve(x: Any, step: Any) -> Any:
        x = functional.conv2d(x, tensors[f"{step.name}.weight"], stride=step.stride, padding=step.side // 2)
        mean, variance, scale, shift = (
            tensors[f"{step.norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean, variance, scale, shift)

    def run_batch(batch: Floats) -> Floats:
        with torch.inference_mode():
            x = functional.relu(convolve(torch.from_numpy(batch), layout.first()), inplace=True)
            x = functional.max_pool2d(x, 3, stride=2, padding=1)
            for block in layout.blocks():
                kept = convolve(x, block.shortcut) if block.shortcut else x
                for step in block.steps[:-1]:
                    x = functional.relu(convolve(x, step), inplace=True)
                x = functional.relu(convolve(x, block.steps[-1]).add_(kept), inplace=True)
            features: Floats = x.mean(dim=(2, 3)).numpy()
            return features

    return run_batch


def _batches(folder: Path) -> list[Floats]:
    low, high = LUNG_WINDOW
    pictures = []
    for hu, _, _ in read_series(folder):
        scaled = (np.clip(hu.astype(np.float32), low, high) - low) / (high - low)
        pictures.append(cv2.resize(scaled, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    pictures += pictures[-1:] * (-len(pictures) % 3)
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (_MEAN, _STD))
    triples = (np.stack(pictures).reshape(-1, 3, SIDE, SIDE) - mean) / std
    return [triples[start : start + BATCH_SIZE] for start in range(0, len(triples), BATCH_SIZE)]


def _precisions(connection: Connection) -> tuple[list[tuple[str, str, str]], str]:
    """Give the rows, and the network of the quickest precision whose features are close enough."""
    found = {}
    for name in ("bench", "bench-int8"):
        _generate(connection, name)  # starts the process and opens the network
        found[name] = (seconds(lambda name=name: _generate(connection, name)), _features(connection, name))  # type: ignore[misc]  # mypy cannot infer a lambda with a default argument
    exact = found["bench"][1]
    cosines = {name: _least_cosine(exact, features) for name, (_, features) in found.items()}
    rows = [(name, f"{taken:.2f}", f"{cosines[name]:.4f}") for name, (taken, _) in found.items()]
    close = [name for name in found if cosines[name] >= LEAST_COSINE]
    return rows, min(close, key=lambda name: found[name][0])


def _generate(connection: Connection, network: str) -> None:
    run(
        connection,
        "EXECUTE dbo.GenerateFeatures @ModelName = ?, @BatchSize = ?, @Recompute = 1;",
        (network, BATCH_SIZE),
    )


def _features(connection: Connection, network: str) -> Floats:
    (found,) = run(
        connection,
        "SELECT f.array, f.array_cols FROM dbo.features AS f "
        "INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id "
        "INNER JOIN dbo.networks AS n ON n.network_id = s.network_id WHERE n.name = ? ORDER BY f.scan_id;",
        (network,),
    )
    return np.concatenate([np.frombuffer(array, "<f4").reshape(-1, columns) for array, columns in found.rows])


def _least_cosine(one: Floats, other: Floats) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def _row(name: str, times: Compared) -> tuple[str, str, str, str, str]:
    ratio, rounds = times.speedup()
    return name, f"{times.bare_seconds:.2f}", f"{times.our_seconds:.2f}", ratio, rounds
