"""The house's plan holds: who imports whom, how large its rooms are, and what no file may say.

One test is one rule, and lists every offender; next to each stands a planted offence that it finds.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from lungdb.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 400
LONGER = {"lungdb/embedded/values/messages.py"}  # one table
MOST_MODULES = 15  # of a folder of the engine
ENDS = {".py", ".sql", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".html", ".css", ".js", ".mjs", ""}

_BELOW = {
    "config", "copying", "database", "dicom", "distributed", "exporting", "imaging", "learning", "loading", "networks",
    "operating", "phantoms", "procedures", "reporting",
}  # fmt: skip

# The arrows of docs/architecture.md. What is not here may not be imported; everybody may import errors and isolation.
MAY_IMPORT = {
    "errors": set(),
    "extensions": set(),
    "isolation": set(),
    "config": set(),
    "embedded": set(),
    "imaging": set(),
    "networks": {"imaging"},
    "learning": {"imaging"},
    "dicom": {"imaging"},
    "phantoms": {"imaging"},
    "procedures": {"imaging", "networks", "learning"},
    "database": {"embedded", "config"},
    "loading": {"database", "dicom", "imaging", "networks", "learning", "config"},
    "copying": {"database", "networks", "learning"},
    "operating": {"loading", "procedures", "database", "imaging", "config"},
    "distributed": {"loading", "procedures", "database", "dicom", "imaging", "networks", "learning", "config"},
    "reporting": {"database", "imaging", "learning"},
    "client": {"database", "imaging"},
    "exporting": {"client", "loading", "database", "dicom", "imaging"},
    "cli": _BELOW,
    "scripts": _BELOW | {"cli", "client"},
    "lungdb_web": {"loading", "reporting", "database", "imaging", "learning", "config"},
}
EVERYBODY = {"errors", "extensions", "isolation", "__version__"}
# The rooms of the engine; each imports only those to its left.
ENGINE = ("values", "syntax", "functions", "writer", "store", "satellite", "running")
# Standard library and errors alone; the satellite hands rows to scripts as pandas data frames.
SATELLITE_MAY_ALSO = {"pandas", "numpy"}


@cache
def files() -> tuple[Path, ...]:
    """Return the files that git keeps or would keep, relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file())


@cache
def text_of(path: Path) -> str:
    """Read a file of the checkout."""
    return (ROOT / path).read_text(encoding="utf-8")


def modules() -> dict[str, Path]:
    """Return the modules of lungdb and lungdb_web by full name, and the scripts as ``scripts.…``."""
    found = {}
    for path in files():
        inside = path.relative_to("web") if path.parts[0] == "web" else path
        if path.suffix == ".py" and inside.parts[0] in ("lungdb", "lungdb_web", "scripts"):
            found[".".join(inside.with_suffix("").parts).removesuffix(".__init__")] = path
    return found


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


def part_of(module: str) -> str:
    """Return the part of the plan that a module belongs to."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "lungdb" else first


def wrong_imports(module: str, text: str) -> list[str]:
    """Return what a module imports of other parts of lungdb although the plan has no arrow there."""
    part = part_of(module)
    allowed = MAY_IMPORT[part] | {part} | EVERYBODY
    found = []
    for line, name in imports(text, module.rpartition(".")[0]):
        first, _, rest = name.partition(".")
        wanted = rest.partition(".")[0] if first == "lungdb" else "lungdb_web" if first == "lungdb_web" else ""
        if wanted and wanted not in allowed and not (wanted == "lungdb_web" and part in ("cli", "scripts")):
            found.append(f"{module}, line {line}: {name}")
    return found


def test_every_part_of_the_package_is_in_the_plan() -> None:
    """A new folder is a design question: it gets its arrows here before it gets code."""
    assert {part_of(module) for module in modules()} - {""} <= MAY_IMPORT.keys()


def test_a_module_imports_only_what_the_plan_allows() -> None:
    """The arrows of the plan, over the real imports, those inside functions too."""
    assert [
        each for name, path in modules().items() if part_of(name) for each in wrong_imports(name, text_of(path))
    ] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("lungdb.procedures.x", "from lungdb.database import connect"),
        ("lungdb.procedures.x", "def f():\n    import lungdb.config"),
        ("lungdb.networks.x", "from lungdb import embedded"),
        ("lungdb.dicom.x", "from ..database import run"),
        ("lungdb.database.x", "from lungdb.networks.entry import network_details"),
        ("lungdb.embedded.values.x", "import lungdb.imaging.codecs"),
        ("lungdb.loading.x", "from lungdb.cli.support import open_database"),
        ("lungdb.reporting.x", "def f():\n    from lungdb_web import create_app"),
        ("lungdb.isolation", "from lungdb.dicom.limits import Limits"),
        ("lungdb_web.pages.x", "from lungdb.cli import accounts"),
    ],
)
def test_a_wrong_arrow_is_found(module: str, line: str) -> None:
    """Every way to write an import is seen."""
    assert len(wrong_imports(module, line)) == 1


def engine_room(module: str) -> int | None:
    """Return the place of a module's folder in `ENGINE`, or None outside of the engine's folders."""
    parts = module.split(".")
    return ENGINE.index(parts[2]) if parts[:2] == ["lungdb", "embedded"] and len(parts) > 2 else None


def imports_to_the_right(module: str, text: str) -> list[str]:
    """Return what a module of the engine imports from a folder to the right of its own."""
    room = engine_room(module)
    found = imports(text, module.rpartition(".")[0])
    return [name for _, name in found if room is not None and (other := engine_room(name)) is not None and other > room]


def test_a_room_of_the_engine_imports_only_those_to_its_left() -> None:
    """Values, syntax, functions, writer, store, satellite, running."""
    wrong = {name: found for name, path in modules().items() if (found := imports_to_the_right(name, text_of(path)))}
    assert wrong == {}
    assert {engine_room(name) for name in modules()} == {None, *range(len(ENGINE))}


def test_an_import_to_the_right_is_found() -> None:
    """And one to the left is none."""
    assert imports_to_the_right("lungdb.embedded.values.x", "from lungdb.embedded.syntax.tree import Name")
    assert not imports_to_the_right("lungdb.embedded.syntax.x", "from lungdb.embedded.values.types import INT")


def test_the_engines_rooms_are_not_crowded() -> None:
    """Fifteen modules are where to ask for another room; the package itself imports nothing."""
    rooms = Counter(
        name.split(".")[2]
        for name, path in modules().items()
        if engine_room(name) is not None and path.stem != "__init__"
    )
    assert {room: count for room, count in rooms.items() if count > MOST_MODULES} == {}
    assert list(imports(text_of(Path("lungdb/embedded/__init__.py")), "lungdb")) == []


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules each of which imports itself over others."""
    reached: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        open_ends = list(arrows[start])
        while open_ends:
            if (module := open_ends.pop()) not in seen:
                seen.add(module)
                open_ends.extend(arrows.get(module, ()))
        reached[start] = seen
    return sorted({tuple(sorted({b for b in reached[a] if a in reached[b]})) for a in arrows if a in reached[a]})  # type: ignore[arg-type, return-value]


def arrows_of(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Return for each module those of the others that it imports, wherever it does; a package for its members."""
    found: dict[str, set[str]] = {}
    for module, text in texts.items():
        names = {name for _, name in imports(text, module.rpartition(".")[0])}
        targets = {name if name in texts else name.rpartition(".")[0] for name in names}
        found[module] = (targets & texts.keys()) - {module}
    return found


def test_no_module_imports_itself_over_others() -> None:
    """Nowhere in lungdb and lungdb_web, not inside of functions either."""
    assert circles(arrows_of({name: text_of(path) for name, path in modules().items()})) == []


def test_a_circle_is_found() -> None:
    """Over three modules, one of whose imports stands in a function."""
    texts = {
        "p.a": "from p import b",
        "p.b": "import p.c",
        "p.c": "def f():\n    from p.a import x",
        "p.d": "import p.a",
    }
    assert circles(arrows_of(texts)) == [("p.a", "p.b", "p.c")]


def test_no_two_classes_of_the_engine_have_one_name() -> None:
    """Whoever reads a name knows which one is meant."""
    classes = Counter(
        node.name
        for name, path in modules().items()
        if name.startswith("lungdb.embedded.")
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in classes.items() if count > 1} == set()


def test_only_the_commands_that_start_the_web_page_import_it() -> None:
    """The toolkit works where Flask is not installed: those commands do it inside of functions."""
    wrong = {}
    for name, path in modules().items():
        if part_of(name) in ("cli", "scripts"):
            at_top = "\n".join(
                ast.unparse(node)
                for node in ast.parse(text_of(path)).body
                if isinstance(node, ast.Import | ast.ImportFrom)
            )
            wrong[name] = [found for _, found in imports(at_top, "") if found.partition(".")[0] == "lungdb_web"]
    assert {name: found for name, found in wrong.items() if found} == {}


def test_the_embedded_engine_needs_the_standard_library_alone() -> None:
    """A newcomer's engine installs nothing; only the satellite, which runs scripts, has pandas."""
    foreign = {
        f"{name}: {imported}"
        for name, path in modules().items()
        if part_of(name) == "embedded"
        for _, imported in imports(text_of(path), name.rpartition(".")[0])
        if (top := imported.partition(".")[0]) not in sys.stdlib_module_names
        and top != "lungdb"
        and not (top in SATELLITE_MAY_ALSO and ".satellite." in name)
    }
    assert foreign == set()


def test_a_module_is_short() -> None:
    """A module says one thing in at most 400 lines, but for a table."""
    long = {
        path.as_posix() for path in files() if path.suffix == ".py" and len(text_of(path).splitlines()) > MOST_LINES
    }
    assert long == LONGER


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
    texts = [path for path in files() if path.suffix in ENDS]
    found = {path.as_posix(): what for path in texts if (what := forbidden(text_of(path)))}
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
