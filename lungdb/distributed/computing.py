"""What an executor does: series after series, read, featurized as dbo.GenerateFeatures does it, and written."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lungdb import __version__
from lungdb.database.site import open_database
from lungdb.distributed.folders import local_files
from lungdb.distributed.groups import Group
from lungdb.distributed.isolating import task_workers
from lungdb.distributed.jobs import DatabaseSource, Job, Network
from lungdb.distributed.reading import ReadScan, read_dicom, read_stored
from lungdb.distributed.tables import failed_row, feature_schema, read_group, write_rows
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_array, from_hex
from lungdb.procedures import keep_and_generate_features

_TRIES = 3
_SECONDS = 2.0

Read = Callable[[dict[str, Any]], ReadScan]


@dataclass(frozen=True)
class Outcome:
    """What became of a group.

    Attributes
    ----------
    series : int
        How many there are.
    failed : dict
        How many of them are errors in the output, by reason.
    unwritten : str
        Why the group is not in the output; empty when it is.
    """

    series: int
    failed: Mapping[str, int] = field(default_factory=dict)
    unwritten: str = ""


def featurize_groups(tasks: Iterator[list[Group]], *, job: Job, network: Any) -> Iterator[Outcome]:
    """Do the groups of a task.

    Parameters
    ----------
    network : Broadcast of Network
        Shipped once to each executor.
    """
    check_version(__version__, job.version)
    with ExitStack() as stack:
        read = _reader(job, stack)
        for groups in tasks:
            for group in groups:
                yield _featurize_group(group, read, job, network.value)


def check_version(found: str, wanted: str) -> None:
    """Refuse another version of lungdb than the driver has: it may compute otherwise."""
    if found != wanted:
        raise LungdbError(f"An executor has lungdb {found}, and the driver {wanted}. Install one version everywhere.")


def versions(_: Iterable[int]) -> Iterator[str]:
    """Tell which lungdb an executor has."""
    yield __version__


def _reader(job: Job, stack: ExitStack) -> Read:
    source = job.source
    if isinstance(source, DatabaseSource):
        connection = stack.enter_context(open_database(source.target))
        return lambda series: read_stored(series, connection)
    workers = stack.enter_context(task_workers(job.features.threads, source.limits))
    local = stack.enter_context(local_files(source.uri))
    return lambda series: read_dicom(series, source, local, workers)


def _featurize_group(group: Group, read: Read, job: Job, network: Network) -> Outcome:
    name = f"series/{group.part}.parquet"
    try:
        with job.out.open(name) as file:
            rows = read_group(file, name, group.number)
        failed: Counter[str] = Counter()

        def results() -> Iterator[list[dict[str, Any]]]:
            for series in rows:
                made = _featurize(series, read, job, network)
                failed.update([made[0]["error"]] if made[0]["error"] else [])
                yield made

        with tempfile.TemporaryDirectory(prefix="lungdb-") as folder:
            local = Path(folder, "part")
            write_rows(local, feature_schema(), results())
            _put(job, f"features/{group.file}", local)
    except LungdbError as error:
        return Outcome(group.series, unwritten=str(error))
    except OSError as error:
        why = f"An executor's folder for temporary files cannot be used ({error.strerror}). Check its space."
        return Outcome(group.series, unwritten=why)
    return Outcome(group.series, dict(failed))


def _put(job: Job, name: str, local: Path) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            return job.out.put(name, local)
        except LungdbError:
            if attempt == _TRIES:
                raise
            time.sleep(_SECONDS * attempt)


def _featurize(series: dict[str, Any], read: Read, job: Job, network: Network) -> list[dict[str, Any]]:
    """Make the rows of a series."""
    wanted = job.features
    try:
        scan = read(series)
        result, _, _, number, message, _ = keep_and_generate_features(
            scan.slices,
            network.model,
            network.sha256,
            network.details,
            ",".join(wanted.layers),
            wanted.preprocessing,
            ",".join(wanted.poolings),
            wanted.batch_size,
            wanted.providers,
            wanted.threads,
            0,
            wanted.steps,
        )
        if number:
            raise LungdbError(message)
        rows = [dict(zip(result.columns, row, strict=True)) for row in result.itertuples(index=False)]
        if rows[0]["layer"] < 1:
            raise LungdbError(rows[0]["error"])
    except LungdbError as error:
        return [failed_row(series, str(error))]
    except MemoryError:
        return [failed_row(series, "The memory does not hold the series. Give executors more memory.")]
    return [_row(series, scan, row, wanted.layers) for row in rows]


def _row(series: dict[str, Any], scan: ReadScan, row: dict[str, Any], layers: tuple[str, ...]) -> dict[str, Any]:
    sha256 = from_hex(row["sha256"])
    array = decode_array(from_hex(row["array"]), row["array_rows"], row["array_cols"], sha256)
    vectors = json.loads(row["pooled"])
    return {
        **{name: series[name] for name in ("series_uid", "patient_id", "study_uid")},
        "layer": row["layer"],
        "layer_name": layers[row["layer"] - 1],
        "array_rows": row["array_rows"],
        "array_cols": row["array_cols"],
        "array": array.reshape(-1),
        "sha256": sha256,
        "pooled": [(name, np.array(vector, dtype=np.float32)) for name, vector in vectors.items()],
        "content_sha256": scan.content_sha256,
        "scan": scan.scan,
        "error": "",
    }
