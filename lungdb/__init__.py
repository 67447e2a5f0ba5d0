"""Machine learning on CT scans inside SQL Server."""

__version__ = "0.2.0"
