"""The CMU Face Images as a list of pictures: who looks to the left and who to the right, each person in one half.

The data set (Mitchell, Machine Learning, 1997; UCI Machine Learning Repository, CMU Face Images) is published as
``faces/<person>/<person>_<pose>_<expression>_<eyes>[_<scale>].pgm``; without a scale a file has its full resolution.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lungdb.database import Connection, run
from lungdb.errors import LungdbError, Message

COLLECTION = "cmu faces"
"""The property `collection` of the pictures, by which a query finds them."""

_NAME = re.compile(
    r"(?:^|/)(?P<folder>[^/_]+)/(?P<person>[^/_]+)_(?P<pose>left|right)_(?P<expression>[a-z]+)_(?P<eyes>open|sunglasses)"
    r"\.pgm$"
)
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
_COLUMNS = ("path", "label", "group", "part", "person", "expression", "eyes", "collection")


def choose_faces(names: Sequence[str]) -> list[dict[str, str]]:
    """Choose the faces that look to the left or right, as many of each of every person.

    Of a person those expressions and eyes are taken of which there are both poses. Persons are put in an order by the
    hash of their names, which depends on nobody else, and every other one is for testing.

    Parameters
    ----------
    names : sequence of str
        Paths of files, with slashes.

    Returns
    -------
    list of dict
        The lines of a list for ``load-images --list``: path, label, group (the person), part, and properties.

    Raises
    ------
    LungdbError
        There are fewer than two persons with both poses.
    """
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for name in names:
        match = _NAME.search(name)
        if match and match["folder"] == match["person"]:
            key = (match["person"], match["expression"], match["eyes"])
            found.setdefault(key, {})[match["pose"]] = name
    pairs = {key: poses for key, poses in found.items() if len(poses) == 2}
    persons = sorted({person for person, _, _ in pairs}, key=lambda each: hashlib.sha256(each.encode()).digest())
    if len(persons) < 2:
        raise LungdbError(
            f"Of {len(persons)} persons there are faces to the left and the right. Give the folder that faces/<person>/"
            "<person>_<pose>_<expression>_<eyes>.pgm lie in."
        )
    parts = {person: ("train", "test")[place % 2] for place, person in enumerate(persons)}
    lines = [
        (poses[pose], pose, person, parts[person], person, expression, eyes, COLLECTION)
        for (person, expression, eyes), poses in pairs.items()
        for pose in ("left", "right")
    ]
    return [dict(zip(_COLUMNS, line, strict=True)) for line in sorted(lines)]


def write_faces(file: Path, faces: Sequence[dict[str, str]]) -> None:
    """Write the lines that `choose_faces` gives as a CSV file."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, _COLUMNS)
        writer.writeheader()
        writer.writerows(faces)


def tell_left_from_right(
    connection: Connection,
    network: str,
    layer: str,
    algorithm: str,
    folds: int,
    on_message: Callable[[Message], Any],
) -> list[tuple[Any, ...]]:
    """Featurize the faces that were loaded by the list, train on half of the persons and tell the others.

    Returns
    -------
    list of tuple
        label, what it was told to be, pictures, and their percentage of the label.
    """
    for sql, values in (
        ("EXECUTE dbo.FeaturizeImages @ModelName = ?, @Layer = ?;", (network, layer)),
        (_CREATE, ()),
        (_TRAIN, (network, layer, algorithm, folds)),
    ):
        run(connection, sql, values, on_message=on_message)
    return list(run(connection, _CONFUSION)[-1].rows)
