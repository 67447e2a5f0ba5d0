"""Files that are handed in on the page."""
