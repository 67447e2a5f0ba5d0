"""Tests of the T-SQL under sql/."""
