"""Seconds and memory of preparing a scan as a volume: turned, resampled, windowed, and every tile of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Volume
from lungdb.imaging.volumes.lungs import find_lungs
from lungdb.imaging.volumes.recipes import volume_recipe

_STEPS = '{"dimensions": 3, "steps": [{"step": "orient"}, {"step": "resample"}, {"step": "window"}]}'


def _peak() -> int:
    """Give the most megabytes that this process has had, as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=1000, help="slices of the scan (default: 1000)")
    parser.add_argument("--side", type=int, default=512, help="rows and columns (default: 512)")
    parser.add_argument("--spacing", type=float, default=1.0, help="mm that it is brought to (default: 1)")
    parser.add_argument("--lungs", action="store_true", help="find its lungs, too")
    options = parser.parse_args(arguments)
    z, y, x = (np.linspace(-1, 1, side) for side in (options.slices, options.side, options.side))
    hu = np.full((options.slices, options.side, options.side), -1000, dtype=np.int16)
    for plane in hu:
        plane[(y[:, None] ** 2 + x[None, :] ** 2) < 0.6] = 40
        for middle in (-0.35, 0.35):
            plane[(y[:, None] ** 2 * 3 + (x[None, :] - middle) ** 2 * 9) < 0.6] = -850
    hu[np.abs(z) > 0.9] = 40
    volume = Volume(hu, Geometry((0, 0, 0), ((0, 0, 0.6), (0, 0.7, 0), (0.7, 0, 0))))
    wanted = VolumeInput(1, (96, 96, 96), spacing=(options.spacing,) * 3, orientation="SAR", window=(-1000, 400))
    before, started = _peak(), time.perf_counter()
    prepared = volume_recipe(_STEPS).prepare(volume, wanted)
    tiles = sum(1 for _ in prepared.tiles())
    found = {
        "scan_megabytes": hu.nbytes >> 20,
        "prepared_megabytes": prepared.values.nbytes >> 20,
        "shape": prepared.shape,
        "tiles": tiles,
        "seconds": round(time.perf_counter() - started, 1),
        "megabytes_beside_the_scan": _peak() - before,
    }
    if options.lungs:
        started = time.perf_counter()
        lungs = find_lungs(volume.values, volume.geometry)
        found |= {
            "lungs_millilitres": round(lungs.millilitres),
            "lungs_seconds": round(time.perf_counter() - started, 1),
        }
        found["megabytes_with_lungs"] = _peak() - before
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
