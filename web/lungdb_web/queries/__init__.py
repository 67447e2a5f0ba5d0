"""Calls of stored procedures as typed functions, which know nothing of requests and responses."""
