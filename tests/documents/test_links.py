"""Links between the pages of this repository lead somewhere, by GitHub's rule for the anchors of headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.sql.gates.dotnet import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "sql/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
]
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(
    r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)"
)
_DEFINED = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s+\"[^\"]*\")?\s*$", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_NAMED = re.compile(r"<a\s+(?:name|id)=\"([^\"]+)\"")


def _anchors(text: str) -> set[str]:
    """Give the anchors of a page: letters and digits in small, blanks as hyphens; those that are twice are numbered."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        number = found.get(slug, -1) + 1
        found[slug] = number
        if number:
            found[f"{slug}-{number}"] = 0
    return {*found, *_NAMED.findall(text)}


def _links(text: str) -> Iterator[str]:
    """Yield what a page links to; what is shown as code is no link."""
    shown = "\n".join(line for line in _FENCE.sub("", text).splitlines() if not line.startswith(("    ", "\t")))
    shown = _CODE.sub("`", shown)
    for pattern in (_LINK, _DEFINED):
        yield from pattern.findall(shown)


def _broken(page: Path, root: Path) -> list[str]:
    """Give the links of a page that lead to no file or folder of the repository, or to no heading of it."""
    broken = []
    for link in _links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z][a-z+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        path = (page.parent / unquote(name)).resolve() if name else page
        is_there = path.is_relative_to(root) and path.exists()
        if is_there and anchor:
            is_there = path.suffix == ".md" and unquote(anchor) in _anchors(path.read_text(encoding="utf-8"))
        if not is_there:
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """Those within the repository; addresses of others are not asked for."""
    assert _broken(page, ROOT) == []


def test_there_are_links() -> None:
    """To pages and to headings: the test above looks at something."""
    links = [link for page in PAGES for link in _links(page.read_text(encoding="utf-8"))]
    assert len([link for link in links if link.endswith(".md")]) > 50
    assert [link for link in links if ".md#" in link]


def test_broken_links_are_found(tmp_path: Path) -> None:
    """No such file, no such heading, a file outside of the repository; code, addresses and what is there are not."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text(
        '# The `code` (and, punctuation)!\n## Twice\n## Twice\n## Größe_x\n\n```\n# shown\n```\n<a name="own"></a>\n',
        encoding="utf-8",
    )
    good = [
        "docs/other.md", "docs", "docs/other.md#the-code-and-punctuation", "docs/other.md#twice", "docs/other.md#own",
        "docs/other.md#twice-1", "docs/other.md#größe_x", "#here", "https://example.org/none.md#x", "mailto:a@b.c",
    ]  # fmt: skip
    bad = [
        "docs/none.md", "docs/other.md#twice-2", "docs/other.md#The-code", "docs/other.md#shown", "#there",
        "../outside.md", "docs#twice",
    ]  # fmt: skip
    page = tmp_path / "page.md"
    text = "# Here\n" + "".join(f"Look [at `it`]({link}), and\n" for link in [*good, *bad])
    text += (
        '`[no](link.md)` ``[no](`link.md)``\n\n    [no](link.md)\n\n[defined]: none.md\n![picture](none.png "title")\n'
    )
    page.write_text(text, encoding="utf-8")
    assert sorted(_broken(page, tmp_path)) == sorted([*bad, "none.md", "none.png"])
