"""What is tried in a real browser."""
