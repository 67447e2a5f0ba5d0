"""Forms of labels and marks."""
