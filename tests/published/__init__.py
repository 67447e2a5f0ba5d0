"""Checks of networks that others publish, which are not part of the sources: `make test-published FILE=…`."""
