"""Tests of lungdb.reporting and its command."""
