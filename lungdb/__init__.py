"""Machine learning on CT scans inside SQL Server."""

__version__ = "0.3.0.dev0"
