"""Train the demo's two networks of volumes on synthetic scans and write them as ONNX.

Needs the extra `train` (PyTorch, a CPU suffices). Both share their first layers. Together they learn where nodules are,
of which kind, and whether a tile holds a malignant one. The threshold of the detector is chosen on scans that were not
learnt from. The seeds of the scans are `lungdb.phantoms.seeds.TRAINING_SEEDS`; no demo patient has one of them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from demo_volume_networks import (
    COARSE,
    FINE,
    FORM,
    KINDS,
    LEVELS,
    MULTIPLE,
    SPACING,
    TILE,
    WINDOW,
    build,
    encode,
    export_detector,
    export_volume,
    locate,
    pool,
    tell,
)
from numpy.typing import NDArray
from torch import nn

from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Volume
from lungdb.imaging.volumes.recipes import volume_recipe
from lungdb.learning.metrics import auc
from lungdb.networks.detecting.forms import HeatMap
from lungdb.networks.detecting.maps import find
from lungdb.networks.detecting.reading import read_output
from lungdb.phantoms import make_phantom
from lungdb.phantoms.seeds import TRAINING_SEEDS

SMALLEST = 3.0  # mm: what is smaller counts neither as a nodule nor as none, as in LUNA16
VOLUME = '{"dimensions": 3, "steps": [{"step": "orient"}, {"step": "resample"}, {"step": "window"}]}'
"""What the preprocessing `volume` does before it lays tiles, which are drawn here."""

WHOLE = VolumeInput(1, (None, None, None), MULTIPLE, SPACING, "SPL", WINDOW)
SMALLEST_BLOB = 2.5  # mm, the least radius of what is drawn of a nodule, so that it has places of the map
FALSE_ALARMS = 4  # candidates of a scan that are no nodules, on average
CANCER_FRACTION = 0.7  # more than in the demo: nodules are what there is to learn

Array = NDArray[np.float32]
Whole = NDArray[np.int_]


@dataclass(frozen=True)
class Case:
    """A training scan as the networks see it.

    Attributes
    ----------
    values : uint8[slices, rows, cols]
        The window 0…1 in 255 steps.
    nodules : float32[n, 5]
        Index in `KINDS`, slice, row and column in `values`, radius in mm.
    """

    values: NDArray[np.uint8]
    nodules: Array


def make_case(seed: int) -> Case:
    """Make the training scan of a seed."""
    if seed not in TRAINING_SEEDS:
        raise ValueError(f"{seed} is not a training seed")
    phantom = make_phantom(seed, cancer=seed % 10 < 10 * CANCER_FRACTION)
    depth, down, across = phantom.spacing
    steps = ((0.0, 0.0, depth), (0.0, down, 0.0), (across, 0.0, 0.0))
    prepared = volume_recipe(VOLUME).prepare(Volume(phantom.hu, Geometry((0.0, 0.0, 0.0), steps)), WHOLE)
    values = np.rint(prepared.values * 255).astype(np.uint8)
    rows = []
    for nodule in phantom.nodules:
        k, row, column = nodule.index
        place = prepared.geometry.to_voxels(np.array([[column * across, row * down, k * depth]]))[0]
        rows.append([KINDS.index(nodule.kind), *place, nodule.diameter / 2])
    return Case(values, np.array(rows, np.float32).reshape(-1, 5))


def place_targets(case: Case, corner: Whole, steps: Sequence[int], reach: Sequence[float]) -> Array:
    """Tell how far places of a map of a tile are from each nodule: float32[nodules, D, H, W].

    Places are `steps` voxels apart. In mm from a nodule's centre to the box around a place that reaches `reach` mm
    along each axis.
    """
    square = np.zeros((), np.float32)
    for axis, (step, half) in enumerate(zip(steps, reach, strict=True)):
        places = corner[axis] + np.arange(TILE[axis] // step) * step + (step - 1) / 2
        away = np.abs(places - case.nodules[:, 1 + axis, None]) * SPACING[axis]
        shape = [-1, 1, 1, 1]
        shape[1 + axis] = away.shape[1]
        square = square + np.square(np.maximum(away - half, 0)).reshape(shape)
    return np.sqrt(square).astype(np.float32)


def draw_corner(case: Case, rng: np.random.Generator, near: float) -> Whole:
    """Draw the first voxel of a tile, in a part `near` of the cases one that has a nodule away from its sides."""
    size = np.array(TILE, int)
    last = np.array(case.values.shape, int) - size
    corner = rng.integers(0, last + 1)
    if len(case.nodules) and rng.random() < near:
        nodule = case.nodules[rng.integers(len(case.nodules))]
        corner = np.rint(nodule[1:4]).astype(int) - rng.integers(size // 8, size - size // 8)
    drawn: Whole = np.clip(corner, 0, last)
    return drawn


def cut(case: Case, corner: Whole) -> NDArray[np.uint8]:
    """Cut a tile."""
    return case.values[tuple(slice(first, first + length) for first, length in zip(corner, TILE, strict=True))]


def draw_tile(cases: list[Case], rng: np.random.Generator) -> tuple[NDArray[np.uint8], Array, Array, Array, Array]:
    """Draw a tile with its targets: the heat map with its weights, float32[1, D, H / 2, W / 2], and the kinds.

    Of the heat map 1 at a nodule's centre and a half at its radius; NaN where a nodule is too small to count. A place
    of a small nodule weighs more, as it has fewer. Of the kinds, float32[3, D / 3, H / 8, W / 8], 1 near the centre of
    one, 0 elsewhere and NaN where it is neither. Last, which kinds the tile holds, as `held`.
    """
    case = cases[rng.integers(len(cases))]
    corner = draw_corner(case, rng, 0.7)
    radius = case.nodules[:, 4, None, None, None]
    drawn = np.maximum(radius, SMALLEST_BLOB)
    away = place_targets(case, corner, (1, FINE, FINE), (0.5, 0.5, 0.5))
    heat = np.exp2(-np.square(away / drawn))
    weights = np.where(heat > 0.05, np.square(5 / drawn), 1).astype(np.float32)
    heat[(heat > 0.05) & (radius < SMALLEST / 2)] = np.nan
    fine, weight = np.zeros((2, 1, *away.shape[1:]), np.float32)
    for blob, each in zip(heat, weights, strict=True):
        weight[0] = np.where(np.isnan(blob) | (blob > fine[0]), each, weight[0])
        fine[0] = np.maximum(fine[0], blob)
    weight[fine <= 0.05] = 1
    half = COARSE / 2 * SPACING[1]
    away = place_targets(case, corner, (LEVELS, COARSE, COARSE), (2.0, half, half))
    coarse = np.zeros((len(KINDS), *away.shape[1:]), np.float32)
    for kind, distance, reach in zip(case.nodules[:, 0].astype(int), away, radius, strict=True):
        layer = coarse[kind]
        layer[(distance < reach + 6) & (layer != 1)] = np.nan
        layer[distance < 0.7 * reach] = 1
    tile = cut(case, corner)
    axes = tuple(axis for axis, flipped in zip((-3, -2, -1), rng.random(3) < 0.5, strict=True) if flipped)
    fine, weight, coarse = (np.flip(values, axes) for values in (fine, weight, coarse))
    return np.flip(tile, axes), fine, weight, coarse, held(case, corner)


def train(net: Any, cases: list[Case], scaled: Any, steps: int, batch: int, rng: np.random.Generator) -> None:
    """Teach the layers where nodules are, and of which kind, and which kinds a tile holds."""
    optimiser = torch.optim.AdamW(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps, pct_start=0.15)
    net.train()
    totals, since = np.zeros(3), time.monotonic()
    for step in range(1, steps + 1):
        tiles, fine, weight, coarse, kinds = (
            torch.from_numpy(np.stack(drawn))
            for drawn in zip(*(draw_tile(cases, rng) for _ in range(batch)), strict=True)
        )
        x = scaled(tiles.numpy())
        # Scanners differ in dose and calibration more than the phantoms do.
        x = x * (1 + 0.08 * torch.randn(batch, 1, 1, 1, 1)) + 0.08 * torch.randn(batch, 1, 1, 1, 1)
        maps = encode(net, x)
        # Dropping hidden units makes each of the rest carry the evidence, so any of them serves a tree.
        hidden = nn.functional.dropout(torch.relu(net["hidden"](pool(net, maps[2]))), 0.5)
        losses = [
            heat_loss(locate(net, *maps), fine, weight),
            10 * kind_loss(tell(net, maps[2])[0], coarse),
            kind_loss(net["scores"](hidden), kinds, 1.0),
        ]
        optimiser.zero_grad()
        sum(losses).backward()
        optimiser.step()
        schedule.step()
        totals += [loss.item() for loss in losses]
        if step % 20 == 0:
            seconds = time.monotonic() - since
            print(f"step {step}, losses {(totals / 20).round(3)}, {seconds:.0f} s", flush=True)
            totals[:] = 0


def heat_loss(odds: Any, target: Any, weight: Any) -> Any:
    """Quality focal loss (Li et al., Generalized Focal Loss, NeurIPS 2020) by the places that nodules take."""
    known = ~torch.isnan(target)
    odds, target, weight = odds[known], target[known], weight[known]
    away = (torch.sigmoid(odds) - target).abs().square()
    loss = nn.functional.binary_cross_entropy_with_logits(odds, target, reduction="none")
    return (weight * away.detach() * loss).sum() / weight[target > 0.5].sum().clamp(min=1)


def kind_loss(odds: Any, target: Any, weight: float = 4.0) -> Any:
    """Binary cross-entropy over what is clear."""
    known = ~torch.isnan(target)
    return nn.functional.binary_cross_entropy_with_logits(odds[known], target[known], pos_weight=torch.tensor(weight))


def pooled(net: Any, cases: list[Case], scaled: Any, count: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return what `pool` makes of `count` tiles a scan, and their kinds, float32[tiles, 3] as `held`."""
    net.eval()
    values: list[Any] = []
    labels: list[Array] = []
    with torch.no_grad():
        for case in cases:
            corners = [draw_corner(case, rng, 0.6) for _ in range(count)]
            values.append(pool(net, encode(net, scaled(np.stack([cut(case, corner) for corner in corners])))[2]))
            labels.extend(held(case, corner) for corner in corners)
    return torch.cat(values), torch.from_numpy(np.stack(labels))


def held(case: Case, corner: Whole) -> Array:
    """Tell which kinds a tile holds: 1 if a centre is inside, NaN if only a part of a nodule is, else 0."""
    outside = np.maximum(corner - case.nodules[:, 1:4], case.nodules[:, 1:4] - (corner + np.array(TILE) - 1))
    away = (outside * SPACING).max(axis=1)
    row = np.zeros(len(KINDS), np.float32)
    for kind in range(len(KINDS)):
        mine = away[case.nodules[:, 0] == kind]
        radius = case.nodules[case.nodules[:, 0] == kind, 4]
        row[kind] = 1 if (mine < -2).any() else np.nan if (mine < radius + 3).any() else 0
    return row


def report(net: Any, values: Any, labels: Any) -> None:
    """Print how well each kind is told on tiles of scans that the network was not trained on."""
    with torch.no_grad():
        scores = net["scores"](torch.relu(net["hidden"](values))).numpy()
    labels = labels.numpy()
    for kind, name in enumerate(KINDS):
        known = ~np.isnan(labels[:, kind])
        told = auc(labels[known, kind], scores[known, kind])
        print(f"{name}: AUC {told} on {np.nansum(labels[:, kind]):.0f} of {known.sum()} tiles")


def choose_threshold(net: Any, cases: list[Case], scaled: Any) -> float:
    """Choose the height of peaks above which scans have `FALSE_ALARMS` that are no nodules, and print what is found."""
    form = read_output({**FORM, "threshold": 0.02, "most": 100})
    assert isinstance(form, HeatMap)
    place = Geometry((0.0, 0.0, 0.0), ((0.0, 0.0, SPACING[0]), (0.0, SPACING[1], 0.0), (SPACING[2], 0.0, 0.0)))
    net.eval()
    alarms: list[float] = []
    hits: list[Array] = []
    for case in cases:
        whole = np.pad(case.values, [(0, -side % step) for side, step in zip(case.values.shape, MULTIPLE, strict=True)])
        with torch.no_grad():
            odds = locate(net, *encode(net, scaled(whole[None])))
            heat = torch.sigmoid(nn.functional.interpolate(odds, scale_factor=(1, 2, 2), mode="trilinear"))
        found = find(form, heat.numpy()[0], place)
        centres = case.nodules[:, 3:0:-1] * np.array(SPACING[::-1])
        within = np.linalg.norm(found.centres[:, None] - centres, axis=2) < case.nodules[:, 4]
        alarms.extend(found.scores[~within.any(axis=1)])
        highest = np.where(within, found.scores[:, None], 0.0).max(axis=0, initial=0.0)
        hits.append(np.stack([case.nodules[:, 0], 2 * case.nodules[:, 4], highest], axis=1))
    threshold = round(float(np.sort(alarms)[-FALSE_ALARMS * len(cases)]), 3)
    kinds, diameters, highest = np.concatenate(hits).T
    for kind, name in enumerate(KINDS):
        mine = (kinds == kind) & (diameters >= SMALLEST)
        print(f"{name}: {(highest[mine] > threshold).sum()} of {mine.sum()} above {threshold}")
    return threshold


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where demo_volume.onnx and demo_detector.onnx go")
    parser.add_argument("--scans", type=int, default=240, help="scans to train on (default: 240)")
    parser.add_argument("--steps", type=int, default=600, help="batches of tiles (default: 600)")
    parser.add_argument("--batch", type=int, default=16, help="tiles in a batch (default: 16)")
    parser.add_argument("--reference", type=Path, help="an .npz file for an input and what PyTorch makes of it")
    options = parser.parse_args()
    start = time.monotonic()
    torch.manual_seed(0)
    # With a number of threads that is told, sums do not depend on the machine.
    torch.set_num_threads(2)
    rng = np.random.default_rng(0)
    held_out = options.scans // 10
    seeds = TRAINING_SEEDS[: options.scans + held_out]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), cv2.setNumThreads, (1,)) as processes:
        cases = list(processes.map(make_case, seeds, chunksize=4))
    learnt, test = cases[: options.scans], cases[options.scans :]
    sample = np.concatenate([case.values.ravel()[::997] for case in learnt]) / 255
    mean, std = round(float(sample.mean()), 4), round(float(sample.std()), 4)
    print(f"{len(cases)} scans in {time.monotonic() - start:.0f} s, mean {mean}, standard deviation {std}", flush=True)

    def scaled(tiles: NDArray[np.uint8]) -> Any:
        values = (tiles[:, None].astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
        return torch.from_numpy(values).contiguous(memory_format=torch.channels_last_3d)

    net = build().to(memory_format=torch.channels_last_3d)
    train(net, learnt, scaled, options.steps, options.batch, rng)
    report(net, *pooled(net, test, scaled, 20, rng))
    detector = export_detector(net, mean, std, choose_threshold(net, test, scaled))
    for name, model in (("volume", export_volume(net, mean, std)), ("detector", detector)):
        path = options.folder / f"demo_{name}.onnx"
        path.write_bytes(model.SerializeToString())
        weights = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
        print(f"{path.name}: {weights} weights, {path.stat().st_size} bytes")
    print(f"{time.monotonic() - start:.0f} s in all")
    if options.reference:
        write_reference(net, options.reference, rng)


def write_reference(net: Any, path: Path, rng: np.random.Generator) -> None:
    """Write a small input and what PyTorch makes of it."""
    small = rng.standard_normal((2, 1, 6, 10, 9)).astype(np.float32)
    with torch.no_grad():
        maps = encode(net, torch.from_numpy(small.repeat(8, axis=3).repeat(8, axis=4)))
        features = torch.relu(net["hidden"](pool(net, maps[2])))
        probability = torch.sigmoid(net["scores"](features)[:, :1])
        odds = nn.functional.interpolate(locate(net, *maps), scale_factor=(1, 2, 2), mode="trilinear")
        heatmap = torch.sigmoid(odds)[..., ::8, ::8]
    values = {"features": features, "probability": probability, "heatmap": heatmap}
    np.savez(path, small=small, **{name: value.numpy() for name, value in values.items()})


if __name__ == "__main__":
    main()
