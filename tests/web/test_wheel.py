"""The wheel: what an installation of it brings, and that the page is served from it alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.parse
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.web.conftest import csrf_of, target_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@dataclass(frozen=True)
class Environment:
    """A virtual environment into which the wheel alone was installed."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Where its packages lie."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder), "platbase": str(self.folder)}))

    @property
    def commands(self) -> Path:
        """Where its commands lie."""
        return Path(sysconfig.get_path("scripts", "venv", {"base": str(self.folder), "platbase": str(self.folder)}))

    def run(self, command: str, *arguments: str) -> str:
        """Run one of its commands beside nothing of the checkout; returns what it printed."""
        done = subprocess.run(
            [self.commands / command, *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git keeps, in which an earlier build has left a package that is no more."""
    folder = tmp_path_factory.mktemp("wheel") / "checkout"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, set(listed.split("\0"))):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    stale = folder / "build" / "lib" / "web" / "__init__.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    return folder


@pytest.fixture(scope="module")
def environment(checkout: Path) -> Environment:
    """The wheel of the checkout, built and installed with nothing from the network."""
    pytest.importorskip(
        "setuptools", minversion="70.1", reason="NO WHEEL WAS BUILT: Run: pip install -U 'lungdb[test]'"
    )
    wheels = checkout.parent / "wheels"
    build = [*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels), "."]
    subprocess.run(build, cwd=checkout, check=True)
    (wheel,) = wheels.iterdir()
    made = Environment(checkout.parent / "environment")
    venv.create(made.folder, with_pip=False)
    install = [*PIP, "--python", str(made.folder), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    return made


@pytest.fixture(scope="module")
def usable(environment: Environment) -> Environment:
    """The same, which finds what the wheel needs in the environment of the tests, but not the checkout."""
    # A path in a .pth file is searched, and .pth files that lie there, such as that of an editable install, are not.
    (environment.packages / "needed.pth").write_text(f"{PACKAGES}\n", encoding="utf-8")
    where = "import lungdb, lungdb_web; print(lungdb.__file__, lungdb_web.__file__, sep='\\n')"
    for line in environment.run("python", "-c", where).splitlines():
        assert Path(line).is_relative_to(environment.packages)
    return environment


def names(folder: Path) -> set[str]:
    """List the files of a folder, by their paths in it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_brings_two_packages_and_one_command(environment: Environment) -> None:
    """No web, tests, scripts or sql at the top, whatever a build before has left."""
    (about,) = environment.packages.glob("*.dist-info")
    found = {path.name for path in environment.packages.iterdir()} - {"needed.pth"}
    assert found == {"lungdb", "lungdb_web", about.name}
    assert set((about / "top_level.txt").read_text(encoding="utf-8").split()) == {"lungdb", "lungdb_web"}
    recorded = {line.partition("/")[0] for line in (about / "RECORD").read_text(encoding="utf-8").splitlines()}
    assert recorded == {"lungdb", "lungdb_web", about.name, ".."}
    assert [path.name for path in environment.commands.iterdir() if path.stem == "lungdb"] == ["lungdb"]


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("lungdb_web", "web/lungdb_web"),
        ("lungdb/database/sql", "sql"),
        ("lungdb/networks/data", "lungdb/networks/data"),
    ],
)
def test_nothing_that_is_no_module_is_left_out(there: str, here: str, environment: Environment, checkout: Path) -> None:
    """Templates, scripts and styles of the page, the SQL files, the networks."""
    assert names(environment.packages / there) == names(checkout / here)


@pytest.fixture
def address(usable: Environment, tmp_path: Path) -> Iterator[str]:
    """The address at which the installed command serves an installed database."""
    target = target_of(tmp_path / "lung_cancer_database.db")
    usable.run("lungdb", "install", "-d", target)
    usable.run("lungdb", "accounts", "add", "ana", "--no-password", "-d", target)
    command = [usable.commands / "lungdb", "serve", "-d", target, "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert found is not None
        yield found.group(0)
    finally:
        process.terminate()
        process.communicate()


def test_the_page_is_served_from_it(address: str, usable: Environment, tmp_path: Path) -> None:
    """Health, the page to sign in, every static file; and once somebody is signed in, the worklist."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(path: str, fields: dict[str, str] | None = None) -> bytes:
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        with opener.open(address + path, data, timeout=60) as answer:
            return bytes(answer.read())

    assert get("/health") == b"ok\n"
    static = ROOT / "web" / "lungdb_web" / "static"
    for name in names(static):
        assert get(f"/static/{name}") == (static / name).read_bytes()

    target = target_of(tmp_path / "lung_cancer_database.db")
    said = usable.run("lungdb", "accounts", "password", "ana", "--generate", "-d", target)
    password = said.split()[-1]
    form = get("/sign-in").decode()
    worklist = get("/sign-in", {"name": "ana", "password": password, "csrf_token": csrf_of(form)}).decode()
    assert "<title>Patients" in worklist
    assert "ana</span>" in worklist
