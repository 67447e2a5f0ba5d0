"""From files and folders into tables."""
