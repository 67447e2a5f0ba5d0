"""What people say of a network's input and output in words: `--input`, `--detects` and `--stage` with key=value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from lungdb.errors import LungdbError

ANY = "any"
"""Written for a spacing, a window or a size that is to be taken as it is."""

_ORIENTATIONS = ("LR", "PA", "SI")
_MOST_MULTIPLE = 512


def read_declared(texts: Iterable[str]) -> dict[str, Any]:
    """Read what `--input` says, each text one or more of key=value with commas between.

    Returns
    -------
    dict
        Of `channels` (int), `layout` (`first` or `last`), `size` (whole numbers, None for `any`), `multiple` (three),
        `spacing` (three numbers, z, y, x, or None), `window` (two, or None), `orientation` and `kind`, those that are
        said.

    Raises
    ------
    LungdbError
        A key is not known or stands twice, or its value makes no sense.
    """
    found: dict[str, Any] = {}
    for key, value in _pairs(texts, "--input"):
        if key not in _READERS:
            raise LungdbError(f"--input has no key '{key}'. Its keys are {', '.join(_READERS)}.")
        if key in found:
            raise LungdbError(f"--input says {key} twice. Say it once.")
        found[key] = _READERS[key](key, value)
    return found


def read_detects(texts: Iterable[str]) -> dict[str, Any]:
    """Read what `--detects` says: a form, and what is declared of it, as `networks.details` has it under `output`.

    A value is read as JSON where it is some, as a list where commas stand in it, and as a text otherwise.
    """
    first, *others = [text.strip() for text in texts]
    form, _, rest = first.partition(",")
    if "=" in form:
        raise LungdbError(f"--detects begins with '{form}'. Begin with a form, such as boxes, retinanet or heatmap.")
    pairs = _pairs([text for text in (rest, *others) if text], "--detects")
    return {"form": form, **{key: _value(value) for key, value in pairs}}


def read_gives(texts: Iterable[str]) -> dict[str, Any]:
    """Read what `--stage` says of a later stage's output: its form is a probability."""
    return {"form": "probability", **{key: _value(value) for key, value in _pairs(texts, "--stage")}}


def _pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        for part in re.split(r",(?=\s*[A-Za-z_]+=)", text):
            key, sign, value = part.partition("=")
            if not sign:
                raise LungdbError(f"{option} '{part}' is not understood. Write key=value, with commas between several.")
            found.append((key.strip(), value.strip()))
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return [_value(part) for part in text.split(",")] if "," in text else text


def _numbers(key: str, text: str, count: int, example: str, *, positive: bool = False) -> list[float] | None:
    if text == ANY:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(math.isfinite(each) and (each > 0 or not positive) for each in numbers):
        raise LungdbError(f"--input {key}={text} is not understood. Write it like {key}={example}, or {key}={ANY}.")
    return numbers


def _spacing(key: str, text: str) -> list[float] | None:
    return _numbers(key, text, 3, "1,1,1 (millimetres between slices, rows, columns)", positive=True)


def _window(key: str, text: str) -> list[float] | None:
    ends = _numbers(key, text, 2, "-1000,400 (Hounsfield units that become 0 and 1)")
    if ends is not None and ends[0] >= ends[1]:
        raise LungdbError(f"--input {key}={text} ends below where it begins. Write the lower end first.")
    return ends


def _size(key: str, text: str) -> list[int | None]:
    parts = [None if part == ANY else _whole(part) for part in text.split(",")]
    if len(parts) not in (2, 3) or not all(part is None or part >= 1 for part in parts):
        raise LungdbError(
            f"--input {key}={text} is not understood. Write whole numbers, slices first, like {key}=96,96,96; "
            f"{ANY} for a side that scans decide."
        )
    return parts


def _multiple(key: str, text: str) -> list[int]:
    parts = [_whole(part) for part in text.split(",")]
    if len(parts) not in (1, 3) or not all(1 <= part <= _MOST_MULTIPLE for part in parts):
        raise LungdbError(f"--input {key}={text} is not understood. Write what free sides are a multiple of: {key}=32.")
    return parts * (3 // len(parts))


def _channels(key: str, text: str) -> int:
    if _whole(text) < 1:
        raise LungdbError(f"--input {key}={text} is not understood. Write how many channels, such as {key}=1.")
    return _whole(text)


def _layout(key: str, text: str) -> str:
    if text not in ("first", "last"):
        raise LungdbError(f"--input {key}={text} is not supported. Channels stand first or last.")
    return text


def _orientation(key: str, text: str) -> str:
    letters = text.upper()
    if len(letters) != 3 or sorted(_axis(letter) for letter in letters) != [0, 1, 2]:
        raise LungdbError(
            f"--input {key}={text} is not understood. Write where indices rise to along slices, rows and columns, one "
            f"of L or R, P or A, S or I each, such as {key}=SPL."
        )
    return letters


def _axis(letter: str) -> int:
    return next((place for place, ends in enumerate(_ORIENTATIONS) if letter in ends), -1)


def _kind(key: str, text: str) -> str:
    return text


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


_READERS: dict[str, Callable[[str, str], Any]] = {
    "channels": _channels,
    "layout": _layout,
    "size": _size,
    "multiple": _multiple,
    "spacing": _spacing,
    "window": _window,
    "orientation": _orientation,
    "kind": _kind,
}
