"""A reader of the pages that `lungdb report` writes."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from lungdb.cli import report
from tests.support.databases import target_of

Report = Callable[..., "Page"]


class Page(HTMLParser):
    """A parsed page: its tags, its text, the figures by part and metric, and the rows of tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.cells: dict[tuple[str | None, str | None], tuple[str, float | None]] = {}
        self.rows: list[list[str]] = []
        self._cell: tuple[str | None, str | None] | None = None
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """Everything that is read, in one line."""
        return " ".join(" ".join(self.words).split())

    def images(self) -> list[dict[str, str | None]]:
        """The attributes of the pictures."""
        return [attributes for tag, attributes in self.tags if tag == "img"]

    def row(self, first: str) -> list[str]:
        """The only table row that begins so, without its first cell."""
        (found,) = [row[1:] for row in self.rows if row[:1] == [first]]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; a cell of a figure and a row begin."""
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._cell = (attributes["data-part"], attributes["data-metric"]) if "data-metric" in attributes else None
            if self._cell:
                assert self._cell not in self.cells
                self.cells[self._cell] = ("", None)
        elif tag == "data" and self._cell:
            self.cells[self._cell] = ("", float(attributes["value"] or "nan"))

    def handle_data(self, data: str) -> None:
        """Note text, and which cell it is in."""
        if self.tags and self.tags[-1][0] == "style":
            return
        self.words.append(data)
        if self.lasttag in ("td", "th", "data", "code") and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data
        if self._cell:
            self.cells[self._cell] = (self.cells[self._cell][0] + data, self.cells[self._cell][1])

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag == "td":
            self._cell = None
        if tag == "table":
            self.rows.append([])


def make_page(file: Path, page: Path, *arguments: str) -> Page:
    """Run the command on a database file and read what it wrote."""
    assert report.main(["-d", target_of(file), "-o", str(page), *arguments]) == 0
    return Page(page.read_text(encoding="utf-8"))
