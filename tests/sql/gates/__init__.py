"""Checks of the project's T-SQL: Microsoft's parser and model, the external scripts, the rules of the house.

``python -m tests.sql.gates FILE…`` checks files from the command line.
"""
