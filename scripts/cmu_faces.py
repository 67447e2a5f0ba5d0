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
from lungdb.database import run
from lungdb.database.site import open_database
from lungdb.loading.cmu_faces import COLLECTION, choose_faces, write_faces

_CREATE = f"""
EXECUTE dbo.CreateDataset @Name = N'cmu faces', @Query = N'
SELECT name FROM dbo.image_properties WHERE property = N''collection'' AND value = N''{COLLECTION}''';
"""
_TRAIN = """
EXECUTE dbo.TrainImageClassifier @ModelName = N'cmu faces', @Dataset = N'cmu faces', @NetworkName = ?, @Layer = ?,
    @Algorithm = ?, @Folds = ?, @Pooling = N'none';
"""
_CONFUSION = """
SELECT t.name AS label, p.name AS told, c.pictures, c.percentage
FROM dbo.image_confusions AS c
INNER JOIN dbo.image_classes AS t ON t.label = c.label
INNER JOIN dbo.image_classes AS p ON p.label = c.predicted
WHERE c.part = 'test' AND c.image_classifier_id = (
    SELECT MAX(m.image_classifier_id) FROM dbo.image_classifiers AS m WHERE m.name = N'cmu faces')
ORDER BY c.label, c.predicted;
"""


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
        for sql, values in (
            ("EXECUTE dbo.FeaturizeImages @ModelName = ?, @Layer = ?;", (arguments.network, arguments.layer)),
            (_CREATE, ()),
            (_TRAIN, (arguments.network, arguments.layer, arguments.algorithm, arguments.folds)),
        ):
            run(connection, sql, values, on_message=lambda message: print(message.text))
        for label, told, pictures, percentage in run(connection, _CONFUSION)[-1].rows:
            print(f"{label:>8} told to be {told:8} {pictures:5}  {percentage:5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
