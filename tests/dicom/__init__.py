"""Tests of lungdb.dicom."""
