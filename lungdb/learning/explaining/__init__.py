"""Why a model gave a score: its margin, what features and triples of slices add to it."""
