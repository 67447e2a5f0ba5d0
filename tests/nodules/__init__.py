"""Nodules: detectors measured, candidates scored, scans compared."""
