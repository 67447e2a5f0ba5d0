"""DICOM files become CT series, and series Hounsfield units; what cannot be taken is rejected with a reason.

`folder.read_folder` is the way in; hostile files are read in the processes of `isolation`. Nothing is imported here,
because `identity` is needed without pydicom, too.
"""
