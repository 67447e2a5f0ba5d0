"""What the processes of external scripts import before they are given a call, and when."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

import lungdb.embedded
from lungdb.database import connect as connect_database
from lungdb.embedded.running.connection import Connection
from lungdb.embedded.satellite.calls import Satellite
from lungdb.embedded.satellite.processes import Preload
from tests.embedded.running import rows
from tests.embedded.scripts import call, execution, printed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parents fork on Linux only")

NOTES_ITS_IMPORT = """
import os
with open(os.environ["IMPORTS"], "a") as file:
    file.write(f"{__name__} {os.getpid()}\\n")
"""


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules early, late and later that note which process imports them, and the note."""
    for name in ("early", "late", "later"):
        (tmp_path / f"{name}.py").write_text(NOTES_ITS_IMPORT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("IMPORTS", str(tmp_path / "imports"))
    return tmp_path / "imports"


SEEN = "import os, sys\nprint(os.getppid(), [name for name in ('early', 'late', 'later') if name in sys.modules])"


def test_what_is_to_come_later_is_imported_while_no_call_comes(imports: Path) -> None:
    """A first call does not wait for it; a later one finds it, imported once and by the parent."""
    satellite = Satellite(Preload(("pandas", "early"), ("late", "not_installed", "later")))
    parent, seen = printed(call(satellite, SEEN)[0]).split(" ", 1)
    assert seen == "['early']"
    deadline = time.monotonic() + 60
    while len(imports.read_text().splitlines()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert printed(call(satellite, SEEN)[0]) == f"{parent} ['early', 'late', 'later']"
    assert imports.read_text().splitlines() == [f"{name} {parent}" for name in ("early", "late", "later")]


def test_what_a_script_had_to_import_itself_is_there_for_the_next(imports: Path) -> None:
    """However soon the next call comes; what no script needs can wait."""
    satellite = Satellite(Preload(("pandas", "early"), ("late", "later")))
    assert printed(call(satellite, "import later\n" + SEEN)[0]).split(" ", 1)[1] == "['early', 'later']"
    parent, seen = printed(call(satellite, SEEN)[0]).split(" ", 1)
    assert "later" in json.loads(seen.replace("'", '"'))
    assert f"later {parent}" in imports.read_text().splitlines()


def test_a_first_call_does_not_wait_for_lightgbm_and_a_later_one_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the loaders, the page and the command line connect: the procedures are there from the first call on."""
    monkeypatch.setenv("LUNGDB_TEST", "a parent of its own")
    names = ("lungdb.procedures.features", "onnxruntime", "lightgbm")
    script = execution(f"""
import os, sys
import pandas as pd
OutputDataSet = pd.DataFrame({{"x": [os.getppid(), *(int(name in sys.modules) for name in {json.dumps(names)})]}})
""")
    connection = connect_database(f"sqlite:///{tmp_path}/clinic.db")
    assert isinstance(connection, Connection)
    with connection:
        (parent,), *seen = rows(connection, script, "")
        assert seen == [(1,), (1,), (0,)]
        deadline = time.monotonic() + 120
        while "lib_lightgbm" not in Path(f"/proc/{parent}/maps").read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert rows(connection, script, "") == [(parent,), (1,), (1,), (1,)]


def test_other_modules_to_load_get_another_parent() -> None:
    """A parent has imported what it was started for."""
    plain_satellite, other = Satellite(), Satellite(Preload(("numpy", "pandas", "colorsys")))
    script = "import os, sys\nprint(os.getppid(), 'colorsys' in sys.modules)"
    plain, with_more = (printed(call(each, script)[0]).split() for each in (plain_satellite, other))
    assert (plain[1], with_more[1]) == ("False", "True")
    assert plain[0] != with_more[0]


def test_the_engine_names_none_of_the_packages_that_it_is_told_to_load() -> None:
    """What scripts import is handed in by whoever connects."""
    (folder,) = lungdb.embedded.__path__
    words = ("lungdb.procedures", "onnx", "lightgbm", "scipy", "sklearn")
    texts = {path: path.read_text(encoding="utf-8").lower() for path in Path(folder).rglob("*.py")}
    assert [str(path) for path, text in texts.items() if any(word in text for word in words)] == []
