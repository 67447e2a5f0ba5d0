"""What stands in the database for a patient: a keyed hash of the ids, or, for data already de-identified, the ids."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from lungdb.dicom.kernels import is_kernel
from lungdb.errors import LungdbError

MIN_KEY_LENGTH = 16
"""Characters that the site's secret must have; shorter ones can be found by trying."""

EMPTY_ID_RULES = ("folder", "study")
"""What may stand for an empty PatientID: see `lungdb.dicom.patients.Naming`."""

METHOD_CODES = "113100,113107"
"""What mode ``keyed`` amounts to, in the codes of DICOM PS3.16 CID 7050: the Basic Application Confidentiality Profile
with the Retain Longitudinal Temporal Information Modified Dates Option, as dates are shifted (PS3.15 E.3.6)."""

OLDEST = 90
"""Years above which an age is told as this one: the Safe Harbor method of HIPAA, 45 CFR 164.514(b)(2)(i)(C)."""

MOST_DAYS = 365
"""Days by which mode ``keyed`` shifts a patient's dates, at most and always back: one stays near its year and season is
hidden, and none lies in the future."""

MOST_FROM_EVENT = 18 * 365
"""Days from an event that mode ``keyed`` stores at most: more may be an adult's age, or days since a calendar began."""

MANUFACTURERS = ("GE", "Siemens", "Philips", "Toshiba", "Canon", "Hitachi", "Fujifilm", "United Imaging", "Neusoft")
"""Makers of CT scanners that mode ``keyed`` stores by name; any other text may hold anything, and is left out."""

_AGE = re.compile(r"BIRTH|BORN|\bDOB\b|\bAGE\b")


@dataclass(frozen=True)
class Identity:
    """How ids, UIDs, dates and paths are stored.

    Attributes
    ----------
    mode : str
        ``keyed``: patient ids and UIDs are replaced by HMAC-SHA256 with the site's secret, so that the same patient has
        the same id at every load, and all dates of a patient are shifted by the same number of days. ``kept``: they are
        stored as they are.
    key : str
        The site's secret; may be empty in mode ``kept``, where it only keys the hashes of paths.
    """

    mode: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that protects nothing."""
        if self.mode == "keyed" and not self.key:
            raise LungdbError(
                "No id_key is set, so patient ids cannot be replaced by keyed hashes. Set id_key in config.py or "
                "LUNGDB_ID_KEY to a secret of the site, or give --keep-ids if the data are already de-identified."
            )
        if self.key and len(self.key) < MIN_KEY_LENGTH:
            raise LungdbError(
                f"The id_key has {len(self.key)} characters. Set one of at least {MIN_KEY_LENGTH}, for example from "
                'python -c "import secrets; print(secrets.token_hex(32))".'
            )

    def patient(self, patient_id: str) -> str:
        """Return what is stored for a PatientID: 32 hexadecimal digits, or the id itself."""
        return patient_id if self.mode == "kept" else self._digest("patient", patient_id).hex()[:32]

    def uid(self, uid: str) -> str:
        """Return what is stored for a UID: one made from 128 bits under 2.25 (DICOM PS3.5 B.2), or the UID itself."""
        return uid if self.mode == "kept" else f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def days_shifted(self, patient_id: str) -> int:
        """Return by how many days a patient's dates are stored too early: 1 to `MOST_DAYS`, or 0 where they are kept.

        Parameters
        ----------
        patient_id : str
            PatientID as in the DICOM files.
        """
        if self.mode == "kept":
            return 0
        return 1 + int.from_bytes(self._digest("days", patient_id)[:8], "big") % MOST_DAYS

    def birth_year(self, year: int | None, today: date) -> int | None:
        """Return what is stored for a year of birth; in mode ``keyed`` none of whoever may be as old as `OLDEST`."""
        return None if self.mode == "keyed" and year is not None and today.year - year >= OLDEST else year

    def date(self, day: date | None, patient_id: str) -> date | None:
        """Return what is stored for a date of a patient; None of one that would lie before the year 1."""
        if day is None:
            return None
        try:
            return day - timedelta(days=self.days_shifted(patient_id))
        except OverflowError:
            return None

    @property
    def date_rule(self) -> str:
        """What `date` does, as `dbo.scans.date_rule` names it."""
        return "kept" if self.mode == "kept" else "shifted"

    def time_point_kind(self, kind: str) -> str:
        """Return what stands for what a time point counts, such as days from an event: a hash, which compares as well.

        What is counted is somebody's text. In mode ``keyed`` it cannot be found by trying.
        """
        digest = sha256(kind.encode()).digest() if self.mode == "kept" else self._digest("time point", kind)
        return digest.hex()[:16]

    def keeps_time_point(self, kind: str, number: float) -> bool:
        """Tell whether a time point may be stored; in mode ``keyed`` none that may be an exact age, or tell a date."""
        return self.mode == "kept" or (abs(number) <= MOST_FROM_EVENT and _AGE.search(kind.upper()) is None)

    def kernel(self, text: str | None) -> str | None:
        """Return what is stored for a Convolution Kernel; in mode ``keyed`` only what is made of names of kernels."""
        return None if text is not None and self.mode == "keyed" and not is_kernel(text) else text

    def manufacturer(self, text: str | None) -> str | None:
        """Return what is stored for a Manufacturer: a name of `MANUFACTURERS`, or the text itself."""
        if text is None or self.mode == "kept":
            return text
        words = f" {' '.join(re.findall('[a-z]+', text.lower()))} "
        return next((name for name in MANUFACTURERS if f" {name.lower()} " in words), None)

    @property
    def method_codes(self) -> str | None:
        """The de-identification method codes that are recorded with a scan; None when ids are kept."""
        return None if self.mode == "kept" else METHOD_CODES

    def path(self, path: Path, member: str = "") -> bytes:
        """Return the 32 bytes that stand for a path, whose folders may bear patients' names, or an archive's member."""
        return self._digest("path", f"{path.resolve()}\0{member}" if member else str(path.resolve()))

    @property
    def key_check(self) -> str:
        """What the database keeps to recognise the key by; it does not tell the key."""
        return self._digest("check", "").hex()[:16]

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self.key.encode(), f"{purpose}\0{text}".encode("utf-8", "surrogateescape"), sha256)
