"""T-SQL's built-in functions: their rules for types and their bodies, which SQLite calls."""
