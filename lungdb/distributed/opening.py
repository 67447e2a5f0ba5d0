"""The settings of an output of features: written once before any work, and held to by every later run."""

from __future__ import annotations

import json
from typing import Any

from lungdb.distributed.folders import Folder
from lungdb.errors import LungdbError, escaped

SETTINGS = "lungdb.json"
FORMAT = 1

_NAMES = {
    "format": "the format",
    "kind": "the kind",
    "source": "the source",
    "network": "the network",
    "layers": "the layers",
    "preprocessing": "the preprocessing",
    "poolings": "the poolings",
    "identity": "how ids are stored",
    "series_rule": "the series rule",
    "intake": "what is taken as a scan",
}


def open_output(out: Folder, settings: dict[str, Any]) -> None:
    """Write the settings into a new output, or hold them to those of one that is there.

    Raises
    ------
    LungdbError
        As of `check_output`, or it cannot be written.
    """
    if not check_output(out, settings):
        out.write(SETTINGS, json.dumps(settings, indent=1).encode())


def check_output(out: Folder, settings: dict[str, Any]) -> bool:
    """Hold settings to those of an output, and tell whether it has any.

    Raises
    ------
    LungdbError
        It has other settings, holds something else, or cannot be read.
    """
    there = read_settings(out)
    if there is None:
        return False
    for name in dict.fromkeys([*settings, *there]):
        if name != "lungdb" and settings.get(name) != there.get(name):
            raise LungdbError(
                f"The output was begun with other settings: {_NAMES.get(name, escaped(name))} "
                f"{_differing(there.get(name), settings.get(name))}. Give the same settings, or another output."
            )
    return True


def read_settings(out: Folder) -> dict[str, Any] | None:
    """Read the settings of an output; None where there is nothing yet."""
    content = out.read(SETTINGS)
    if content is None:
        if out.names(""):
            raise LungdbError(
                f"The output holds other files, and no {SETTINGS}. Give a folder that is empty, or not there yet."
            )
        return None
    try:
        read = json.loads(content)
    except ValueError:
        read = None
    if not isinstance(read, dict) or "kind" not in read:
        raise LungdbError(f"The file {SETTINGS} of the output is damaged. Give another output, or remove this one.")
    return read


def _differing(there: Any, now: Any) -> str:
    if isinstance(there, dict) and isinstance(now, dict):
        key = next(key for key in {**there, **now} if there.get(key) != now.get(key))
        return f"({escaped(key)}) {_differing(there.get(key), now.get(key))}"
    return f"was {_shown(there)} and is {_shown(now)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return escaped(text if len(text) <= 200 else f"{text[:200]}…")
