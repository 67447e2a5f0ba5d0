"""Calls of stored procedures as typed functions."""
