"""Out of a database and back: tables, volumes and DICOM objects as files that others read."""
