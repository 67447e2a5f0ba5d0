"""A multi-frame CT's frames as single datasets, so that the rest reads both kinds alike."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.tag import Tag

from lungdb.dicom.rejection import RejectedError

_CONVERTED = (
    "ConvolutionKernel",
    "KVP",
    "ContrastBolusAgent",
    "ContrastBolusRoute",
    "ContrastBolusVolume",
    "AcquisitionDate",
)
# What a macro of its own tells comes after what a conversion left unassigned.
_MACROS = {
    "UnassignedSharedConvertedAttributesSequence": _CONVERTED,
    "UnassignedPerFrameConvertedAttributesSequence": _CONVERTED,
    "CTXRayDetailsSequence": ("KVP",),
    "ContrastBolusUsageSequence": ("ContrastBolusAgentAdministered",),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel",),
    "FrameContentSequence": ("TemporalPositionIndex", "FrameAcquisitionNumber", "FrameAcquisitionDateTime"),
    "MultienergyCTCharacteristicsSequence": ("MonoenergeticEnergyEquivalent",),
}

GROUP_TAGS = [Tag("SharedFunctionalGroupsSequence"), Tag("PerFrameFunctionalGroupsSequence")]
"""What must be read of a multi-frame file besides a single slice's attributes."""


def frame_datasets(dataset: Dataset, frames: int) -> list[Dataset]:
    """Give each frame of an Enhanced CT its attributes (functional groups, DICOM PS3.3 C.7.6.16).

    Parameters
    ----------
    dataset : Dataset
        With the shared and the per-frame functional groups.
    frames : int
        NumberOfFrames.

    Returns
    -------
    list of Dataset
        The file's attributes, with those of the frame's functional groups beside them.

    Raises
    ------
    RejectedError
        The functional groups are missing, or not as many as the frames.
    """
    shared = (_items(dataset, "SharedFunctionalGroupsSequence") or [Dataset()])[0]
    groups = _items(dataset, "PerFrameFunctionalGroupsSequence")
    if len(groups) != frames:
        raise RejectedError("wrong_frame_count", "PerFrameFunctionalGroupsSequence")
    common = Dataset()
    common.update({element.tag: element for element in dataset if element.tag not in GROUP_TAGS})
    result = []
    for group in groups:
        frame = Dataset()
        frame.update(common)
        for sequence, keywords in _MACROS.items():
            items = _items(group, sequence) or _items(shared, sequence) or [Dataset()]
            if sequence == "ContrastBolusUsageSequence":
                items.sort(key=_use)
            for keyword in keywords:
                if keyword in items[0]:
                    frame[keyword] = items[0][keyword]
        result.append(frame)
    return result


def _use(agent: Dataset) -> int:
    """Order agents so that one that was administered comes first, then one that was not."""
    told = str(agent.get("ContrastBolusAgentAdministered", "")).strip().upper()
    return {"YES": 0, "NO": 1}.get(told, 2)


def _items(dataset: Dataset, sequence: str) -> list[Dataset]:
    return list(dataset.get(sequence) or [])
