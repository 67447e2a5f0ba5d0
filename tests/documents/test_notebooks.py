"""Every notebook runs from a clean kernel in an empty folder; its own cells compare its figures with others."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICK: set[str] = set()
"""Notebooks that take a few seconds; the others are slow."""
KILOBYTES = 60
"""The most that a notebook may have."""
FIRST = """\
# A hosted notebook lacks lungdb, which is not on PyPI: put a copy of its repository there. SOURCE is that folder.
import importlib.util

if importlib.util.find_spec("lungdb") is None:
    SOURCE = ".."
    %pip install -q "{SOURCE}[cpu,load,export,notebooks]\""""
MACHINE_PATHS = re.compile(r"/(home|root|tmp|work|Users|mnt|opt|var)/|[A-Z]:\\\\")
RUN = [pytest.param(file, marks=() if file.stem in QUICK else pytest.mark.slow) for file in NOTEBOOKS]
EACH = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def _read(file: Path) -> NotebookNode:
    return nbformat.read(file, as_version=4)


def _code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def _execute(notebook: NotebookNode, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all cells with the kernel of this Python, without the settings of whoever runs the tests."""
    for name in ("LUNGDB_DATABASE", "LUNGDB_ID_KEY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(folder / name.lower()))
    (folder / "empty").mkdir()
    resources = {"metadata": {"path": str(folder / "empty")}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    assert list((folder / "empty").iterdir()) == [], "a notebook leaves nothing where it is opened"


@pytest.mark.parametrize("file", RUN, ids=lambda file: file.stem)
def test_a_notebook_runs_from_a_clean_kernel(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, as somebody would run it who has just opened it; its assert cells hold."""
    _execute(_read(file), tmp_path, monkeypatch)


def test_a_figure_that_is_wrong_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's errors are the test's."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("assert 1 + 1 == 3, 'two'")])
    with pytest.raises(CellExecutionError, match="two"):
        _execute(notebook, tmp_path, monkeypatch)


@EACH
def test_a_notebook_is_valid_and_small(file: Path) -> None:
    """By nbformat's own schema; for the kernel python3, without outputs, which go stale."""
    notebook = _read(file)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert file.stat().st_size < KILOBYTES * 1024
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), "clear the outputs"


@EACH
def test_a_notebook_begins_with_what_a_hosted_one_lacks(file: Path) -> None:
    """The same cell everywhere, after a title; it installs nothing where lungdb is there."""
    notebook = _read(file)
    assert notebook.cells[0].source.startswith("# ")
    assert _code(notebook)[0] == FIRST


@EACH
def test_a_notebook_names_no_path_of_a_machine(file: Path) -> None:
    """Neither in code nor in text."""
    assert not MACHINE_PATHS.search(file.read_text(encoding="utf-8"))


@EACH
def test_a_notebook_asserts_its_figures(file: Path) -> None:
    """At least three times: what it shows is compared with what somebody else computes."""
    trees = [ast.parse(source) for source in _code(_read(file))[1:]]
    compared = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert len(compared) >= 3


def test_the_index_lists_every_notebook() -> None:
    """docs/notebooks.md has a row for each, and names no other."""
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"\w+\.ipynb", page))) == [file.name for file in NOTEBOOKS]
