"""DICOM files that people hand in on the page: kept in a folder of their own until they are loaded or given up."""
