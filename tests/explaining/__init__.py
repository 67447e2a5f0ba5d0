"""Tests of explained scores."""
