"""The site's settings: which source wins, and that config.py is never executed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lungdb.config import NAMES, Settings, load_settings
from lungdb.errors import LungdbError

EXAMPLE = Path(__file__).resolve().parents[1] / "config.example.py"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path of config.py in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config.py"


def test_without_a_file_and_variables_the_defaults_hold(config: Path) -> None:
    """The database is a file of the working directory, and there is no key."""
    assert load_settings({}) == Settings("sqlite:///lung_cancer_database.db", "")


def test_config_py_of_the_working_directory_is_read(config: Path) -> None:
    """A setting that it leaves out keeps its default."""
    config.write_text('"""Ours."""\n# a comment\nid_key = "from the file"\n')
    assert load_settings({}) == Settings(id_key="from the file")


def test_an_environment_variable_wins_over_the_file(config: Path) -> None:
    """So a service can be given another database than the folder's."""
    config.write_text('database = "sqlite:///a.db"\nid_key = "from the file"\n')
    assert load_settings({"LUNGDB_DATABASE": "sqlite:///b.db"}) == Settings("sqlite:///b.db", "from the file")


def test_lungdb_config_names_another_file(config: Path, tmp_path: Path) -> None:
    """Then config.py of the working directory is not read."""
    config.write_text('id_key = "not this one"\n')
    other = tmp_path / "other.py"
    other.write_text('id_key = "this one"\n')
    assert load_settings({"LUNGDB_CONFIG": str(other)}).id_key == "this one"


def test_a_named_file_that_is_missing_is_an_error(config: Path) -> None:
    """Going on with defaults would write into the wrong database."""
    with pytest.raises(LungdbError, match="LUNGDB_CONFIG"):
        load_settings({"LUNGDB_CONFIG": "missing.py"})


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "id_key = open('secret').read()",
        "id_key = 5",
        "id_key = 'a' + 'b'",
        "id_key, database = 'a', 'b'",
        "id_key = f'{1}'",
        "if True: id_key = 'a'",
        "id_key = ",
    ],
)
def test_a_line_that_is_not_a_setting_is_refused_with_its_number(config: Path, line: str) -> None:
    """It is the second line."""
    config.write_text(f"# site\n{line}\n")
    with pytest.raises(LungdbError, match="line 2"):
        load_settings({})


def test_config_py_is_not_executed(config: Path, tmp_path: Path) -> None:
    """The line would make a folder if it ran."""
    config.write_text(f"__import__('os').mkdir({str(tmp_path / 'made')!r})\n")
    with pytest.raises(LungdbError):
        load_settings({})
    assert not (tmp_path / "made").exists()


def test_a_misspelt_setting_is_refused_with_the_right_name(config: Path) -> None:
    """Passing it over would load with no key."""
    config.write_text('id_keys = "a"\n')
    with pytest.raises(LungdbError, match="Did you mean 'id_key'"):
        load_settings({})


def test_a_secret_is_not_shown_by_repr_or_errors(config: Path) -> None:
    """Neither the key nor a password of the connection string."""
    assert "hunter2" not in repr(Settings("Driver=x;PWD=hunter2", "hunter2"))
    config.write_text('id_key = "hunter2" + ""\n')
    with pytest.raises(LungdbError) as caught:
        load_settings({})
    assert "hunter2" not in str(caught.value)


def test_the_example_shows_every_setting_as_python_reads_it(config: Path) -> None:
    """Python's own import of the example must give what load_settings gives."""
    spec = importlib.util.spec_from_file_location("example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = load_settings({"LUNGDB_CONFIG": str(EXAMPLE)})
    assert {name: getattr(settings, name) for name in NAMES} == {name: getattr(module, name) for name in NAMES}
    assert "Driver={ODBC Driver 18 for SQL Server}" in EXAMPLE.read_text(encoding="utf-8")
