"""The page's inner walls: its queries know no HTTP, and the command line needs it inside single commands only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from lungdb.cli.main import COMMANDS
from tests.support.databases import copy_to, target_of

ROOT = Path(__file__).resolve().parents[2]
HTTP = {"flask", "flask_smorest", "webargs", "werkzeug"}
EXTRAS = ("flask", "flask_smorest", "marshmallow", "webargs", "werkzeug", "waitress", "nibabel", "PIL")
"""What the extra [web] brings, but for argon2."""


def sources(folder: Path) -> dict[str, str]:
    """Give the text of every module of a package by the module's full name."""
    texts = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        texts[".".join(part for part in parts if part != "__init__")] = path.read_text(encoding="utf-8")
    return texts


def imported(text: str, *, in_functions: bool = True) -> Iterator[str]:
    """Yield what a module imports, but for types alone and what it imports when it is asked for a name."""
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        elif not (isinstance(node, ast.FunctionDef) and (not in_functions or node.name == "__getattr__")):
            waiting.extend(ast.iter_child_nodes(node))


def reached(start: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Follow the imports of modules; gives the packages that are met outside of `texts`, each with who imports it."""
    seen, waiting, met = set(start), list(start), {}
    while waiting:
        module = waiting.pop()
        for name in imported(texts[module]):
            met.setdefault(name.partition(".")[0], module)
            # Importing a module imports the packages that it lies in; the last part may be a name in one.
            parts = name.split(".")
            above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)} & texts.keys()
            waiting.extend(above - seen)
            seen |= above
    return met


def of_http(texts: Mapping[str, str]) -> dict[str, str]:
    """Give what of HTTP the queries reach, with the module that imports it."""
    start = [name for name in texts if f"{name}.".startswith("lungdb_web.queries.")]
    assert start
    return {name: module for name, module in reached(["lungdb_web", *start], texts).items() if name in HTTP}


def test_the_queries_know_neither_flask_nor_werkzeug() -> None:
    """Whoever asks is handed in, and what is refused is an error of lungdb's: also not by way of another module."""
    texts = sources(ROOT / "web" / "lungdb_web")
    assert of_http(texts) == {}
    assert reached(["lungdb_web.app"], texts).keys() >= HTTP


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from flask import g", "lungdb_web.queries.scores"),
        ("def f():\n    import werkzeug.exceptions", "lungdb_web.queries.scores"),
        ("from lungdb_web.services import call", "lungdb_web.services"),
        ("from lungdb_web import services", "lungdb_web.services"),
        ("import lungdb_web.pages.health", "lungdb_web.pages"),
    ],
)
def test_a_query_that_knows_http_is_found(line: str, module: str) -> None:
    """Whether it imports it itself, inside a function, or a module or package that does."""
    texts = {
        "lungdb_web": "def __getattr__(name):\n    from lungdb_web.services import call",
        "lungdb_web.services": "from flask import g",
        "lungdb_web.pages": "import flask.typing",
        "lungdb_web.pages.health": "",
        "lungdb_web.queries": "",
        "lungdb_web.queries.scores": "from lungdb.database import run\n",
    }
    assert of_http(texts) == {}
    found = of_http(texts | {"lungdb_web.queries.scores": line})
    assert list(found.values()) == [module]


def test_the_command_line_imports_the_page_inside_functions_only() -> None:
    """So that every other command works where the page's packages are not installed."""
    commands = sources(ROOT / "lungdb" / "cli")
    whole = {
        name for name, text in commands.items() if "lungdb_web" in {one.partition(".")[0] for one in imported(text)}
    }
    at_once = {
        name
        for name, text in commands.items()
        if "lungdb_web" in {one.partition(".")[0] for one in imported(text, in_functions=False)}
    }
    assert whole == {"cli.accounts", "cli.demo_people", "cli.serve"}
    assert at_once == set()


def _without(packages: Iterable[str], code: str) -> subprocess.CompletedProcess[str]:
    blocked = f"import sys\nfor name in {list(packages)}:\n    sys.modules[name] = None\n"
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True)


def test_every_command_explains_itself_where_the_packages_of_the_page_are_missing() -> None:
    """`lungdb COMMAND --help`, all in one process."""
    code = (
        "from contextlib import suppress\nfrom lungdb.cli.main import main\nmain(['--help'])\n"
        f"for command in {list(COMMANDS)}:\n    with suppress(SystemExit):\n        main([command, '--help'])"
    )
    done = _without([*EXTRAS, "argon2"], code)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in COMMANDS if f"usage: lungdb {name} " not in done.stdout] == []


def test_accounts_need_argon2_alone_and_only_for_passwords(installed_file: Path, tmp_path: Path) -> None:
    """A token for a program is made where no package of the page is installed; the page itself says what it lacks."""
    target = target_of(copy_to(tmp_path, installed_file))

    def run(packages: Iterable[str], *arguments: str) -> tuple[int, str]:
        code = f"from lungdb.cli.main import main\nsys.exit(main({[*arguments, '-d', target]}))"
        done = _without(packages, code)
        return done.returncode, done.stdout + done.stderr

    assert run(EXTRAS, "accounts", "add", "ana", "--generate")[0] == 0
    needs = 'need argon2. Run: pip install "lungdb[web]"'
    status, said = run([*EXTRAS, "argon2"], "accounts", "add", "rob", "--generate")
    assert (status, needs in said) == (1, True)
    assert run([*EXTRAS, "argon2"], "accounts", "token", "ana")[0] == 0
    status, said = run([*EXTRAS, "argon2"], "accounts", "list")
    assert (status, "ana" in said, "rob" in said) == (0, True, False)
    status, said = run(["flask"], "serve", "--port", "0")
    assert (status, said) == (1, 'The web page needs flask. Run: pip install "lungdb[web]"\n')
