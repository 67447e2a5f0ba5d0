"""The one file of the npm package @niivue/niivue that the viewer needs.

A released wheel brings it, in a clone `make web` does; without it the page shows plain slices.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from isal import isal_zlib

_IN_WHEEL = Path(__file__).resolve().parents[1] / "niivue"
_OF_NPM = Path(__file__).resolve().parents[2] / "node_modules" / "@niivue" / "niivue"
_PACKAGE = _IN_WHEEL if _IN_WHEEL.is_dir() else _OF_NPM
_FILE = Path("dist", "index.js")
_GZIP = 31


def version() -> str | None:
    """Name the installed version; None where there is none."""
    try:
        return str(json.loads((_PACKAGE / "package.json").read_text(encoding="utf-8"))["version"])
    except OSError:
        return None


def script() -> bytes:
    """Read the script.

    Raises
    ------
    OSError
        It is not installed.
    """
    return (_PACKAGE / _FILE).read_bytes()


@cache
def compressed_script(version: str) -> bytes:
    """Read the script as gzip. `version` is the installed one: a newer one is read anew."""
    compressed: bytes = isal_zlib.compress(script(), 3, _GZIP)
    return compressed
