"""Tests of what goes past one machine."""
