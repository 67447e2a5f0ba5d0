"""Train the demo network on synthetic scans and write it as ONNX.

Needs the extra `train` (PyTorch, a CPU suffices). Two steps: the residual network learns on patches where malignant,
benign and calcified nodules are; then, with the network fixed, two dense layers learn on whole pictures whether there
is one. The seeds of the scans are `lungdb.phantoms.seeds.TRAINING_SEEDS`; no demo patient has one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from lungdb.imaging.preprocessing import SIDE, CtSlice, pipeline
from lungdb.learning.metrics import auc
from lungdb.phantoms import Phantom, make_phantom
from lungdb.phantoms.seeds import TRAINING_SEEDS

KINDS = ("malignant", "benign", "granuloma")
STRIDE = 16  # pixels of a picture to one place of the last feature map
WIDTHS = (16, 24, 48, 160, 160)
STRIDES = (2, 2, 2, 2, 1)
FEATURES = 64
PATCH = 112
CANCER_FRACTION = 0.7  # more than in the demo: nodules are what there is to learn

Pictures = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A training scan as the network sees it.

    Attributes
    ----------
    pictures : uint8[slices, 224, 224]
        The lung window 0…1 in 255 steps.
    nodules : float32[n, 5]
        Index in `KINDS`, slice, row and column in pictures, radius in pixels of a picture.
    depth : float
        Pixels of a picture in the distance of two slices.
    """

    pictures: Pictures
    nodules: Array
    depth: float


def make_case(seed: int) -> Case:
    """Make the training scan of a seed."""
    if seed not in TRAINING_SEEDS:
        raise ValueError(f"{seed} is not a training seed")
    phantom = make_phantom(seed, cancer=seed % 10 < 10 * CANCER_FRACTION)
    prepare = pipeline("lung").picture
    pictures = np.stack([prepare(CtSlice(plane), (SIDE, SIDE)) for plane in phantom.hu])
    return Case(np.rint(pictures * 255).astype(np.uint8), _nodules(phantom), phantom.spacing[0] / _pixel(phantom))


def _pixel(phantom: Phantom) -> float:
    """Side in mm of a pixel of a prepared picture."""
    size = phantom.hu.shape[1]
    return float(phantom.spacing[1] * (size - 2 * round(size * 40 / 512)) / SIDE)


def _nodules(phantom: Phantom) -> Array:
    size = phantom.hu.shape[1]
    border = round(size * 40 / 512)
    scale = SIDE / (size - 2 * border)
    rows = []
    for nodule in phantom.nodules:
        k, row, column = nodule.index
        radius = nodule.diameter / 2 / _pixel(phantom)
        place = [(v - border + 0.5) * scale - 0.5 for v in (row, column)]
        rows.append([KINDS.index(nodule.kind), k, *place, radius])
    return np.array(rows, np.float32).reshape(-1, 5)


def shown(case: Case, first: int, part: float) -> NDArray[np.bool_]:
    """Which nodules the slices first … first + 2 cut within `part` of their radius."""
    planes = np.arange(first, first + 3)
    away = np.abs(case.nodules[:, 1, None] - planes).min(axis=1) * case.depth
    hit: NDArray[np.bool_] = away < np.maximum(part * case.nodules[:, 4], 0.5 * case.depth)
    return hit


def draw_patch(cases: list[Case], rng: np.random.Generator) -> tuple[Pictures, Array]:
    """Draw a patch, uint8[3, 112, 112], half of them near a nodule, and its targets, float32[3, 7, 7].

    Targets are 1 at places near the centre of a nodule of each kind, 0 elsewhere and NaN where it is neither.
    """
    case = cases[rng.integers(len(cases))]
    first = int(rng.integers(len(case.pictures) - 2))
    corner = rng.integers(0, SIDE - PATCH + 1, 2)
    if len(case.nodules) and rng.random() < 0.55:
        weight = np.array([4.0, 2.0, 1.0])[case.nodules[:, 0].astype(int)]
        _, k, row, column, _ = case.nodules[rng.choice(len(weight), p=weight / weight.sum())]
        first = int(np.clip(round(k) - rng.integers(0, 3), 0, len(case.pictures) - 3))
        centre = np.rint([row, column]) - rng.integers(16, PATCH - 16, 2)
        corner = np.clip(centre, 0, SIDE - PATCH).astype(int)
    y, x = corner
    patch = case.pictures[first : first + 3, y : y + PATCH, x : x + PATCH]
    cells = PATCH // STRIDE
    target = np.zeros((len(KINDS), cells, cells), np.float32)
    places = np.arange(cells) * STRIDE + (STRIDE - 1) / 2
    sure, maybe = shown(case, first, 0.7), shown(case, first, 1.3)
    for nodule, certain in zip(case.nodules[maybe], sure[maybe], strict=True):
        away = np.hypot(places[:, None] + y - nodule[2], places + x - nodule[3])
        layer = target[int(nodule[0])]
        layer[(away < nodule[4] + 16) & (layer != 1)] = np.nan
        if certain:
            layer[away < max(0.7 * float(nodule[4]), 11.5)] = 1
    flip = rng.random(4) < 0.5
    for chosen, axes in zip(flip, ((1,), (2,), (0,)), strict=False):
        if chosen:
            patch = np.flip(patch, axes)
            target = target if axes == (0,) else np.flip(target, axes)
    if flip[3]:
        patch, target = patch.transpose(0, 2, 1), target.transpose(0, 2, 1)
    return patch, target


def build() -> Any:
    """Build the residual network, a dense layer for every place, and the two layers over a whole picture."""

    def conv(before: int, after: int, side: int, stride: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(before, after, side, stride, side // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
        )

    net = nn.ModuleDict({"stem": conv(3, WIDTHS[0], 5, STRIDES[0])})
    for number, (before, after, stride) in enumerate(zip(WIDTHS, WIDTHS[1:], STRIDES[1:], strict=False), 1):
        block = nn.ModuleDict({"first": conv(before, after, 3, stride), "second": conv(after, after, 3, 1)[:2]})
        if stride != 1:
            block["shortcut"] = conv(before, after, 1, stride)[:2]
        net[f"block{number}"] = block
    net["places"] = nn.Conv2d(WIDTHS[-1], len(KINDS), 1)
    net["hidden"] = nn.Linear(2 * WIDTHS[-1], FEATURES)
    net["scores"] = nn.Linear(FEATURES, len(KINDS))
    nn.init.constant_(net["places"].bias, -3.0)
    return net


def feature_map(net: Any, x: Any) -> Any:
    """Run the residual network: float32[N, 3, rows, columns] to [N, 160, rows / 16, columns / 16]."""
    x = net["stem"](x)
    for number in range(1, len(WIDTHS)):
        block = net[f"block{number}"]
        kept = block["shortcut"](x) if "shortcut" in block else x
        x = torch.relu(block["second"](block["first"](x)) + kept)
    return x


def pool(maps: Any) -> Any:
    """Pool each channel over a picture: its largest and its mean value, [N, 320]."""
    return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], 1)


def train_places(net: Any, cases: list[Case], scaled: Any, steps: int, batch: int, rng: np.random.Generator) -> None:
    """Teach the residual network where nodules are."""
    optimiser = torch.optim.AdamW([p for n, p in net.named_parameters() if n.split(".")[0] not in ("hidden", "scores")])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps, pct_start=0.15)
    net.train()
    total, since = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        drawn = [draw_patch(cases, rng) for _ in range(batch)]
        patches = scaled(np.stack([patch for patch, _ in drawn]))
        # Scanners differ in dose and calibration more than the phantoms do.
        patches = patches * (1 + 0.08 * torch.randn(batch, 1, 1, 1)) + 0.08 * torch.randn(batch, 1, 1, 1)
        target = torch.from_numpy(np.stack([target for _, target in drawn]))
        known = ~torch.isnan(target)
        loss = nn.functional.binary_cross_entropy_with_logits(
            net["places"](feature_map(net, patches))[known], target[known], pos_weight=torch.tensor(4.0)
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 0:
            print(f"places: step {step}, loss {total / 100:.4f}, {time.monotonic() - since:.0f} s", flush=True)
            total = 0.0


def pooled(net: Any, cases: list[Case], scaled: Any) -> tuple[Any, Any]:
    """Return pooled maps, float32[triples, 320], and which kinds are there, float32[triples, 3], NaN if unclear."""
    net.eval()
    values, labels = [], []
    with torch.no_grad():
        for case in cases:
            firsts = range(0, len(case.pictures) - 2, 3)
            pictures = np.stack([case.pictures[first : first + 3] for first in firsts])
            values.append(pool(feature_map(net, scaled(pictures))))
            for first in firsts:
                sure, maybe = shown(case, first, 0.7), shown(case, first, 1.3)
                row = np.zeros(len(KINDS), np.float32)
                for kind in range(len(KINDS)):
                    mine = case.nodules[:, 0] == kind
                    row[kind] = 1 if (mine & sure).any() else np.nan if (mine & maybe).any() else 0
                labels.append(row)
    return torch.cat(values), torch.from_numpy(np.stack(labels))


def train_scores(net: Any, values: Any, labels: Any, steps: int) -> None:
    """Teach the two dense layers what kinds of nodules a whole picture shows."""
    layers = nn.ModuleList([net["hidden"], net["scores"]])
    optimiser = torch.optim.AdamW(layers.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(steps):
        chosen = torch.randint(len(values), (256,))
        x, target = values[chosen], labels[chosen]
        # Dropping hidden units makes each of the rest carry the evidence, so any of them serves a tree.
        hidden = nn.functional.dropout(torch.relu(net["hidden"](nn.functional.dropout(x, 0.2))), 0.5)
        known = ~torch.isnan(target)
        loss = nn.functional.binary_cross_entropy_with_logits(net["scores"](hidden)[known], target[known])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def report(net: Any, values: Any, labels: Any) -> None:
    """Print how well each kind is told on pictures the network was not trained on."""
    with torch.no_grad():
        scores = net["scores"](torch.relu(net["hidden"](values))).numpy()
    labels = labels.numpy()
    for kind, name in enumerate(KINDS):
        known = ~np.isnan(labels[:, kind])
        told = auc(labels[known, kind], scores[known, kind])
        print(f"{name}: AUC {told} on {np.nansum(labels[:, kind]):.0f} of {known.sum()} pictures")


def export(net: Any, normalisation: dict[str, list[float]]) -> onnx.ModelProto:
    """Write the network as an ONNX graph; batch normalisation is folded into the convolutions."""
    nodes, weights = [], []

    def constant(name: str, value: Any) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value.detach().numpy()), name))
        return name

    def add(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def conv(layer: Any, x: str, name: str) -> str:
        folded = nn.utils.fusion.fuse_conv_bn_eval(layer[0], layer[1])
        inputs = [x, constant(f"{name}.weight", folded.weight), constant(f"{name}.bias", folded.bias)]
        sides = {"strides": list(layer[0].stride), "pads": list(layer[0].padding) * 2}
        return add("Conv", inputs, name, kernel_shape=list(layer[0].kernel_size), **sides)

    net.eval()
    x = add("Relu", [conv(net["stem"], "picture", "stem")], "stem.relu")
    for number in range(1, len(WIDTHS)):
        name, block = f"block{number}", net[f"block{number}"]
        kept = conv(block["shortcut"], x, f"{name}.shortcut") if "shortcut" in block else x
        y = add("Relu", [conv(block["first"], x, f"{name}.first")], f"{name}.first.relu")
        y = add("Add", [conv(block["second"], y, f"{name}.second"), kept], f"{name}.sum")
        x = add("Relu", [y], f"{name}.relu")
    both = [add("GlobalMaxPool", [x], "largest"), add("GlobalAveragePool", [x], "mean")]
    x = add("Flatten", [add("Concat", both, "pooled", axis=1)], "pooled.flat")
    for name, layer in (("hidden", net["hidden"]), ("scores", net["scores"])):
        inputs = [x, constant(f"{name}.weight", layer.weight), constant(f"{name}.bias", layer.bias)]
        x = add("Gemm", inputs, name, transB=1)
        if name == "hidden":
            x = add("Relu", [x], "features")
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(KINDS)])
    graph = helper.make_graph(nodes, "demo_resnet", [picture], [scores], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="lungdb")
    helper.set_model_props(model, {"lungdb": json.dumps({"normalisation": normalisation})})
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    parser.add_argument("--scans", type=int, default=480, help="scans to train on (default: 480)")
    parser.add_argument("--steps", type=int, default=800, help="batches of patches (default: 800)")
    parser.add_argument("--batch", type=int, default=32, help="patches in a batch (default: 32)")
    parser.add_argument("--reference", type=Path, help="an .npz file for an input and what PyTorch makes of it")
    options = parser.parse_args()
    start = time.monotonic()
    torch.manual_seed(0)
    # With one thread sums do not depend on the machine, and a shared machine is not lost in waiting.
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    held_out = options.scans // 10
    seeds = TRAINING_SEEDS[: options.scans + held_out]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), cv2.setNumThreads, (1,)) as pool_of_processes:
        cases = list(pool_of_processes.map(make_case, seeds, chunksize=4))
    train, test = cases[: options.scans], cases[options.scans :]
    sample = np.concatenate([case.pictures.ravel()[::997] for case in train]) / 255
    mean, std = round(float(sample.mean()), 4), round(float(sample.std()), 4)
    print(f"{len(cases)} scans in {time.monotonic() - start:.0f} s, mean {mean}, standard deviation {std}", flush=True)

    def scaled(pictures: Pictures) -> Any:
        values = (pictures.astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
        return torch.from_numpy(values).contiguous(memory_format=torch.channels_last)

    net = build().to(memory_format=torch.channels_last)
    train_places(net, train, scaled, options.steps, options.batch, rng)
    train_scores(net, *pooled(net, train, scaled), 3000)
    report(net, *pooled(net, test, scaled))
    model = export(net, {"mean": [mean] * 3, "std": [std] * 3})
    options.output.write_bytes(model.SerializeToString())
    weights = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    size = options.output.stat().st_size
    print(f"{weights} weights, {size} bytes, {time.monotonic() - start:.0f} s in all")
    if options.reference:
        small = rng.standard_normal((2, 3, 14, 14)).astype(np.float32)
        with torch.no_grad():
            maps = feature_map(net, torch.from_numpy(small.repeat(16, axis=2).repeat(16, axis=3)))
            features = torch.relu(net["hidden"](pool(maps)))
            scores = net["scores"](features)
        np.savez(options.reference, small=small, features=features.numpy(), scores=scores.numpy())


if __name__ == "__main__":
    main()
