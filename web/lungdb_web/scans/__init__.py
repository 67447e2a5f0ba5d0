"""Scans for a browser: as a NIfTI volume, as pictures of slices, as an animation. Knows no database and no Flask."""
