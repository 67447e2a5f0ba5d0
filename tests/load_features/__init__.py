"""Features that were made outside of a database and are loaded."""
