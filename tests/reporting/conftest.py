"""A database with trained models of every kind that a report must show, and a reader of pages."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lungdb.cli import report
from lungdb.database import Connection, connect, install, run
from tests.models.conftest import fill, target_of, vectors_and_labels

WIDTH = 8
PATIENTS = 90
HOSTILE = """<script>alert("100%")</script> & 'co'"""

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


@pytest.fixture(scope="session")
def trained_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety patients; LightGBM with folds (version 1, champion) and hold-out (2); a logistic with a hostile name."""
    file = tmp_path_factory.mktemp("report") / "lung_cancer_database.db"
    with closing(connect(target_of(file))) as connection:
        install(connection)
        fill(connection, *vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=9), WIDTH)
        run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        run(connection, "EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @Calibration = N'none';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Algorithm = N'logistic';", (HOSTILE,))
    return file


@pytest.fixture(scope="session")
def unchanged(trained_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Give a function that reports on the database as it is, each model once."""
    folder = tmp_path_factory.mktemp("pages")

    @functools.cache
    def call(*arguments: str) -> Page:
        return make_page(trained_file, folder / "report.html", *arguments)

    return call


@pytest.fixture
def file(trained_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(trained_file, tmp_path))


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    """A connection to the copy."""
    with closing(connect(target_of(file))) as connection:
        yield connection


@pytest.fixture
def make(file: Path, tmp_path: Path) -> Report:
    """Give a function that runs the command on the copy, with more arguments, and reads the page."""

    def call(*arguments: str) -> Page:
        return make_page(file, tmp_path / "out" / "report.html", *arguments)

    return call
