"""Make readers.xml, marks of four readers that we made up, and references.json, what pylidc 0.2.3 says of them.

In an environment of its own: pip install --no-deps pylidc==0.2.3, then "numpy<1.24" "sqlalchemy<2" scipy matplotlib
pydicom scikit-image "setuptools<66"; python tests/data/lidc/make_references.py
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pylidc
from pylidc._Base import Base
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

HERE = Path(__file__).parent
SERIES, STUDY = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
SLICES, FIRST_Z, THICKNESS, PIXEL = 20, -120.0, 2.5, 0.7
OTHERS = (
    "subtlety",
    "internalStructure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
)


def ring(x, y, radius, points=16):
    """Return the whole pixels of a circle in order."""
    angles = (2 * math.pi * place / points for place in range(points))
    ring = [(x + round(radius * math.cos(angle)), y + round(radius * math.sin(angle))) for angle in angles]
    return [point for place, point in enumerate(ring) if point != ring[place - 1]]


def ball(x, y, k, radius):
    """Return the outlines of a ball: a larger one in slice k, smaller ones above and below."""
    return [(k - 1, ring(x, y, radius - 1), True), (k, ring(x, y, radius), True), (k + 1, ring(x, y, radius - 1), True)]


# reader, name, malignancy (None: a point), (slice, points, inclusion)
MARKS = [
    # One nodule, four readers.
    (0, "Nodule 001", 3, ball(60, 40, 5, 5)),
    (1, "IL1", 4, ball(61, 41, 5, 4)),
    (2, "0", 4, ball(59, 40, 6, 5)),
    (3, "MI014_1", 5, ball(60, 42, 5, 6)),
    # One with a hole in it, three readers, the third of whom let the hand slip.
    (0, "Nodule 002", 2, [*ball(100, 90, 12, 7), (12, ring(100, 90, 3), False)]),
    (1, "IL2", 1, ball(101, 90, 12, 6)),
    (2, "1", 3, [*ball(100, 91, 12, 6), (15, [(20, 20)], True)]),
    # Two nodules, two pixels apart: together they would have six marks.
    (0, "Nodule 003", 1, ball(30, 100, 8, 4)),
    (1, "IL3", 1, ball(30, 100, 8, 4)),
    (2, "2", 2, ball(30, 100, 8, 3)),
    (0, "Nodule 004", 5, ball(40, 100, 8, 4)),
    (1, "IL4", 5, ball(40, 100, 8, 4)),
    (3, "MI014_2", 4, ball(40, 100, 8, 3)),
    # One that a single reader saw.
    (3, "MI014_3", 3, ball(80, 20, 15, 3)),
    # Outlines that do not meet: one slice apart they are of one nodule, two apart of two, since those six marks above
    # made the tolerance smaller than 2.
    (0, "Nodule 005", 2, [(2, ring(110, 30, 3), True)]),
    (1, "IL5", 3, [(3, ring(110, 30, 3), True)]),
    (2, "3", 3, [(2, ring(20, 60, 3), True)]),
    (3, "MI014_4", 4, [(4, ring(20, 60, 3), True)]),
    # Small ones: one that two readers pointed to, one that one did, rated 0 as some are.
    (0, "Nodule 006", None, [(10, [(50, 70)], True)]),
    (3, "MI014_5", None, [(10, [(51, 71)], True)]),
    (1, "IL6", 0, [(17, [(90, 60)], True)]),
]


def write_xml():
    """Write the marks as LIDC-IDRI's files are written."""
    sessions = []
    for reader in range(4):
        parts = [
            "<annotationVersion>3.12</annotationVersion><servicingRadiologistID>anonymous</servicingRadiologistID>"
        ]
        for who, name, malignancy, contours in MARKS:
            if who == reader:
                rated = "".join(f"<{one}>{0 if malignancy == 0 else 3}</{one}>" for one in OTHERS)
                rated = f"<characteristics>{rated}<malignancy>{malignancy}</malignancy></characteristics>"
                rois = "\n".join(roi(*contour) for contour in contours)
                rating = "" if malignancy is None else rated
                parts.append(f"<unblindedReadNodule><noduleID>{name}</noduleID>{rating}\n{rois}</unblindedReadNodule>")
        if reader == 2:
            parts.append(
                f"<nonNodule><nonNoduleID>9</nonNoduleID><imageZposition>{z_of(3)}</imageZposition>"
                f"<imageSOP_UID>{uid_of(3)}</imageSOP_UID><locus><xCoord>5</xCoord><yCoord>6</yCoord></locus></nonNodule>"
            )
        sessions.append("<readingSession>" + "\n".join(parts) + "</readingSession>")
    header = f"<SeriesInstanceUid>{SERIES}</SeriesInstanceUid><StudyInstanceUID>{STUDY}</StudyInstanceUID>"
    (HERE / "readers.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<LidcReadMessage uid="1.3" xmlns="http://www.nih.gov" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"<ResponseHeader><Version>1.8.1</Version>{header}</ResponseHeader>\n"
        + "\n".join(sessions)
        + "\n</LidcReadMessage>\n"
    )


def roi(k, points, included):
    """Write an outline."""
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
    return (
        f"<roi><imageZposition>{z_of(k)}</imageZposition><imageSOP_UID>{uid_of(k)}</imageSOP_UID>"
        f"<inclusion>{str(included).upper()}</inclusion>{edges}</roi>"
    )


def z_of(k):
    """Return a slice's place."""
    return FIRST_Z + THICKNESS * k


def uid_of(k):
    """Return a slice's SOPInstanceUID."""
    return f"{SERIES}.{k}"


def ask_pylidc():
    """Put what its populate.py would take into a database of pylidc's, and ask it."""
    np.int = int  # pylidc is older than the numpy that has it no more
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    session = sessionmaker(bind=engine)()
    tables = Base.metadata.tables
    scan = {"id": 1, "series_instance_uid": SERIES, "slice_thickness": THICKNESS, "pixel_spacing": PIXEL}
    session.execute(tables["scans"].insert(), [scan])
    session.execute(tables["zvals"].insert(), [{"scan_id": 1, "val": z_of(k)} for k in range(SLICES)])
    names = {}
    for number, (_, name, malignancy, contours) in enumerate(MARKS):
        if malignancy:
            names[number] = name
            session.execute(
                tables["annotations"].insert(),
                [{"id": number, "scan_id": 1, "malignancy": malignancy, "_nodule_id": name}],
            )
            rows = [
                {
                    "annotation_id": number,
                    "inclusion": included,
                    "image_z_position": z_of(k),
                    "coords": "\n".join(f"{x},{y}" for x, y in points),
                }
                for k, points, included in contours
                if len(points) > 1
            ]
            session.execute(tables["contours"].insert(), rows)
    found = []
    for group in session.query(pylidc.Scan).first().cluster_annotations():
        marks = [
            {
                "name": names[one.id],
                "diameter": round(float(one.diameter), 9),
                "centroid": [round(float(value), 9) for value in one.centroid],
            }
            for one in group
        ]
        found.append({"marks": marks, "malignancy": float(np.median([one.malignancy for one in group]))})
    (HERE / "references.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    write_xml()
    ask_pylidc()
