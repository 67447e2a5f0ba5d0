"""Connecting to a T-SQL engine, running batches on it, installing the schema on it."""
