"""Preprocessings of registered steps, in a database."""
