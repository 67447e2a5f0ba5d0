"""Tests of the part without Python."""
