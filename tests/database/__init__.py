"""Connecting, running batches, installing."""
