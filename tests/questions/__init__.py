"""The procedures that ask about data sets and models."""
