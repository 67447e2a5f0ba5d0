"""Scores, maps and masks of a database as DICOM objects in files."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lungdb.client import Database
from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.exporting.columns import OF_MODEL
from lungdb.exporting.folder import write_whole
from lungdb.exporting.nifti import affine_of
from lungdb.exporting.reading import Chosen, KnownScan, model_of, rights
from lungdb.exporting.scan_facts import scan_facts

if TYPE_CHECKING:
    from lungdb.exporting.dicom_objects import Score

FOLDER = "dicom"
OBJECTS = ("sr", "maps", "masks")
"""What `--dicom` takes."""
_SCORES = f"""{OF_MODEL}DECLARE @Scan INT = ?;
SELECT r.prediction_id, c.name, c.version, c.sha256, r.probability, r.raw_probability, r.prevalence, r.scope,
    r.predicted_at
FROM dbo.predictions AS r
INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
WHERE r.scan_id = @Scan AND (@Model IS NULL OR c.name = @Model) AND (@Version IS NULL OR c.version = @Version)
ORDER BY r.prediction_id;
"""
_MAPS = (
    "SELECT slice_index, method, first_row, end_row, first_col, end_col, map_rows, map_cols, map, map_sha256 "
    "FROM dbo.score_maps WHERE prediction_id = ? ORDER BY method, slice_index;"
)


def write_objects(
    connection: Connection,
    folder: Path,
    chosen: Chosen,
    objects: tuple[str, ...],
    mask_above: int | None,
    say: Callable[[str], None],
) -> dict[str, int]:
    """Write DICOM objects; returns how many of each of `OBJECTS` that are asked for.

    Raises
    ------
    LungdbError
        highdicom is not installed, no threshold is given for masks, or a map or slice is damaged.
    """
    if "masks" in objects and mask_above is None:
        raise LungdbError("A mask needs the Hounsfield units that its voxels are above. Give them: --mask-above -400")
    try:
        from lungdb.exporting.dicom_objects import threshold_mask
        from lungdb.exporting.dicom_source import UNKNOWN, is_single_frame, source_images
    except ModuleNotFoundError as error:
        raise LungdbError(f'DICOM objects are made with {error.name}. Run: pip install "lungdb[export]"') from error
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    counts = dict.fromkeys(objects, 0)
    passed = {"unplaced": 0, "other": 0, "numbers": 0}
    without_frame = 0
    for scan in chosen.scans:
        facts = scan_facts(connection, [scan])[scan.scan_id]
        if not is_single_frame(facts):
            passed["other"] += 1
            continue
        source = source_images(scan, facts)
        without_frame += not facts["frame_of_reference_uid"]
        is_placed = affine_of(facts) is not None
        passed["unplaced"] += not is_placed and ("maps" in objects or "masks" in objects)
        if "sr" in objects or ("maps" in objects and is_placed):
            possible = [each for each in objects if each == "sr" or is_placed]
            found = _of_scores(connection, place, scan, facts, source, chosen, possible)
            for name, count in found.items():
                (counts if name in counts else passed)[name] += count
        if "masks" in objects and is_placed and mask_above is not None:
            hu = Database(connection).volume(scan.scan_id)
            facts["content_sha256"] = scan.content_sha256.hex()
            _save(threshold_mask(source, facts, hu, mask_above), place / f"mask-scan-{scan.scan_id:06}.dcm")
            counts["masks"] += 1
    say(f"Of the source files the database does not know {', '.join(UNKNOWN)}: they are empty in the objects.")
    for count, text in (
        (without_frame, "have no frame of reference; the objects name one of the series alone."),
        (passed["unplaced"], "lie in no known place, so there are no maps and masks of them."),
        (passed["other"], "have no slices here, or come from files of many frames, and are left out."),
    ):
        if count:
            say(f"{count} scans {text}")
    if passed["numbers"]:
        say(f"{passed['numbers']} scores are numbers of a regression, of which no report is made.")
    return counts


def _of_scores(
    connection: Connection,
    place: Path,
    scan: KnownScan,
    facts: Mapping[str, Any],
    source: list[Any],
    chosen: Chosen,
    objects: list[str],
) -> dict[str, int]:
    from lungdb.exporting.dicom_objects import region_map, score_report

    counts = {"sr": 0, "maps": 0, "numbers": 0}
    with rights("scores of scans", "trainer"):
        rows = run(connection, _SCORES, (*model_of(chosen), scan.scan_id))[0].rows
    for row in rows:
        if row[4] is None:
            counts["numbers"] += "sr" in objects
            continue
        score = _score(row)
        if "sr" in objects:
            _save(score_report(source, score), place / f"sr-score-{score.prediction_id:06}.dcm")
            counts["sr"] += 1
        if "maps" in objects:
            for number, maps in enumerate(_maps(connection, score.prediction_id), start=1):
                name = f"map-score-{score.prediction_id:06}-{maps[0].method}-{number}.dcm"
                _save(region_map(source, facts, score, maps), place / name)
                counts["maps"] += 1
    return {name: count for name, count in counts.items() if name in (*objects, "numbers")}


def _score(row: tuple[Any, ...]) -> Score:
    from lungdb.exporting.dicom_objects import Score

    number, name, version, sha256, probability, raw, prevalence, scope, moment = row
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromisoformat(str(moment))
    return Score(number, name, version, bytes(sha256).hex(), probability, raw, prevalence, scope, moment)


def _maps(connection: Connection, prediction_id: int) -> list[list[Any]]:
    """Read the maps of a score, those of one method, shape and part together."""
    from lungdb.exporting.dicom_objects import RegionMap

    groups: dict[tuple[Any, ...], list[RegionMap]] = {}
    with rights("maps of scores", "trainer"):
        rows = run(connection, _MAPS, (prediction_id,))[0].rows
    for slice_index, method, *part, map_rows, map_cols, blob, sha256 in rows:
        if hashlib.sha256(bytes(blob)).digest() != bytes(sha256):
            raise LungdbError("A map does not match its SHA-256. Make it again: EXECUTE dbo.ExplainRegions.")
        values = np.frombuffer(bytes(blob), "<f4").reshape(map_rows, map_cols)
        made = RegionMap(slice_index, method, values, (part[0], part[1], part[2], part[3]))
        groups.setdefault((method, map_rows, map_cols, *part), []).append(made)
    return list(groups.values())


def _save(made: Any, path: Path) -> None:
    write_whole(path, lambda other: made.save_as(other, enforce_file_format=True))
