"""DICOM folders become CT series, and series Hounsfield units; what cannot be taken is rejected with a reason.

`folder.read_folder` is the way in. Nothing is imported here, because `identity` is needed without pydicom, too.
"""
