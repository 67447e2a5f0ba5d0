"""Types, stored values and conversions."""
