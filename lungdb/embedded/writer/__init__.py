"""From a tree to SQLite text."""
