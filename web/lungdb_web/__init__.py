"""The web page of lungdb: a Flask application over stored procedures.

Importing the package imports no Flask: `lungdb accounts` uses parts of it where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungdb_web.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Import the application when it is asked for."""
    if name == "create_app":
        from lungdb_web.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
