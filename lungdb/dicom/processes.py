"""The worker processes of a load, which can begin before their parent imports pydicom: importing this does not."""

from __future__ import annotations

from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.isolation import Bounds, Workers


def start_workers(count: int, limits: Limits, *, at_first: int | None = None) -> Workers[RejectedError]:
    """Return processes, at least one, for `lungdb.dicom.tasks` within the limits; a context manager.

    Parameters
    ----------
    at_first : int, optional
        As of `lungdb.isolation.Workers`.
    """
    bounds = Bounds(limits.task_seconds, limits.worker_megabytes, RejectedError, "lungdb.dicom.tasks")
    return Workers(count, bounds, at_first=at_first)
