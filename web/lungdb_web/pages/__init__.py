"""Pages: a blueprint a topic."""
