"""The manual as a site: every page has a place in it, and what is made of the code leaves nothing out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

import lungdb.client
from lungdb.cli.main import COMMANDS
from lungdb.errors import ErrorNumber

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql"
MADE = {"commands.md", "procedures.md", "tables.md", "errors.md", "python.md"}
BESIDE = {"about.md", "changes.md", "contributing.md", "sql.md"}
COUNTED = ("h1", "li", "ol", "ul", "pre", "table", "tr", "td", "h2", "h3")
LOADS = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "link": "href",
    "audio": "src",
    "video": "src",
}


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose tags name functions."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def _pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages(each)


def test_every_page_of_docs_has_a_place_in_the_manual() -> None:
    """Write a new page into the part `nav` of mkdocs.yml, where its readers look for it."""
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=_Loader)
    named = list(_pages(settings["nav"]))
    docs = {path.name for path in (ROOT / "docs").glob("*.md")}
    missing = sorted(docs - set(named))
    assert not missing, f"Write them into nav of mkdocs.yml: {', '.join(missing)}"
    assert sorted(named) == sorted(docs | MADE | BESIDE)
    assert settings["theme"]["font"] is False


def test_every_page_of_docs_is_reached_from_the_first() -> None:
    """By links, in one step or several: who reads on GitHub has no navigation."""
    links = {
        path.name: set(re.findall(r"\]\(([\w-]+\.md)", path.read_text(encoding="utf-8")))
        for path in (ROOT / "docs").glob("*.md")
    }
    found, new = set(), {"index.md"}
    while new:
        found |= new
        new = {link for page in new for link in links[page]} - found
    missing = sorted(links.keys() - found)
    assert not missing, f"Link to them from a page that fits, such as docs/index.md: {', '.join(missing)}"


class _Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self._is_text = False
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag refers to."""
        given = dict(attrs)
        self._is_text = self._is_text or tag == "article"
        self.counts[tag] += self._is_text
        self.anchors |= {value for value in (given.get("id"), given.get("name")) if value}
        if tag == "a" and given.get("href") is not None:
            self.links.append(str(given["href"]))
        is_address = tag == "link" and given.get("rel") in ("canonical", "next", "prev", "alternate")
        if tag in LOADS and given.get(LOADS[tag]) and not is_address:
            self.loads.append(str(given[LOADS[tag]]))

    def handle_endtag(self, tag: str) -> None:
        """End the text of the page."""
        self._is_text = self._is_text and tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, _Page]:
    """The pages of the site, as `make docs` builds it."""
    pytest.importorskip("material", reason="MkDocs Material is not installed: the extra docs")
    folder = tmp_path_factory.mktemp("manual")
    built = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_manual.py"), "--site", str(folder)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return {
        path.relative_to(folder).as_posix(): _Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }


@pytest.mark.slow
def test_the_site_has_every_page_and_its_links_lead_somewhere(site: dict[str, _Page]) -> None:
    """To pages, and to headings of them; every page of docs has one."""
    assert {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")} <= site.keys()
    broken = []
    for name, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("/"):
                continue
            to = (Path(name).parent / unquote(parts.path)).as_posix() if parts.path else name
            to = "index.html" if to in (".", "./") else to
            if to not in site or (parts.fragment and unquote(parts.fragment) not in site[to].anchors):
                broken.append(f"{name}: {link}")
    assert broken == []


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_reads_as_on_github(page: Path, site: dict[str, _Page]) -> None:
    """As many items, code blocks, tables, rows and headings as a reader of CommonMark finds in the file itself."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    expected = _Page(f"<article>{markdown.render(page.read_text(encoding='utf-8'))}</article>").counts
    found = site[f"{page.stem}.html"].counts
    assert {tag: found[tag] for tag in COUNTED} == {tag: expected[tag] for tag in COUNTED}
    assert expected["h1"] == 1


@pytest.mark.slow
def test_a_page_loads_nothing_from_elsewhere(site: dict[str, _Page]) -> None:
    """No font, style, script or picture: it can be read where there is no Internet."""
    elsewhere = [(name, each) for name, page in site.items() for each in page.loads if urlsplit(each).netloc]
    assert elsewhere == []
    assert all(page.loads for page in site.values())


@pytest.mark.slow
def test_procedures_tables_commands_and_errors_all_have_an_entry(site: dict[str, _Page]) -> None:
    """Public procedures with each parameter, tables with each column, commands, the client's classes, numbers."""
    public = {path.stem for path in SQL.glob("procedures/*/*.sql")}
    assert {name.lower() for name in public} <= site["procedures.html"].anchors
    stored = {path.stem for kind in ("tables", "views") for path in (SQL / kind).glob("*.sql")}
    assert stored <= site["tables.html"].anchors
    assert {f"lungdb-{name}" for name in COMMANDS} <= site["commands.html"].anchors
    assert {name.lower() for name in lungdb.client.__all__} <= site["python.html"].anchors
    made = ROOT / "build" / "manual"
    procedures = (made / "procedures.md").read_text(encoding="utf-8")
    for path in SQL.glob("procedures/*/*.sql"):
        text = path.read_text(encoding="utf-8")
        declared = re.findall(r"^    (@\w+) ", text.partition("\nAS\n")[0], re.M)
        entry = procedures.partition(f"### {path.stem}\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(@\w+)` \|", entry, re.M) == declared, path.name
    tables = (made / "tables.md").read_text(encoding="utf-8")
    for path in (SQL / "tables").glob("*.sql"):
        entry = tables.partition(f"### {path.stem}\n")[2].partition("\n### ")[0]
        declared = re.findall(r"^    ([a-z]\w*) [A-Z]", path.read_text(encoding="utf-8"), re.M)
        assert re.findall(r"^\| `(\w+)` \|", entry, re.M) == declared, path.name
    numbers = re.findall(r"^\| (\d+) \|", (made / "errors.md").read_text(encoding="utf-8"), re.M)
    assert {int(number) for number in numbers} >= set(ErrorNumber)
