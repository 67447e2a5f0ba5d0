"""Scoring and learning with T-SQL alone."""
