"""T-SQL syntax trees as plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """A token: ScriptDom's name of its type, its text, and its line from 1."""

    kind: str
    text: str
    line: int

    @property
    def is_code(self) -> bool:
        """Whether it is more than white space and comment."""
        return self.kind not in {"WhiteSpace", "SingleLineComment", "MultilineComment"}


@dataclass
class Node:
    """A fragment of T-SQL.

    Attributes
    ----------
    kind : str
        ScriptDom's class, for example ``SelectStatement``.
    bases : frozenset of str
        The classes it derives from, itself included.
    line : int
        The line it starts on, from 1.
    first, last : int
        Its first and last token, as places in ``Script.tokens``.
    values : dict
        Its scalar properties by ScriptDom's names; enumerations as text.
    parts : dict
        Its parts by ScriptDom's names, in the order of ScriptDom's properties.
    """

    kind: str
    bases: frozenset[str]
    line: int
    first: int
    last: int
    values: dict[str, str | int | bool] = field(default_factory=dict)
    parts: dict[str, list[Node]] = field(default_factory=dict)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for children in self.parts.values():
            for child in children:
                yield from child.walk()

    def find(self, kind: str) -> Iterator[Node]:
        """Yield the nodes of a class or of one derived from it."""
        return (node for node in self.walk() if kind in node.bases)

    def part(self, name: str) -> Node | None:
        """Return the part of that name, or None where there is none."""
        children = self.parts.get(name, [])
        return children[0] if children else None

    def text(self, name: str) -> str:
        """Return a property as text, empty where it has none."""
        return str(self.values.get(name, ""))


@dataclass(frozen=True)
class SyntaxFault:
    """An error of the parser: line from 1, number and text as SQL Server gives them."""

    line: int
    number: int
    message: str


@dataclass
class Script:
    """A parsed file: its tokens, a tree a batch, and the first fault of each batch that has one."""

    tokens: list[Token]
    batches: list[Node]
    faults: list[SyntaxFault]

    def walk(self) -> Iterator[Node]:
        """Yield every node of every batch."""
        for batch in self.batches:
            yield from batch.walk()

    def find(self, kind: str) -> Iterator[Node]:
        """Yield the nodes of a class or of one derived from it."""
        return (node for node in self.walk() if kind in node.bases)

    def source(self, node: Node) -> str:
        """Return the text of a node."""
        return "".join(token.text for token in self.tokens[node.first : node.last + 1])
