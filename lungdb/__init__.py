"""Machine learning on CT scans inside SQL Server."""

__version__ = "0.3.0.dev0"
SCHEMA_VERSION = 10
"""The newest of sql/migrations/: what the procedures of this version need."""
