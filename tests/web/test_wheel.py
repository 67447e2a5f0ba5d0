"""The wheel: what an installation of it brings, and that the page is served from it alone."""

from __future__ import annotations

import json
import os
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

from tests.support.databases import target_of
from tests.support.web import csrf_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path("web", "node_modules")
NIIVUE = MODULES / "@niivue" / "niivue"
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
    if (ROOT / NIIVUE).is_dir():
        shutil.copytree(ROOT / MODULES, folder / MODULES, copy_function=os.link)
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
    brought = {name for name in names(environment.packages / there) if not name.startswith("niivue/")}
    assert brought == names(checkout / here)


def test_the_viewer_comes_with_it_byte_for_byte_and_with_the_licences_of_what_is_in_it(
    environment: Environment, checkout: Path
) -> None:
    """The script is npm's, which bundles other packages: each of those that its list of inputs names has its text."""
    if not (checkout / NIIVUE).is_dir():
        pytest.skip("NO VIEWER WAS PACKED: npm has not brought it. Run: make web")
    brought = environment.packages / "lungdb_web" / "niivue"
    for name in ("package.json", "dist/index.js"):
        assert (brought / name).read_bytes() == (ROOT / NIIVUE / name).read_bytes()
    licences = {path.name: path.read_text(encoding="utf-8") for path in (brought / "licenses").iterdir()}
    assert {"niivue", "fflate", "gl-matrix", "nifti-reader-js", "zarrita"} <= set(licences)
    assert all("Copyright" in text or "copyright" in text for text in licences.values()), licences.keys()
    assert "Niivue" in licences["niivue"]


@pytest.mark.parametrize(("release", "is_built"), [("", True), ("1", False)])
def test_a_release_without_the_viewer_is_not_built(
    release: str, is_built: bool, checkout: Path, tmp_path: Path
) -> None:
    """Any other build warns, and its page shows plain slices."""
    bare = tmp_path / "bare"
    shutil.copytree(checkout, bare, ignore=shutil.ignore_patterns("node_modules", "build", "tests", "docs"))
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "built")]
    done = subprocess.run(
        command, cwd=bare, capture_output=True, text=True, env={**os.environ, "LUNGDB_RELEASE": release}, check=False
    )
    assert "no scan viewer" in done.stderr
    assert (done.returncode == 0) == is_built
    assert not (tmp_path / "built" / "lungdb_web" / "niivue").exists()


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

    if (ROOT / NIIVUE).is_dir():
        version = json.loads((ROOT / NIIVUE / "package.json").read_text(encoding="utf-8"))["version"]
        assert get(f"/viewer/niivue-{version}.js") == (ROOT / NIIVUE / "dist" / "index.js").read_bytes()
