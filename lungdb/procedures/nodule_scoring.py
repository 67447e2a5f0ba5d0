"""What dbo.ScoreNodules calls."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.preprocessing import normalise
from lungdb.imaging.volumes.crops import crop_at
from lungdb.imaging.volumes.declared import VolumeInput, read_input
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.recipes import check_volume
from lungdb.imaging.volumes.scans import scan_geometry
from lungdb.networks.detecting.outputs import ROUNDING
from lungdb.networks.detecting.stages import ACTIVATIONS, is_stage
from lungdb.networks.entry import check_normalisation
from lungdb.networks.graphs.layers import keep_outputs
from lungdb.networks.inputs.stored import channels_of, reads_volumes, sides_of
from lungdb.networks.running.sessions import Session, cached_session
from lungdb.procedures.checks import check_sha256, comma_list, read_details
from lungdb.procedures.leaving import MESSAGE, NAME, for_t_sql
from lungdb.procedures.reading_slices import lazy_scans
from lungdb.procedures.whole_scans import decoded, facts_of

_RESULT = {"nodule_id": np.int32, "scan_id": np.int32, "score": np.float64, "error": object}

Scores = NDArray[np.float64]


@for_t_sql({1: NAME, 3: MESSAGE}, {"error": MESSAGE})
def score_nodules(
    slices: pd.DataFrame,
    candidates: str,
    network: bytes,
    sha256: str,
    details: str,
    activation: str | None,
    chosen: int | None,
    batch_size: int,
    providers: str | None,
    threads: int | None,
) -> tuple[pd.DataFrame, str, int, str]:
    """Score the crops around candidates with a network of volumes.

    Parameters
    ----------
    slices : DataFrame
        As of `lungdb.procedures.features.generate_features`, with where voxels lie (`PLACE_COLUMNS`).
    candidates : str
        JSON: a list of objects with `nodule_id`, `scan_id`, `x`, `y`, `z` in mm.
    network, sha256, details
        Of `networks`; SHA-256 in hexadecimal.
    activation : str or None
        What makes probabilities of the network's first output, `none`, `sigmoid` or `softmax`; None takes what
        `details` declare under `output`.
    chosen : int or None
        Column of the output, from 0; None takes the declared one, else the last.
    batch_size, providers, threads
        As of `generate_features`.

    Returns
    -------
    result : DataFrame
        `nodule_id`, `scan_id`, `score` and an empty `error`; of a scan that fails one row, `nodule_id` 0, with its
        error.
    provider : str
        Execution provider that ran.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101, 50104, 50105, 50116, 50119 as of `generate_features`.
    """
    try:
        read = read_details(details, "network")
        session, wanted, scale = _open(network, sha256, read, providers, threads)
        declared = read.get("output") if isinstance(read.get("output"), dict) else {}
        how, column = _declared(declared or {}, activation, chosen)
        by_scan: dict[int, list[dict[str, Any]]] = {}
        for one in json.loads(candidates):
            by_scan.setdefault(int(one["scan_id"]), []).append(one)
        rows: list[tuple[int, int, float, str]] = []
        scans = lazy_scans(slices, None)
        for scan_id, facts in facts_of(slices).items():
            places = by_scan.get(scan_id, [])
            try:
                volume = Volume(decoded(scans[scan_id], threads), scan_geometry(facts))
                check_volume(volume)
                crops = (crop_at(volume, (one["x"], one["y"], one["z"]), wanted) for one in places)
                scores = _scored(session, crops, scale, how, column, batch_size)
            except ProcedureError:
                raise
            except LungdbError as error:
                rows.append((0, scan_id, np.nan, str(error)))
                continue
            rows += [(int(one["nodule_id"]), scan_id, score, "") for one, score in zip(places, scores, strict=True)]
    except ProcedureError as refusal:
        return _frame([]), "", refusal.number, refusal.message
    except MemoryError:
        return (
            _frame([]),
            "",
            ErrorNumber.UNREADABLE,
            "The memory does not hold the scans. Take a smaller @ChunkMegabytes.",
        )
    return _frame(rows), session.provider, 0, ""


def _open(
    network: bytes, sha256: str, details: dict[str, Any], providers: str | None, threads: int | None
) -> tuple[Session, VolumeInput, list[tuple[float, float]]]:
    check_sha256(network, sha256, "network")
    if not reads_volumes(details):
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            "The network reads pictures, and candidates are scored by crops of a volume. Name a network that was "
            "loaded with an --input of three dimensions.",
        )
    scale = check_normalisation(details.get("normalisation"), channels_of(details))
    size = sides_of(details)
    session = cached_session(
        f"{sha256.lower()} {size} crops",
        lambda: keep_outputs(network, size),
        comma_list(providers) if providers else None,
        threads,
    )
    return session, read_input(details["input"]), list(zip(scale["mean"], scale["std"], strict=True))


def _declared(declared: dict[str, Any], activation: str | None, chosen: int | None) -> tuple[str, int | None]:
    """Give what makes a probability of the output, and its column."""
    is_declared = is_stage(declared)
    how = activation or (declared.get("activation") if is_declared else None)
    if how not in ACTIVATIONS:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The value {how!r} for the parameter @Activation is not supported: nothing says what makes a probability "
            "of the network's output. Supported values are none, where it is one, sigmoid and softmax.",
        )
    column = declared.get("class") if is_declared else None
    for name, given, said in (("@Activation", activation, declared.get("activation")), ("@Class", chosen, column)):
        if is_declared and given is not None and given != said:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {given!r} for the parameter {name} is not supported: the network declares that its output "
                f"is read otherwise, and so it is by GenerateNewFeatures. Leave {name} out, or load the network under "
                "another name with another --stage.",
            )
    if column is not None and type(column) is not int:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network's details declare the class {column!r}, which is no whole number. Give @Class.",
        )
    return str(how), column if chosen is None else int(chosen)


def _scored(
    session: Session, crops: Any, scale: list[tuple[float, float]], how: str, column: int | None, batch_size: int
) -> list[float]:
    scores: list[float] = []
    batch: list[NDArray[np.float32]] = []

    def run() -> None:
        if batch:
            scores.extend(probabilities(session.run(np.stack(batch))[0], how, column).tolist())
            batch.clear()

    for crop in crops:
        for channel, (mean, std) in zip(crop, scale, strict=True):
            normalise(channel, mean, std)
        batch.append(crop)
        if len(batch) == batch_size:
            run()
    run()
    return scores


def probabilities(output: NDArray[np.floating], how: str, column: int | None) -> Scores:
    """Make a probability a crop of what a network gave, float[crops, ...]; LungdbError where it is none."""
    values = np.asarray(output, np.float64).reshape(len(output), -1)
    place = values.shape[1] - 1 if column is None else column
    if not 0 <= place < values.shape[1]:
        raise LungdbError(
            f"The network gives {values.shape[1]} numbers a crop, and @Class is {place}. Give 0 to "
            f"{values.shape[1] - 1}."
        )
    if how == "softmax":
        raised = np.exp(values - values.max(axis=1, keepdims=True))
        values = raised / raised.sum(axis=1, keepdims=True)
    scores = values[:, place]
    if how == "sigmoid":
        scores = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
    wrong = scores[~((scores >= -ROUNDING) & (scores <= 1 + ROUNDING))]
    if wrong.size:
        raise LungdbError(
            f"The network gives {wrong[0]:g} for a crop, which is no probability. Give @Activation sigmoid or softmax, "
            "or look at its input's window and normalisation."
        )
    return np.clip(scores, 0, 1)


def _frame(rows: list[tuple[int, int, float, str]]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in _RESULT]
    frame: pd.DataFrame = pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(_RESULT.items(), columns, strict=True)
        }
    )
    return frame
