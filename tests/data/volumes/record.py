"""Record how MONAI lays and weights the tiles of its sliding window; run with a Python that has MONAI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from monai.data.utils import compute_importance_map, dense_patch_slices
from monai.inferers import SlidingWindowInferer

CASES = {
    "a": ((20, 33, 40), (8, 16, 16), 0.25),
    "b": ((9, 24, 25), (8, 12, 16), 0.5),
    "c": ((16, 16, 50), (16, 16, 16), 0.0),
}


def main() -> None:
    """Write starts, the importance map and a blended result of each case."""
    arrays = {}
    for name, (shape, size, overlap) in CASES.items():
        interval = [
            max(1, int(side * (1 - overlap))) if whole > side else side for side, whole in zip(size, shape, strict=True)
        ]
        slices = dense_patch_slices(shape, size, interval)
        arrays[f"{name}_starts"] = np.array([[part.start for part in tile] for tile in slices], np.int32)
        arrays[f"{name}_map"] = compute_importance_map(size, mode="gaussian", sigma_scale=0.125).numpy()
        volume = torch.from_numpy(np.random.default_rng(1).normal(size=shape).astype(np.float32))[None, None]
        # Not the same in every tile, so that the weights show.
        infer = SlidingWindowInferer(size, overlap=overlap, mode="gaussian", sw_batch_size=1)
        arrays[f"{name}_blended"] = infer(volume, lambda tile: tile - tile.mean()).numpy()[0, 0].astype(np.float32)
    np.savez_compressed(Path(__file__).parent / "sliding_window.npz", **arrays)


if __name__ == "__main__":
    main()
