"""The embedded engine: T-SQL over a SQLite file, with external Python scripts; README.md here has a map."""
