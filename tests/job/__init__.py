"""The whole job on a small set, by the stored procedures."""
