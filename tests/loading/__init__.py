"""Tests of what loads files and folders into tables."""
