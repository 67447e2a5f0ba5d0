"""Preprocessings as lists of registered steps: what they are checked against, and what each does to a slice."""
