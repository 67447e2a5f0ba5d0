"""Tell faces that look to the left from those that look to the right, as Microsoft's example of featurizeImage does.

python scripts/cmu_faces.py FOLDER -d TARGET --network NAME: FOLDER holds the CMU Face Images as they are published, in
faces/<person>/. Half of the persons are learnt from, the others are told.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli import load_images
from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.site import open_database
from lungdb.loading.cmu_faces import choose_faces, tell_left_from_right, write_faces


def main(argv: Sequence[str] | None = None) -> int:
    """Run the exercise; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the CMU Face Images, with its subfolders")
    add_database_argument(parser)
    parser.add_argument("--network", required=True, help="network of the database, such as resnet18")
    parser.add_argument("--layer", default="penultimate", help="its layer (default: penultimate)")
    parser.add_argument("--algorithm", default="logistic", choices=("logistic", "lightgbm"))
    parser.add_argument("--folds", type=int, default=5, help="folds of persons (default: 5)")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from lungdb.loading.pictures import find_names

    faces = choose_faces(find_names(arguments.folder))
    persons = {part: len({face["person"] for face in faces if face["part"] == part}) for part in ("train", "test")}
    print(f"{len(faces)} faces of {persons['train']} persons to learn from and {persons['test']} to be told.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "faces.csv"
        write_faces(file, faces)
        target = ["-d", arguments.database] if arguments.database else []
        if status := load_images.main([str(arguments.folder), "--list", str(file), *target]):
            return status
    with open_database(arguments.database) as connection:
        told = tell_left_from_right(
            connection, arguments.network, arguments.layer, arguments.algorithm, arguments.folds,
            on_message=lambda message: print(message.text),
        )  # fmt: skip
    for label, predicted, pictures, percentage in told:
        print(f"{label:>8} told to be {predicted:8} {pictures:5}  {percentage:5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
