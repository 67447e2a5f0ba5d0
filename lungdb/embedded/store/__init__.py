"""The SQLite file: tables, catalog, catalog views, transactions."""
