"""Whether pixel values are Hounsfield units: by what the header says, and where it says nothing, by where air lies.

Rescale Type's terms are of DICOM PS3.3 C.11.1.1.2, those of Image Type and Frame Type of C.8.2.1.1.1, C.8.15.2.1.1 and
C.8.16.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage

from lungdb.dicom.attributes import numbers_of, terms_of, text_of, value_of
from lungdb.dicom.rejection import RejectedError

ENERGY_UNTOLD = 0.0
"""The keV of a virtual monoenergetic image whose header does not tell it."""

AIR_RANGE = (-1100.0, -850.0)
"""Where air lies, in Hounsfield units, in pixels of an unspecified unit that are taken for Hounsfield units."""

_NAMED_UNITS = ("OD", "US", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")  # a header's other texts are not repeated
_PERFUSION = {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TTD", "TMAX", "PERMEABILITY"}
_ATOMIC = {"EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "EFFECTIVE_Z", "Z_EFF", "ZEFF", "RHO_Z"}
_CALCULATED = {"ADDITION", "DIVISION", "MULTIPLICATION", "STD_DEVIATION", "SUBTRACTION"}
_MATERIAL = re.compile(r"MAT_.*|MATERIAL.*|IODINE.*|VNC")
_MONOENERGETIC = re.compile(r"VMI.*|MONO(?!CHROME).*")
_ENERGY_IN_TEXT = re.compile(r"(?:MONO|VMI).*?(\d{2,3}(?:\.\d+)?) ?KEV")

_AIR_OR_LUNG = -700.0  # below it lies nothing but air, lungs and padding
_LEAST_AIR = 0.005  # of a slice's pixels: a slice may show none
_NO_AIR = -1500.0  # what lies lower is padding, declared or not


@dataclass(frozen=True)
class Unit:
    """What is known of a slice's unit, which is the Hounsfield unit or may be.

    Attributes
    ----------
    monoenergetic_kev : float or None
        The energy of a virtual monoenergetic image, `ENERGY_UNTOLD` where the header keeps it to itself; None of a
        conventional one.
    is_unspecified : bool
        The header does not say that it is the Hounsfield unit: `check_air` must.
    """

    monoenergetic_kev: float | None
    is_unspecified: bool


def read_unit(dataset: Dataset, sop_class: str) -> Unit:
    """Read the unit of a slice or a frame.

    Parameters
    ----------
    dataset : Dataset
        With the attributes of `lungdb.dicom.frames.frame_datasets` for a frame.

    Raises
    ------
    RejectedError
        With the reason not_hounsfield: the values are in another unit, or calculated from several images.
    """
    terms = (*terms_of(dataset, "ImageType"), *terms_of(dataset, "FrameType"))
    energy = _energy(dataset, terms)
    unit = text_of(dataset, "RescaleType").upper()
    is_unspecified = (
        unit == "US"
        and sop_class == CTImageStorage
        and terms[:3] == ("ORIGINAL", "PRIMARY", "AXIAL")
        and energy is None
        and text_of(dataset, "MultienergyCTAcquisition").upper() != "YES"
        and not value_of(dataset, "MultienergyCTAcquisitionSequence")
    )
    causes = []
    if unit not in ("", "HU") and not is_unspecified:
        causes.append(f"RescaleType {unit}" if unit in _NAMED_UNITS else "RescaleType")
    if any(term in _PERFUSION | _ATOMIC | _CALCULATED or _MATERIAL.fullmatch(term) for term in terms):
        causes.append("ImageType")
    if causes:
        raise RejectedError("not_hounsfield", ", ".join(causes))
    return Unit(energy, is_unspecified)


def air_level(
    stored: NDArray[np.integer],
    hu: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float64],
    padding: tuple[int, int] | None,
) -> float | None:
    """Return where the air of a slice lies: the tenth percentile of what is not padding and below −700.

    Constant corners of stored value 0, the usual padding that nobody declares, do not count as air.

    Parameters
    ----------
    stored : integer[rows, columns]
    hu : int16, int32 or float64[rows, columns]
        The same rescaled, padding included.
    padding : (int, int) or None
        As of `lungdb.dicom.padding.declared_padding`.

    Returns
    -------
    float or None
        None of a slice with next to no air.
    """
    seen = (hu >= _NO_AIR) & (hu < _AIR_OR_LUNG)
    if padding is not None:
        seen &= (stored < padding[0]) | (stored > padding[1])
    if not stored[[0, 0, -1, -1], [0, -1, 0, -1]].any():
        seen &= stored != 0
    if np.count_nonzero(seen) < _LEAST_AIR * hu.size:
        return None
    return float(np.percentile(hu[seen], 10))


def check_air(levels: Iterable[float | None]) -> None:
    """Refuse a series of an unspecified unit unless its air lies where it does in Hounsfield units.

    Parameters
    ----------
    levels : iterable of float or None
        `air_level` of each slice.

    Raises
    ------
    RejectedError
        With the reason not_hounsfield.
    """
    known = [level for level in levels if level is not None]
    if not known or not AIR_RANGE[0] <= median(known) <= AIR_RANGE[1]:
        raise RejectedError("not_hounsfield", "RescaleType US, and no air between -1100 and -850")


def _energy(dataset: Dataset, terms: tuple[str, ...]) -> float | None:
    characteristics = value_of(dataset, "MultienergyCTCharacteristicsSequence")
    for part in (dataset, *(characteristics if isinstance(characteristics, Sequence) else ())):
        if text_of(part, "MonoenergeticEnergyEquivalent"):
            energy = numbers_of(part, "MonoenergeticEnergyEquivalent", 1)[0]
            if energy <= 0:
                raise RejectedError("bad_attribute", "MonoenergeticEnergyEquivalent")
            return energy
    for text in (*terms, text_of(dataset, "SeriesDescription").upper(), text_of(dataset, "ImageComments").upper()):
        if told := _ENERGY_IN_TEXT.search(text):
            return float(told[1])
    return ENERGY_UNTOLD if any(_MONOENERGETIC.fullmatch(term) for term in terms[2:]) else None
