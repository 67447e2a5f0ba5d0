"""Tests of data sets and of combined features."""
