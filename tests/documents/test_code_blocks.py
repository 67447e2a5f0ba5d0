"""Every code block of the documentation says whether it is run; those that say so run, others only parse."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.database import connect, run_script
from tests.documents import prepared
from tests.sql.gates.dotnet import NO_RUNTIME, ROOT, has_runtime_wheel
from tests.sql.gates.parser import parse
from tests.support.code_blocks import CodeBlock, code_blocks
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import Archive

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [block for page in PAGES for block in code_blocks(page)]
RUN = sorted({block.page for block in BLOCKS if block.mark in ("run", "run as Python")})
SLOW = {
    "arrival.md", "evaluation.md", "explaining.md", "install-sql-server.md", "loading.md", "operations.md",
    "preprocessing.md", "questions.md", "report.md", "training.md", "tutorial.md",
}  # fmt: skip
"""Pages that take more than a few seconds."""
PARSED = [block for block in BLOCKS if block.mark and block.mark.startswith("parsed")]
HOW = (
    "Write one of these on a line of its own before the block, with an empty line between: <!-- run -->, "
    "<!-- run as Python -->, "
    "<!-- parsed: why it is not run --> for T-SQL that Microsoft's parser alone reads, <!-- not run: why -->."
)


def _name(block: CodeBlock) -> str:
    return f"{block.page}:{block.line}"


def test_every_code_block_says_whether_it_is_run() -> None:
    """By the comment before it."""
    unmarked = [f"{_name(block)}: {block.lines[0]}" for block in BLOCKS if block.mark is None]
    assert not unmarked, "\n".join([*unmarked, HOW])


@pytest.fixture(scope="module")
def documented_file(done_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the whole job with the networks, data sets and models that pages name."""
    return prepared.fill(tmp_path_factory.mktemp("documented"), done_file)


@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in RUN])
def test_the_code_of_a_page_runs_in_its_order(
    page: str,
    documented_file: Path,
    installed_file: Path,
    sql_only_file: Path,
    archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a small database that has what the page speaks of; that of loading is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUNGDB_ID_KEY", "a secret of the site, long enough")
    target = target_of(copy_to(tmp_path, installed_file if page == "loading.md" else documented_file))
    prepared.prepare(page, target, archive.scans, archive.labels, sql_only_file)
    monkeypatch.setenv("LUNGDB_DATABASE", target)
    names: dict[str, object] = {}
    for block in (block for block in BLOCKS if block.page == page and block.mark in ("run", "run as Python")):
        for kind, text in block.steps():
            try:
                if kind == "sql":
                    with closing(connect(target)) as connection:
                        run_script(connection, text)
                elif kind == "python":
                    exec(compile(text, _name(block), "exec"), names)
                else:
                    _command(text, target)
            except Exception as error:
                raise AssertionError(f"{_name(block)}: {text}\n{error}") from error


def _command(line: str, target: str) -> None:
    """Run a line of a shell: a lungdb command in this process, another Python program in its own."""
    words = shlex.split(line, comments=True)
    places = {"TARGET": target, "OTHER": "sqlite:///other.db", "$TARGET": target}
    words = [places.get(word, word) for word in words]
    if words[0] == "lungdb":
        assert main(words[1:]) == 0
    else:
        subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True)


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
@pytest.mark.parametrize("block", PARSED, ids=_name)
def test_t_sql_that_only_sql_server_runs_is_parsed_by_microsofts_parser(block: CodeBlock) -> None:
    """Of 2017, which knows no external language: those statements are left out, as sql/ keeps them in strings."""
    text = re.sub(r"^(?:CREATE|DROP|ALTER) EXTERNAL LANGUAGE\b[^;]*;|^GRANT .* ON EXTERNAL LANGUAGE\b[^;]*;", "",
                  "\n".join(block.lines), flags=re.MULTILINE)  # fmt: skip
    assert text.strip()
    assert parse(text).faults == []
