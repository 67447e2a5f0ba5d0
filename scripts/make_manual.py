"""Build the manual as a site: the pages of docs/, and a reference made of the code, by MkDocs Material.

What is made lies in build/manual, the site in site/ or where --site says; neither is committed. mkdocs.yml has the
navigation.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from manual_reference import reference_pages

from lungdb.cli.support import exit_status
from lungdb.errors import LungdbError

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "manual"
BESIDE = {
    "README.md": "about.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "sql/README.md": "sql.md",
}
"""Pages outside of docs/, and their names in the manual."""
STYLE = """\
.md-grid { max-width: 72rem; }
.md-typeset table:not([class]) code { white-space: nowrap; }
.md-typeset h3 { margin-top: 2.4em; }
"""
"""Wide tables of long names are what this manual has most of."""

_MARK = re.compile(r"( *)<!-- (?:run|run as Python|parsed: .+|not run: .+) -->")
_ITEM = re.compile(r"( *)([-*+]|\d+\.) +(?=\S)")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_SHELL = re.compile(r"^\s*(lungdb|python|py|make|sudo|pip|apt-get|docker|cp|sqlcmd|storescp|curl|export|journalctl) ")
_SQL = re.compile(r"\b(EXECUTE|SELECT|DECLARE|ALTER|CREATE|INSERT|UPDATE|GRANT|RECONFIGURE|BACKUP)\b")


def main() -> int:
    """Build; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "site", help="where the site goes (default: site)")
    arguments = parser.parse_args()
    if find_spec("material") is None:
        raise LungdbError('The manual is built by MkDocs Material. Run: pip install "lungdb[docs]"')
    write_pages()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(arguments.site.resolve())]
    # Without this Material prints news of its makers.
    built = subprocess.run(command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})  # noqa: S603  our own command
    if built.returncode:
        raise LungdbError("The manual was not built; what MkDocs found is above. mkdocs.yml names every page of docs/.")
    print(f"The manual is in {arguments.site}: open index.html there, or serve the folder.")
    return 0


def write_pages() -> None:
    """Write what MkDocs reads."""
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(parents=True)
    sources = {path: path.name for path in sorted((ROOT / "docs").glob("*.md"))}
    sources |= {ROOT / name: page for name, page in BESIDE.items()}
    for path, page in sources.items():
        text = path.read_text(encoding="utf-8")
        (PAGES / page).write_text(_linked(_for_mkdocs(text), path, sources), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "figures", PAGES / "figures", ignore=shutil.ignore_patterns("*.csv"))
    (PAGES / "manual.css").write_text(STYLE, encoding="utf-8")
    for page, text in reference_pages(ROOT).items():
        (PAGES / page).write_text(text, encoding="utf-8")


def _linked(text: str, source: Path, pages: dict[Path, str]) -> str:
    """Let links lead to the pages of the manual; those to other files of the repository become their text."""

    def replaced(found: re.Match[str]) -> str:
        name, _, anchor = found[2].partition("#")
        if re.match(r"[a-z][a-z+.-]*:", found[2]) or not name:
            return found[0]
        page = pages.get((source.parent / name).resolve())
        return found[1] if page is None else f"[{found[1]}]({page}{'#' if anchor else ''}{anchor})"

    return _LINK.sub(replaced, text)


def _for_mkdocs(text: str) -> str:
    """Write what GitHub and Python-Markdown read otherwise so that both mean the same.

    Code blocks get fences with their language; lists an empty line before them, and what belongs to an item four
    blanks.
    """
    lines = text.splitlines()
    written: list[str] = []
    place = 0
    base = 0  # blanks before what belongs to the present item, 0 outside of a list
    is_loose = False  # the list has paragraphs or code of its own
    while place < len(lines):
        line = lines[place]
        mark = _MARK.fullmatch(line)
        item = _ITEM.match(line)
        if mark:
            block, place = _code_block(lines, place + 1, len(mark[1]))
            indent = " " * (4 if base and mark[1] else 0)
            is_loose = bool(indent)
            block = block if "picture" not in line and " list of " not in line else ["```text", *block[1:]]
            written += ["", *(f"{indent}{each}" if each else "" for each in block), ""]
            continue
        if item and len(item[1]) < 4:
            if written and written[-1].strip() and (is_loose or not base):
                written.append("")
            base = len(item[0])
            marker = item[0].strip()
            written.append(f"{marker:<4}{line[base:]}" if len(marker) < 4 else line)
        elif base and line.strip() and not line.startswith(" "):
            if written[-1].strip():
                written.append("")
            base, is_loose = 0, False
            written.append(line)
        elif base and line.startswith(" " * base):
            written.append(" " * 4 + line[base:])
        else:
            written.append(line)
        place += 1
    return "\n".join(written) + "\n"


def _code_block(lines: list[str], place: int, indent: int) -> tuple[list[str], int]:
    """Return the fenced block that follows a mark, and the place behind it; what has fences keeps them."""
    while place < len(lines) and not lines[place].strip():
        place += 1
    if place < len(lines) and lines[place].strip().startswith("```"):
        end = next(i for i in range(place + 1, len(lines)) if lines[i].strip().startswith("```"))
        return [line[indent:] for line in lines[place : end + 1]], end + 1
    end = place
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" " * (indent + 4))):
        end += 1
    block = [line[indent + 4 :] for line in lines[place:end]]
    while block and not block[-1].strip():
        block.pop()
    shown = "\n".join(block)
    language = (
        "shell" if _SHELL.match(shown) else "sql" if _SQL.search(shown) else "python" if "import " in shown else "text"
    )
    return [f"```{language}", *block, "```"], end


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
