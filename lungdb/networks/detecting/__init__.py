"""From what a detector gives of a tile to candidates in a patient: documented forms, suppression, merging."""
