"""Tests of the synthetic scans and of the demo network."""
