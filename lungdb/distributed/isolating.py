"""Isolated children of a task of Spark: processes that decode, and import nothing that decoding does not need."""

from __future__ import annotations

import sys

from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import RejectedError
from lungdb.isolation import Workers


def task_workers(count: int, limits: Limits) -> Workers[RejectedError]:
    """Return processes as `lungdb.dicom.processes.start_workers` does, for a task of Spark.

    They import nothing of Spark. Python would tell them the main module of this process, and where that is Spark's they
    would run it again, for seconds, and nothing in it is ours.
    """
    main = sys.modules["__main__"]
    if getattr(main.__spec__, "name", "").startswith("pyspark."):
        main.__spec__ = None
        vars(main).pop("__file__", None)
    return start_workers(count, limits)
