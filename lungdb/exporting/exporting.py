"""The export as a whole: what is asked for, into a folder that is there when all of it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lungdb.database import Connection
from lungdb.errors import LungdbError
from lungdb.exporting import columns
from lungdb.exporting.dicom import write_objects
from lungdb.exporting.features import write_features, write_vectors
from lungdb.exporting.folder import Outcome, finish, unfinished
from lungdb.exporting.nifti import write_volumes
from lungdb.exporting.reading import Chosen, choose, datasets, identity_of, rows_of
from lungdb.exporting.tables import write_schema, write_table


@dataclass(frozen=True)
class Request:
    """What is to be exported; a folder that was exported with another one is refused.

    Attributes
    ----------
    what : tuple of str
        Of `columns.PARTS`, in that order.
    format : str
        parquet or csv.
    dataset : str or None
        Scans of the newest version of this data set alone.
    model, version
        Scores, contributions and features of this model alone.
    volumes : str or None
        nifti, or no volumes.
    dicom : tuple of str
        Of sr, maps and masks.
    mask_above : int or None
        HU above which a pixel is in the mask.
    """

    what: tuple[str, ...] = ()
    format: str = "parquet"
    dataset: str | None = None
    model: str | None = None
    version: int | None = None
    volumes: str | None = None
    dicom: tuple[str, ...] = ()
    mask_above: int | None = None


def export(connection: Connection, out: Path, request: Request, say: Callable[[str], None]) -> Outcome:
    """Export into a folder.

    Parameters
    ----------
    out : Path
        The folder, which is not there yet, or holds an export of the same request.
    say : callable
        Called with a sentence about each part.

    Raises
    ------
    LungdbError
        Something is not there, damaged, or not to be seen by this login; nothing is in `out` then.
    """
    if not (request.what or request.volumes or request.dicom):
        raise LungdbError("Nothing to export is named. Give --what, --volumes, --dicom or --submission.")
    chosen = choose(connection, request.dataset, request.model, request.version)
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(request).items()}
    with unfinished(out, settings) as place:
        identity = identity_of(connection)
        facts = {"identity": identity, "scans": len(chosen.scans)}
        if request.what:
            facts["rows"] = _tables(connection, place, request, chosen, identity, say)
        if request.volumes:
            say(f"{write_volumes(connection, place, chosen, say)} volumes.")
        if request.dicom:
            for name, count in write_objects(connection, place, chosen, request.dicom, request.mask_above, say).items():
                say(f"{count} {name} as DICOM.")
        return finish(place, out, settings, facts)


def _tables(
    connection: Connection,
    place: Path,
    request: Request,
    chosen: Chosen,
    identity: dict[str, str | None],
    say: Callable[[str], None],
) -> dict[str, int]:
    described: dict[str, Sequence[columns.Column]] = {}
    rows: dict[str, int] = {}

    def write(name: str, of: Sequence[columns.Column], chunks: Any) -> None:
        described[name] = of
        rows[name] = write_table(place, name, request.format, of, chunks)

    if "datasets" in request.what:
        versions, members, others = datasets(connection, chosen)
        write("datasets", columns.DATASETS, [versions])
        write("dataset_members", columns.MEMBERS, [members])
        if others:
            say(f"{len(others)} data sets of pictures or examples are left out: only those of scans are exported.")
    for table in columns.TABLES:
        if table.part in request.what:
            write(table.name, table.columns, rows_of(connection, table, chosen))
    if "features" in request.what:
        is_parquet = request.format == "parquet"
        described["vectors"] = columns.VECTORS
        rows["vectors"] = write_vectors(connection, place, request.format, chosen, only_combined=is_parquet)
        if is_parquet:
            described["features"] = columns.FEATURES
            rows["features"], left_out = write_features(connection, place, chosen, identity)
            if left_out:
                say(f"{left_out} features are left out: only their vectors are in the database, without an array.")
        else:
            say("CSV has the pooled vectors of features; for their arrays export as Parquet.")
    write_schema(connection, place, described)
    for name, count in rows.items():
        say(f"{count} rows of {name}.")
    return rows
