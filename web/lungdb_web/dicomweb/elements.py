"""Attributes in DICOM's JSON model (PS3.18 annex F): tag -> value representation and values."""

from __future__ import annotations

from typing import Any

JsonDataset = dict[str, dict[str, Any]]

ELEMENTS: dict[str, tuple[str, str]] = {
    "SpecificCharacterSet": ("00080005", "CS"),
    "ImageType": ("00080008", "CS"),
    "SOPClassUID": ("00080016", "UI"),
    "SOPInstanceUID": ("00080018", "UI"),
    "StudyDate": ("00080020", "DA"),
    "StudyTime": ("00080030", "TM"),
    "AccessionNumber": ("00080050", "SH"),
    "InstanceAvailability": ("00080056", "CS"),
    "Modality": ("00080060", "CS"),
    "ModalitiesInStudy": ("00080061", "CS"),
    "Manufacturer": ("00080070", "LO"),
    "ReferringPhysicianName": ("00080090", "PN"),
    "StudyDescription": ("00081030", "LO"),
    "SeriesDescription": ("0008103E", "LO"),
    "RetrieveURL": ("00081190", "UR"),
    "DerivationDescription": ("00082111", "ST"),
    "AvailableTransferSyntaxUID": ("00083002", "UI"),
    "PatientName": ("00100010", "PN"),
    "PatientID": ("00100020", "LO"),
    "PatientBirthDate": ("00100030", "DA"),
    "PatientSex": ("00100040", "CS"),
    "PatientAge": ("00101010", "AS"),
    "PatientIdentityRemoved": ("00120062", "CS"),
    "SliceThickness": ("00180050", "DS"),
    "KVP": ("00180060", "DS"),
    "SpacingBetweenSlices": ("00180088", "DS"),
    "GantryDetectorTilt": ("00181120", "DS"),
    "ConvolutionKernel": ("00181210", "SH"),
    "StudyInstanceUID": ("0020000D", "UI"),
    "SeriesInstanceUID": ("0020000E", "UI"),
    "StudyID": ("00200010", "SH"),
    "SeriesNumber": ("00200011", "IS"),
    "InstanceNumber": ("00200013", "IS"),
    "PatientOrientation": ("00200020", "CS"),
    "ImagePositionPatient": ("00200032", "DS"),
    "ImageOrientationPatient": ("00200037", "DS"),
    "FrameOfReferenceUID": ("00200052", "UI"),
    "PositionReferenceIndicator": ("00201040", "LO"),
    "SliceLocation": ("00201041", "DS"),
    "NumberOfStudyRelatedSeries": ("00201206", "IS"),
    "NumberOfStudyRelatedInstances": ("00201208", "IS"),
    "NumberOfSeriesRelatedInstances": ("00201209", "IS"),
    "SamplesPerPixel": ("00280002", "US"),
    "PhotometricInterpretation": ("00280004", "CS"),
    "Rows": ("00280010", "US"),
    "Columns": ("00280011", "US"),
    "PixelSpacing": ("00280030", "DS"),
    "BitsAllocated": ("00280100", "US"),
    "BitsStored": ("00280101", "US"),
    "HighBit": ("00280102", "US"),
    "PixelRepresentation": ("00280103", "US"),
    "WindowCenter": ("00281050", "DS"),
    "WindowWidth": ("00281051", "DS"),
    "RescaleIntercept": ("00281052", "DS"),
    "RescaleSlope": ("00281053", "DS"),
    "RescaleType": ("00281054", "LO"),
    "WindowCenterWidthExplanation": ("00281055", "LO"),
}
"""Keyword -> tag and value representation (PS3.6), of what is told or asked for here."""
KEYWORDS = {tag: keyword for keyword, (tag, _) in ELEMENTS.items()}


def dataset(values: dict[str, Any]) -> JsonDataset:
    """Write attributes, by tag.

    Parameters
    ----------
    values : dict
        Keyword -> value, or a list of them. None or an empty list stands for an attribute without a value.
    """
    written: JsonDataset = {}
    for keyword, value in values.items():
        tag, representation = ELEMENTS[keyword]
        listed = [] if value is None else value if isinstance(value, list) else [value]
        element: dict[str, Any] = {"vr": representation}
        if listed:
            element["Value"] = [{"Alphabetic": one} for one in listed] if representation == "PN" else listed
        written[tag] = element
    return dict(sorted(written.items()))
