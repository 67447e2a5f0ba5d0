"""The code blocks of a Markdown page, and the comment before each that says whether a test runs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"\s*<!-- (run|run as Python|parsed: .+|not run: .+) -->")
_ITEM = re.compile(r"(\s{0,3}(?:[-*+]|\d+\.)\s+)")
_COMMAND = re.compile(r"(?:lungdb|python) ")
_INDENT = 4


@dataclass(frozen=True)
class CodeBlock:
    """A block of a page.

    Attributes
    ----------
    page : str
        The page's name.
    line : int
        Of its first line, from 1.
    lines : tuple of str
        Its text without the indentation.
    mark : str or None
        What the comment before it says: ``run``, ``run as Python``, ``parsed: why it is not run``, ``not run: why``.
    """

    page: str
    line: int
    lines: tuple[str, ...]
    mark: str | None

    def steps(self) -> list[tuple[str, str]]:
        """Return its commands, each as ("command", text), the T-SQL between as ("sql", text); or ("python", all)."""
        if self.mark == "run as Python":
            return [("python", "\n".join(self.lines))]
        found: list[tuple[str, str]] = []
        for line in self.lines:
            if _COMMAND.match(line):
                found.append(("command", line))
            elif line.strip() and found and found[-1][0] == "sql":
                found[-1] = ("sql", f"{found[-1][1]}\n{line}")
            elif line.strip():
                found.append(("sql", line))
        return found


def code_blocks(path: Path) -> list[CodeBlock]:
    """Return the blocks of a page, whether fenced or indented, in their order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    blocks: list[CodeBlock] = []
    place = base = 0
    while place < len(lines):
        line = lines[place]
        item = _ITEM.match(line)
        if line.strip().startswith("```"):
            end = next(i for i in range(place + 1, len(lines)) if lines[i].strip().startswith("```"))
            blocks.append(_block(path, lines, place, place + 1, end))
            place = end
        elif _is_code(line, base) and (place == 0 or _ends_paragraph(lines[place - 1])):
            end = place
            while end < len(lines) and (not lines[end].strip() or _is_code(lines[end], base)):
                end += 1
            blocks.append(_block(path, lines, place, place, end))
            place = end - 1
        elif item:
            base = len(item.group(1))
        elif line[:1].strip():
            base = 0
        place += 1
    return blocks


def _is_code(line: str, base: int) -> bool:
    return line[: base + _INDENT] == " " * (base + _INDENT) and bool(line.strip())


def _ends_paragraph(line: str) -> bool:
    """Tell whether code may follow at once: an empty line, a heading and a comment are no paragraph that it goes on."""
    return not line.strip() or line.startswith("#") or line.strip().endswith("-->")


def _block(path: Path, lines: list[str], start: int, first: int, end: int) -> CodeBlock:
    """Make the block of lines first to end, whose mark stands on the nearest line above start that is not empty."""
    text = lines[first:end]
    while text and not text[-1].strip():
        text.pop()
    indent = min((len(line) - len(line.lstrip()) for line in text if line.strip()), default=0)
    above = next((line for line in reversed(lines[:start]) if line.strip()), "")
    mark = _MARK.fullmatch(above)
    return CodeBlock(path.name, first + 1, tuple(line[indent:] for line in text), mark.group(1) if mark else None)
