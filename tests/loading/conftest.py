"""The database that the commands' tests have, for loading without them."""

from tests.cli.conftest import contents, query, store, target

__all__ = ["contents", "query", "store", "target"]
