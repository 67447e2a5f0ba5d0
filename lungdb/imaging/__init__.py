"""From CT slices to what a network reads, and the formats in which arrays are stored."""
