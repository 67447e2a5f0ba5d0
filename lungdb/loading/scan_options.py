"""How a folder of scans is loaded, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lungdb.dicom.limits import Limits
from lungdb.loading.subset import Subset


@dataclass(frozen=True)
class Options:
    """How a folder is loaded.

    Attributes
    ----------
    all_series : bool
        Take the series that the rule does not choose, too.
    replace : bool
        As of `lungdb.loading.scan_store.store_scan`.
    series_rule : str or None
        As of `lungdb.dicom.series_rule.parse_rule`; None for the setting `series_rule`.
    follow_newest : bool
        Let the primary scans of patients of before follow the newest study.
    only : Subset or None
        The ids to load.
    study_years : mapping of str to int, or None
        SeriesInstanceUID or StudyInstanceUID -> study year; None for those of `NLST_DAYS`.
    allow_gaps : bool
        Take series without their unusable or missing slices.
    empty_patient_id : str
        What stands for an empty PatientID, one of `lungdb.dicom.identity.EMPTY_ID_RULES`; empty to refuse it.
    dry_run : bool
        Write nothing.
    limits : Limits
        What a file may cost.
    """

    all_series: bool = False
    replace: bool = False
    series_rule: str | None = None
    follow_newest: bool = False
    only: Subset | None = None
    study_years: Mapping[str, int] | None = None
    allow_gaps: bool = False
    empty_patient_id: str = ""
    dry_run: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass
class Report:
    """What became of a folder.

    Attributes
    ----------
    series : Counter
        How many series were loaded, replaced, unchanged.
    slices : int
        Slices of the series that were loaded or replaced.
    clipped : int
        Their pixels whose HU did not fit int16.
    tilted : int
        Series of them whose gantry was tilted by a degree or more.
    removed : int
        Scans that an earlier version took though they are no Hounsfield units, and that --replace took away.
    rejected : Counter
        How many files and series were not taken, by reason.
    behind : list of int
        Indices of the folder's patients whose newest study has not their primary scan.
    unordered : list of int
        Indices of the folder's patients of whose studies it is not known which is the newest.
    patients : set of str
        Ids, as they are stored, of whom a series is in the database now.
    """

    series: Counter[str] = field(default_factory=Counter)
    slices: int = 0
    clipped: int = 0
    tilted: int = 0
    removed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    behind: list[int] = field(default_factory=list)
    unordered: list[int] = field(default_factory=list)
    patients: set[str] = field(default_factory=set, repr=False)
