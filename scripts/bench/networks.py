"""Pictures per second of ResNet-50: our sessions, float32 and int8, over bare ONNX Runtime and PyTorch eager."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.cli.sql import print_table
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.layers import select_layers
from lungdb.networks.quantising import to_int8
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.sessions import open_session

BATCH_SIZE = 32
BATCHES = 3

Array = NDArray[np.float32]


def bench(rounds: int) -> None:
    """Print the rows; each way runs once for warmth and then once a round, one after the other."""
    layout = RESNETS["resnet50"]
    weights = random_resnet(layout, seed=0)
    stored = prepare_network(build_resnet(weights))
    rng = np.random.default_rng(0)
    pictures = [rng.standard_normal((BATCH_SIZE, 3, 224, 224), dtype=np.float32) for _ in range(BATCHES)]
    float32, int8 = (select_layers(model, ["penultimate"])[0] for model in (stored, to_int8(stored, [pictures[0][:8]])))
    ways = {
        "bare ONNX Runtime, float32": _bare(float32),
        "our session, float32": open_session(float32).run,
        "our session, int8": open_session(int8).run,
    }
    eager = _eager(weights)
    if eager:
        ways["PyTorch eager, float32"] = eager

    def seconds(way: Callable[[Array], Any]) -> float:
        started = time.perf_counter()
        for batch in pictures:
            way(batch)
        return time.perf_counter() - started

    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            taken = seconds(way)
            if round_number:
                times[name].append(taken)
    bare = times["bare ONNX Runtime, float32"]
    rows = []
    for name, own in times.items():
        ratios = [other / mine for other, mine in zip(bare, own, strict=True)]
        speed = BATCH_SIZE * BATCHES / statistics.median(own)
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        rows.append((name, f"{speed:.1f}", f"{statistics.median(ratios):.3f}", each))
    print(f"\nResNet-50, random weights, 224 × 224, batches of {BATCH_SIZE}, {allowed_processors()} threads:\n")
    print_table(("runs on the CPU", "pictures/s", "over bare", "of the rounds"), rows)
    if not eager:
        print("PyTorch is not installed, so it was not compared.")
    _start_of_a_session(stored, rounds)


def _start_of_a_session(stored: bytes, rounds: int) -> None:
    """Print what an external-script call pays before its first batch, beside imports and the transfer."""

    def once() -> tuple[float, float]:
        started = time.perf_counter()
        pruned = select_layers(stored, ["penultimate"])[0]
        between = time.perf_counter()
        open_session(pruned)
        return 1000 * (between - started), 1000 * (time.perf_counter() - between)

    columns = list(zip(*[once() for _ in range(rounds)], strict=True))
    print("\nStart of a session with it, median:\n")
    print_table(("choosing the layer, ms", "opening, ms"), [[f"{statistics.median(column):.0f}" for column in columns]])


def _bare(model: bytes) -> Callable[[Array], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = allowed_processors()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def _eager(weights: Mapping[str, Array]) -> Callable[[Array], Any] | None:
    """Give the same network in PyTorch's own operators, or None where PyTorch is missing."""
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return None
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    layout = RESNETS["resnet50"]

    def convolve(x: Any, step: Any) -> Any:
        x = functional.conv2d(x, tensors[f"{step.name}.weight"], stride=step.stride, padding=step.side // 2)
        mean, variance, scale, shift = (
            tensors[f"{step.norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean, variance, scale, shift)

    def run(batch: Array) -> Any:
        with torch.inference_mode():
            x = functional.relu(convolve(torch.from_numpy(batch), layout.first()), inplace=True)
            x = functional.max_pool2d(x, 3, stride=2, padding=1)
            for block in layout.blocks():
                kept = convolve(x, block.shortcut) if block.shortcut else x
                for step in block.steps[:-1]:
                    x = functional.relu(convolve(x, step), inplace=True)
                x = functional.relu(convolve(x, block.steps[-1]).add_(kept), inplace=True)
            return x.mean(dim=(2, 3)).numpy()

    return run
