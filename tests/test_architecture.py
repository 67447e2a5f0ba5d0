"""The house's plan holds: who imports whom, how long a module may be, and what no file may say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lungdb"
MOST_LINES = 400
ENDS = {".py", ".sql", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".html", ".css", ".js", ""}

_BELOW = {"database", "dicom", "imaging", "networks", "learning", "phantoms", "reporting", "config"}

# The arrows of the plan. What is not here may not be imported; everybody may import errors.
MAY_IMPORT = {
    "errors": set(),
    "embedded": set(),
    "config": set(),
    "imaging": set(),
    "networks": {"imaging"},
    "learning": {"imaging"},
    "dicom": {"imaging"},
    "phantoms": {"imaging"},
    "procedures": {"imaging", "networks", "learning"},
    "database": {"embedded", "config"},
    "reporting": {"database"},
    "cli": _BELOW,
    "scripts": _BELOW | {"cli"},
    "web": _BELOW | {"cli"},
}
# Standard library and errors alone; the satellite hands rows to scripts as pandas data frames.
EMBEDDED_MAY_ALSO = {"pandas", "numpy"}


def _files() -> list[Path]:
    """Return the files that git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


MODULES = [path for path in _files() if path.suffix == ".py"]


def imports(text: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a module's text imports, wherever it does.

    Parameters
    ----------
    package : str
        The package that the module lies in, for relative imports.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def wrong_imports(part: str, text: str, package: str) -> list[str]:
    """Return the imports of other parts of lungdb that the plan does not allow a module of this part."""
    allowed = MAY_IMPORT[part] | {part, "errors"}
    names = [(line, name.split(".")) for line, name in imports(text, package)]
    return [
        f"line {line}: {'.'.join(name)}"
        for line, name in names
        if name[0] == "lungdb" and len(name) > 1 and name[1] not in allowed and name[1] != "__version__"
    ]


def _part(path: Path) -> str:
    inside = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT)
    return inside.parts[0].removesuffix(".py")


def _package(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


PLANNED = [
    path
    for folder in (PACKAGE, ROOT / "scripts", ROOT / "web")
    for path in MODULES
    if path.is_relative_to(folder) and path != PACKAGE / "__init__.py"
]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_part_of_the_package_is_in_the_plan() -> None:
    """A new folder is a design question: it gets its arrows here before it gets code."""
    parts = {_part(path) for path in MODULES if path.is_relative_to(PACKAGE)} - {"__init__"}
    assert parts <= MAY_IMPORT.keys()


@pytest.mark.parametrize("path", PLANNED, ids=_name)
def test_a_module_imports_only_what_the_plan_allows(path: Path) -> None:
    """The arrows of the plan, over the real imports, those inside functions too."""
    assert wrong_imports(_part(path), path.read_text(encoding="utf-8"), _package(path)) == []


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("procedures", "from lungdb.database import connect"),
        ("procedures", "def f():\n    import lungdb.config"),
        ("networks", "from lungdb import embedded"),
        ("dicom", "from ..database import run"),
        ("database", "from lungdb.networks.entry import network_details"),
        ("embedded", "import lungdb.imaging.codecs"),
    ],
)
def test_a_wrong_arrow_is_found(part: str, line: str) -> None:
    """Every way to write an import is seen."""
    assert len(wrong_imports(part, line, f"lungdb.{part}")) == 1


def test_only_the_commands_that_start_the_web_page_import_it() -> None:
    """The toolkit works where Flask is not installed."""
    importers = {
        _name(path)
        for path in PLANNED
        if not path.is_relative_to(ROOT / "web")
        and any(
            name.partition(".")[0] == "web" for _, name in imports(path.read_text(encoding="utf-8"), _package(path))
        )
    }
    assert importers <= {"lungdb/cli/serve.py", "lungdb/cli/accounts.py", "lungdb/cli/demo.py"}


def test_the_embedded_engine_needs_the_standard_library_alone() -> None:
    """A newcomer's engine installs nothing; only the satellite, which runs scripts, has pandas."""
    foreign = {
        f"{_name(path)}: {name}"
        for path in PLANNED
        if _part(path) == "embedded"
        for _, name in imports(path.read_text(encoding="utf-8"), _package(path))
        if (top := name.partition(".")[0]) not in sys.stdlib_module_names
        and top != "lungdb"
        and not (top in EMBEDDED_MAY_ALSO and path.stem.startswith("satellite"))
    }
    assert foreign == set()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_short(path: Path) -> None:
    """A module says one thing in at most 400 lines."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES


# Each in two pieces, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a folder that users lack": re.compile(r"\.\./" + r"shared|(?<![\w.~])/wo" + r"rk\b"),
    "pickle, which runs what it reads": re.compile(r"\bimport pic" + r"kle|\bfrom pic" + r"kle|pic" + r"kle\.load"),
    "an array file that may hold objects": re.compile(r"allow_pic" + r"kle\s*=\s*True"),
}


def forbidden(text: str) -> list[str]:
    """Return what a file's text says that no file may say."""
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_no_file_says_what_is_forbidden() -> None:
    """No path of the makers' machines, no pickle."""
    texts = [path for path in _files() if path.suffix in ENDS]
    found = {_name(path): what for path in texts if (what := forbidden(path.read_text(encoding="utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "see .." + "/shared/design",
        "open('/wo" + "rk/main')",
        "import pic" + "kle",
        "np.load(f, allow_pic" + "kle=True)",
    ],
)
def test_a_forbidden_text_is_found(text: str) -> None:
    """Each pattern meets what it is for."""
    assert len(forbidden(text)) == 1


def test_the_word_framework_is_no_folder() -> None:
    """The patterns leave ordinary text alone."""
    assert forbidden("docs/work.md, ~/work/x, framework, allow_pic" + "kle=False") == []


def test_every_subcommand_is_documented() -> None:
    """A user finds each `lungdb` subcommand in README.md or docs/."""
    texts = [path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]]
    documented = "\n".join(texts)
    assert COMMANDS
    assert [name for name in COMMANDS if f"lungdb {name}" not in documented] == []
