"""What dbo.ClusterDataset and dbo.WrongRepresentatives call."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.questions.clustering import cluster
from lungdb.learning.questions.spaces import distances, standardise
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.spaces import read_space

MOST_SCANS = 10_000
"""Scans that distances of all pairs are computed of at most, 800 MB."""

Result = tuple[pd.DataFrame, float, int, str]


@for_t_sql({3: MESSAGE})
def cluster_scans(scans: pd.DataFrame, clusters: int | None, seed: int, beside: int) -> Result:
    """Cluster scans by their standardised features, and find the others nearest to each medoid.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `scan_id` (whole number), `is_clustered` (1, or 0 for those that are only looked for beside the
        medoids), `vector` (JSON).
    clusters : int or None
        1 to the number of scans clustered; None, or a float NaN, chooses it as `lungdb.learning.questions.clustering`.
    seed : int
        0 and up.
    beside : int
        Scans beside each medoid, those nearest to it, at most; 0 for none.

    Returns
    -------
    result : DataFrame
        One row a scan clustered, and one each of those beside a medoid: `scan_id`, `cluster` (int32, from 1, the
        largest first), `role` (0 member, 1 medoid, 2 beside it), `distance` (float64, to the medoid in standard
        deviations: the root mean square over the features that vary).
    silhouette : float
        Mean silhouette; 0 where there is none.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for an argument, 50110 for vectors of several widths, 50116 for one that
        cannot be read, 50400 for too many scans, 50401 for more clusters than scans.
    """
    try:
        return _cluster(scans, clusters, seed, beside)
    except ProcedureError as refusal:
        return _frame([], [], [], []), 0.0, refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([], [], [], []), 0.0, ErrorNumber.UNREADABLE, str(refusal)


def _cluster(scans: pd.DataFrame, clusters: int | None, seed: int, beside: int) -> Result:
    check_columns(scans, ("scan_id", "is_clustered", "vector"))
    places, is_clustered = whole_numbers(scans, "scan_id"), whole_numbers(scans, "is_clustered") == 1
    count = int(is_clustered.sum())
    number = None if clusters is None or clusters != clusters else int(clusters)
    if len(scans) > MOST_SCANS:
        raise ProcedureError(
            ErrorNumber.TOO_MANY_TO_CLUSTER,
            f"There are {len(scans)} scans, and distances of all pairs are computed of {MOST_SCANS} at most. Take a "
            "sample by CreateDataset @Sample.",
        )
    if count == 0 or (number is not None and not 1 <= number <= count):
        raise ProcedureError(
            ErrorNumber.NUMBER_OF_CLUSTERS,
            f"There are {count} scans to make {'clusters' if number is None else f'{number} clusters'} of. Ask for "
            f"1 to {count} clusters, or take a larger data set.",
        )
    points = standardise(read_space(scans["vector"].tolist()))
    points = points / np.sqrt(max(points.shape[1], 1))
    members, others = np.flatnonzero(is_clustered), np.flatnonzero(~is_clustered)
    found = cluster(distances(points[members]), number, seed)
    roles = np.zeros(count, dtype=np.int64)
    roles[found.medoids] = 1
    numbers = [[places[members]], [found.cluster], [roles]]
    away_from = [found.distance]
    for each, medoid in enumerate(members[found.medoids]):
        away = np.sqrt(((points[others] - points[medoid]) ** 2).sum(axis=1))
        nearest = np.argsort(away, kind="stable")[:beside]
        new = places[others[nearest]], np.full(nearest.size, each), np.full(nearest.size, 2)
        for column, values in zip(numbers, new, strict=True):
            column.append(values)
        away_from.append(away[nearest])
    return _frame(numbers[0], numbers[1], numbers[2], away_from), found.silhouette or 0.0, 0, ""


def _frame(
    places: list[NDArray[np.int64]],
    clusters: list[NDArray[np.int64]],
    roles: list[NDArray[np.int64]],
    away: list[NDArray[np.float64]],
) -> pd.DataFrame:
    def joined(columns: list[NDArray[np.int64]]) -> NDArray[np.int32]:
        return np.concatenate(columns).astype(np.int32) if columns else np.empty(0, dtype=np.int32)

    frame: pd.DataFrame = pd.DataFrame(
        {
            "scan_id": joined(places),
            "cluster": joined(clusters) + np.int32(1),
            "role": joined(roles),
            "distance": np.concatenate(away) if away else np.empty(0),
        }
    )
    return frame
