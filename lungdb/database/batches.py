"""Scripts to batches, at their GO lines."""

from __future__ import annotations

import re

_MARK = re.compile(r"--[^\n]*|/\*|'|\"|\[|^[ \t]*GO(?:[ \t]+(?P<count>\d+))?[ \t]*(?:--[^\n]*)?$", re.I | re.M)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_CLOSING = {"'": "'", '"': '"', "[": "]"}


def split_batches(text: str) -> list[tuple[str, int]]:
    """Split a script at lines that hold GO, as sqlcmd does.

    GO inside a string, quoted name or comment is text. ``GO 5`` gives the batch before it five times. Batches without
    anything but white space are left out.

    Returns
    -------
    list of (str, int)
        Each batch and the line of the script, from 1, that it begins on.
    """
    text = text.replace("\r\n", "\n")
    batches: list[tuple[str, int]] = []
    start = position = 0
    line = 1
    while match := _MARK.search(text, position):
        mark = match.group()
        if mark == "/*":
            position = _comment_end(text, match.start())
        elif mark in _CLOSING:
            closing = text.find(_CLOSING[mark], match.end())
            position = len(text) if closing < 0 else closing + 1
        elif mark.startswith("--"):
            position = match.end()
        else:
            _append(batches, text[start : match.start()], line, int(match["count"] or 1))
            position = min(match.end() + 1, len(text))
            line += text.count("\n", start, position)
            start = position
    _append(batches, text[start:], line, 1)
    return batches


def _append(batches: list[tuple[str, int]], batch: str, line: int, count: int) -> None:
    if batch.strip():
        batches.extend([(batch, line)] * count)


def _comment_end(text: str, position: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
