"""Volumes: their preprocessing, and where their lungs lie."""
