"""What the tasks of a job are told: where scans come from, how they become features, and where these go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import Limits
from lungdb.distributed.folders import Folder
from lungdb.loading.studies import Settling


@dataclass(frozen=True)
class DicomSource:
    """A folder of DICOM files, and what of it is a scan, as `lungdb load-scans` has it.

    Attributes
    ----------
    uri : str
        As `lungdb.distributed.folders.absolute` returns it.
    identity : Identity
        It holds the site's key, which travels to the executors within the tasks.
    settling : Settling
        With the series rule.
    all_series, allow_gaps, empty_patient_id, study_years, limits
        As of `lungdb.loading.scan_options.Options`.
    """

    uri: str
    identity: Identity
    settling: Settling
    all_series: bool = False
    allow_gaps: bool = False
    empty_patient_id: str = ""
    study_years: Mapping[str, int] | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class DatabaseSource:
    """The scans whose slices a database holds.

    Attributes
    ----------
    target : str
        As `lungdb.database.connect` takes it; every executor reaches it.
    """

    target: str = field(repr=False)


Source = DicomSource | DatabaseSource


@dataclass(frozen=True)
class Network:
    """A network that is run.

    Attributes
    ----------
    model : bytes
        As dbo.networks.model holds it.
    sha256 : str
        Of these, in hexadecimal.
    details : str
        networks.details, JSON.
    """

    model: bytes = field(repr=False)
    sha256: str
    details: str = field(repr=False)


@dataclass(frozen=True)
class Features:
    """What is computed.

    Attributes
    ----------
    layers : tuple of str
    preprocessing : str
    steps : str or None
        Of dbo.preprocessings; None of lungdb's own.
    poolings : tuple of str
    batch_size, threads : int
        As of `lungdb.procedures.generate_features`.
    providers : str or None
    """

    layers: tuple[str, ...]
    preprocessing: str
    steps: str | None
    poolings: tuple[str, ...]
    batch_size: int = 32
    threads: int = 1
    providers: str | None = None


@dataclass(frozen=True)
class Job:
    """What every task needs.

    Attributes
    ----------
    version : str
        Of lungdb; executors that have another one refuse.
    """

    source: Source
    features: Features
    out: Folder
    version: str
