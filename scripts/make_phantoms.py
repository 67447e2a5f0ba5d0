"""Write synthetic chest CT scans as DICOM files, their labels, and where their lungs and nodules are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lungdb.errors import LungdbError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder",
        type=Path,
        help="folder for one folder a patient; labels.csv, nodules.csv and the folder lungs are written beside it",
    )
    parser.add_argument("--patients", type=int, default=128, help="number of patients (default: 128)")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="seed of the first patient (default: 1); the demo network has seen 1000000 to 1999999",
    )
    parser.add_argument("--cancer-fraction", type=float, default=0.5, help="part with cancer, 0 to 1 (default: 0.5)")
    parser.add_argument("--slices", type=int, default=32, help="slices a scan (default: 32)")
    parser.add_argument("--size", type=int, default=256, help="rows and columns of a slice (default: 256)")
    options = parser.parse_args(arguments)
    try:
        labels = _make(options)
    except (LungdbError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {options.patients} made-up patients to {options.folder} and their labels to {labels}.")
    return 0


def _make(options: argparse.Namespace) -> Path:
    try:
        from tqdm import tqdm

        from lungdb.phantoms.dataset import make_dataset
    except ModuleNotFoundError as error:
        raise LungdbError(
            f"The package {error.name} is missing. Install it with: pip install 'lungdb[load]'"
        ) from error
    with tqdm(total=options.patients, unit="patient", desc="Phantoms") as bar:
        return make_dataset(
            options.folder,
            patients=options.patients,
            seed=options.seed,
            cancer_fraction=options.cancer_fraction,
            slices=options.slices,
            size=options.size,
            progress=bar.update,
        )


if __name__ == "__main__":
    sys.exit(main())
