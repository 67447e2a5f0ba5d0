"""A folder of made-up patients, their labels in the form of the Kaggle Data Science Bowl 2017, and their nodules."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from lungdb.errors import LungdbError
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.writing import NODULE_COLUMNS, NoduleRow, nodule_rows, write_lungs, write_series

NODULES = "nodules.csv"
LUNGS = "lungs"
"""Beside the folder of patients."""

LARGEST = 9999  # patients; their ids have four digits


def make_dataset(
    folder: Path,
    *,
    patients: int,
    seed: int = 1,
    cancer_fraction: float = 0.5,
    slices: int = 32,
    size: int = 256,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Write `folder`/<patient id>/<slice>.dcm for each patient, and beside `folder` lungs, nodules.csv and labels.csv.

    The patient at place i, from 0, has the id phantom-0001 and so on and the seed `seed` + i. Existing series of the
    same arguments are overwritten with the same bytes. The folder lungs has a mask a series (see
    `lungdb.phantoms.writing.write_lungs`). nodules.csv tells where the nodules are and of which kind (see
    `lungdb.phantoms.writing.nodule_rows`); labels.csv is written last.

    Parameters
    ----------
    folder : Path
        Made if need be.
    patients : int
        1 to 9999.
    seed : int
        Of the first patient.
    cancer_fraction : float
        0 to 1; the rounded number of patients with cancer is exact, and which they are follows from `seed`.
    slices, size : int
        As for `make_phantom`.
    workers : int, optional
        Processes; as many as processors if left out.
    progress : callable, optional
        Called with 1 after each patient.

    Returns
    -------
    Path
        The file of labels, with the columns id and cancer.

    Raises
    ------
    LungdbError
        If an argument is out of range.
    """
    if not 1 <= patients <= LARGEST:
        raise LungdbError(f"The number of patients {patients} is not supported. Give 1 to {LARGEST}.")
    if not 0 <= cancer_fraction <= 1:
        raise LungdbError(f"The fraction of cancer {cancer_fraction} is not a fraction. Give 0 to 1.")
    if seed < 0:
        raise LungdbError(f"The seed {seed} is negative. Give 0 or more.")
    ill = np.arange(patients) < round(cancer_fraction * patients)
    ill = np.random.default_rng(seed).permutation(ill)
    ids = [f"phantom-{number:04}" for number in range(1, patients + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    processes = min(workers or os.cpu_count() or 1, patients)
    # Forking a process that has threads can hang it, and OpenCV and NumPy start threads. In the processes OpenCV's
    # own threads would only compete with them.
    with ProcessPoolExecutor(processes, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        jobs = [
            pool.submit(_make_patient, folder, patient_id, seed + place, bool(cancer), slices, size)
            for place, (patient_id, cancer) in enumerate(zip(ids, ill, strict=True))
        ]
        try:
            for job in as_completed(jobs):
                job.result()
                if progress is not None:
                    progress(1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    beside = folder.resolve().parent
    _write(beside / NODULES, NODULE_COLUMNS, [row for job in jobs for row in job.result()])
    labels = beside / "labels.csv"
    _write(labels, ("id", "cancer"), [(patient_id, int(cancer)) for patient_id, cancer in zip(ids, ill, strict=True)])
    return labels


def _make_patient(folder: Path, patient_id: str, seed: int, cancer: bool, slices: int, size: int) -> list[NoduleRow]:
    phantom = make_phantom(seed, cancer=cancer, slices=slices, size=size)
    write_series(folder / patient_id, phantom, patient_id)
    write_lungs(folder.resolve().parent / LUNGS, phantom, patient_id)
    return nodule_rows(phantom, patient_id)


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
