"""Pictures per second of a ResNet: our sessions, float32 and int8, over bare ONNX Runtime and PyTorch eager."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import precisions
from figures import Figure, each
from numpy.typing import NDArray
from sizes import Sizes

from lungdb.cli.sql import print_table
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.layers import select_layers
from lungdb.networks.quantising import to_int8
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.sessions import open_session

Array = NDArray[np.float32]

_AIMS = {"our session, float32": "0.98"}


def bench(sizes: Sizes) -> list[Figure]:
    """Print the table and give the figures; each way runs once for warmth and then once a round, in turn."""
    batch_size = sizes.network_batch
    stored = prepare_network(build_resnet(random_resnet(RESNETS[sizes.layout], seed=0)))
    rng = np.random.default_rng(0)
    pictures = [rng.standard_normal((batch_size, 3, 224, 224), dtype=np.float32) for _ in range(sizes.network_batches)]
    float32, int8 = (select_layers(model, ["penultimate"])[0] for model in (stored, to_int8(stored, [pictures[0][:8]])))
    bare_name = "bare ONNX Runtime, float32"
    ways = {
        bare_name: _bare(float32),
        "our session, float32": open_session(float32).run,
        "our session, int8": open_session(int8).run,
    }
    eager = precisions.eager(sizes.layout)
    if eager:
        ways["PyTorch eager, float32"] = eager

    def seconds(way: Callable[[Array], Any]) -> float:
        started = time.perf_counter()
        for batch in pictures:
            way(batch)
        return time.perf_counter() - started

    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(sizes.rounds + 1):
        for name, way in ways.items():
            taken = seconds(way)
            if round_number:
                times[name].append(taken)
    bare = times[bare_name]
    rows, figures = [], []
    for name, own in times.items():
        ratios = [other / mine for other, mine in zip(bare, own, strict=True)]
        speed = f"{batch_size * len(pictures) / statistics.median(own):.1f}"
        rows.append((name, speed, f"{statistics.median(ratios):.3f}", each(ratios)))
        if name != bare_name:
            what = f"{name}, {sizes.layout}, batches of {batch_size}: {speed} pictures/s"
            figures.append(
                Figure(what, f"{bare_name}: {rows[0][1]} pictures/s", rows[-1][2], rows[-1][3], _AIMS.get(name, ""))
            )
    threads = allowed_processors()
    print(f"\n{sizes.layout}, random weights, 224 × 224, batches of {batch_size}, {threads} threads:\n")
    print_table(("runs on the CPU", "pictures/s", "over bare", "of the rounds"), rows)
    if not eager:
        print("PyTorch is not installed, so it was not compared.")
    _start_of_a_session(stored, sizes.rounds)
    return figures


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
