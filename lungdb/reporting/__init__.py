"""A model's report: what the tables know of it, as one HTML page with plots."""
