"""The patterns of LIKE and PATINDEX, matched in a time that grows with the length of the text alone.

A pattern is parted at its ``%``. The first part must stand at the beginning, the last at the end, and each of the
others behind the one before it; where it stands first is as good as anywhere, so nothing is ever tried again. A part
without wildcards is found as text, any other by following all of its beginnings at once, a bit for each (the Shift-And
algorithm: Baeza-Yates and Gonnet, "A new approach to text searching", 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from lungdb.embedded.values.collation import fold_width, sort_key
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import refused

_LONGEST = 4000


def fold_case(text: str) -> str:
    """Return the text without case and width; positions stay."""
    text = fold_width(text)
    folded = text.casefold()
    # Folding never makes a text shorter, so one of the same length has no character that became two.
    if len(folded) == len(text):
        return folded
    return "".join(each.casefold() if len(each.casefold()) == 1 else each for each in text)


@dataclass(frozen=True)
class CharacterSet:
    """``[a-f_]`` or ``[^a-f]``; a range holds what sorts between its ends."""

    singles: frozenset[str]
    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def __contains__(self, character: str) -> bool:
        """Tell whether a character without case is in it."""
        place = sort_key(character) if self.ranges else ("", "")
        found = character in self.singles or any(
            sort_key(first) <= place <= sort_key(last) for first, last in self.ranges
        )
        return found is not self.negated


Element = str | CharacterSet | None
"""A character, a set, or None for ``_``."""


class Part:
    """What stands between two ``%``."""

    def __init__(self, elements: tuple[Element, ...]) -> None:
        self.elements = elements
        self._masks: dict[str, int] = {}

    @cached_property
    def text(self) -> str | None:
        """The part as text, None where it has wildcards."""
        return "".join(map(str, self.elements)) if all(isinstance(each, str) for each in self.elements) else None

    def stands_at(self, text: str, start: int) -> bool:
        """Tell whether the part stands at a position of a text without case that is long enough."""
        found = self.text
        if found is not None:
            return text.startswith(found, start)
        return all(_fits(each, text[start + place]) for place, each in enumerate(self.elements))

    def find(self, text: str, start: int, end: int) -> int:
        """Return where the part stands first between two positions, or -1."""
        found = self.text
        if found is not None:
            return text.find(found, start, end)
        last = 1 << (len(self.elements) - 1)
        state = 0
        for place in range(start, end):
            state = (state << 1 | 1) & self._mask(text[place])
            if state & last:
                return place - len(self.elements) + 1
        return -1

    def _mask(self, character: str) -> int:
        """Return the elements that a character fits, a bit for each."""
        mask = self._masks.get(character)
        if mask is None:
            mask = sum(1 << place for place, each in enumerate(self.elements) if _fits(each, character))
            self._masks[character] = mask
        return mask


def _fits(element: Element, character: str) -> bool:
    if isinstance(element, CharacterSet):
        return character in element
    return element is None or element == character


@dataclass(frozen=True)
class Pattern:
    """A pattern: its parts, of which neighbours have a ``%`` between them; None for one that matches nothing."""

    parts: tuple[Part, ...] | None

    def position(self, text: str) -> int:
        """Return where the first part that is not empty stands in a text that matches as a whole, or -1."""
        if self.parts is None:
            return -1
        text = fold_case(text)
        first, *middle = self.parts
        last = middle.pop() if middle else None
        length = len(text)
        if last is None:
            return 0 if length == len(first.elements) and first.stands_at(text, 0) else -1
        end = length - len(last.elements)
        at = len(first.elements)
        if at > end or not first.stands_at(text, 0) or not last.stands_at(text, end):
            return -1
        found = 0 if first.elements else -1
        for part in middle:
            place = part.find(text, at, end)
            if place < 0:
                return -1
            found = place if found < 0 else found
            at = place + len(part.elements)
        return end if found < 0 else found


@lru_cache(maxsize=512)
def read_pattern(pattern: str, escape: str | None) -> Pattern:
    """Read a pattern: ``%``, ``_``, ``[a-f]``, ``[^a-f]`` and an escape character.

    Raises
    ------
    SqlError
        506 for an escape that is not one character; a refusal of a pattern that is too long.
    """
    if escape is not None and len(escape) != 1:
        raise numbered_error(506, escape=escape)
    if len(pattern) > _LONGEST:
        raise refused(f"A pattern of {len(pattern)} characters", f"Use at most {_LONGEST}, or CHARINDEX.")
    parts: list[list[Element]] = [[]]
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        if character == escape and index < len(pattern):
            parts[-1].append(fold_case(pattern[index]))
            index += 1
        elif character == "%":
            if parts[-1] or len(parts) == 1:
                parts.append([])
        elif character == "_":
            parts[-1].append(None)
        elif character == "[":
            end = pattern.find("]", index + 1)
            if end < 0:
                # A set that is not closed matches nothing.
                return Pattern(None)
            parts[-1].append(_character_set(pattern[index:end]))
            index = end + 1
        else:
            parts[-1].append(fold_case(character))
    return Pattern(tuple(Part(tuple(each)) for each in parts))


def _character_set(content: str) -> CharacterSet:
    negated = content.startswith("^") and len(content) > 1
    content = fold_case(content[1:] if negated else content)
    singles: set[str] = set()
    ranges: list[tuple[str, str]] = []
    index = 0
    while index < len(content):
        if content[index + 1 : index + 2] == "-" and index + 2 < len(content):
            ranges.append((content[index], content[index + 2]))
            index += 3
        else:
            singles.add(content[index])
            index += 1
    return CharacterSet(frozenset(singles), tuple(ranges), negated)
