"""check_runtime says what is there and what is not."""

import os
import platform
import site
import sys
from importlib.metadata import version
from pathlib import Path

import numpy
import onnxruntime

from lungdb.procedures import check_runtime


def test_it_lists_python_packages_and_providers():
    """The versions are those of the installed packages."""
    found = dict(check_runtime().itertuples(index=False))
    assert found["Python"].startswith(platform.python_version())
    for package in ("numpy", "pandas", "onnx", "lightgbm", "opencv-python-headless", "isal"):
        assert found[package] == version(package)
    assert found["execution providers"] == ", ".join(onnxruntime.get_available_providers())
    assert found["networks run on"].startswith(tuple(onnxruntime.get_available_providers()))
    assert found["GPU"]
    assert 1 <= int(found["processors"]) <= os.cpu_count()
    assert found["folder of numpy"] == os.path.dirname(numpy.__file__)
    assert found["folder of numpy"].startswith(tuple(found["site-packages"].split(";")))


def test_every_folder_of_packages_of_this_python_is_named_and_none_of_a_user(monkeypatch):
    """Ubuntu's Python has three; pip's own, which SQL Server's scripts may not read, is the last to install into."""
    ubuntu = ["/usr/local/lib/python3.10/dist-packages", "/usr/lib/python3/dist-packages"]
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(site, "getsitepackages", lambda: ubuntu)
    monkeypatch.setattr(site, "getusersitepackages", lambda: "/usr/x/.local/lib/python3.10/site-packages")
    own = "/usr/lib/python3.10/dist-packages"
    monkeypatch.setattr(
        sys, "path", [*sys.path, "/usr/x/.local/lib/python3.10/site-packages", "/opt/site-packages", own]
    )
    assert dict(check_runtime().itertuples(index=False))["site-packages"].split(";") == [own, ubuntu[1], ubuntu[0]]


def test_the_schema_version_is_that_of_the_newest_migration():
    """Doctor compares it with the database's, so it must not be forgotten when a migration is added."""
    migrations = (Path(__file__).parents[2] / "sql" / "migrations").glob("[0-9]*.sql")
    assert dict(check_runtime().itertuples(index=False))["schema version"] == str(
        max(int(each.name[:4]) for each in migrations)
    )


def test_a_package_that_cannot_be_imported_is_said_so(monkeypatch):
    """The rest is listed all the same."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "not known" in dict(check_runtime().itertuples(index=False))["networks run on"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = dict(check_runtime().itertuples(index=False))
    assert "cannot be used" in found["opencv-python-headless"]
    assert 'pip install "lungdb[cpu]"' in found["onnxruntime"]
    assert found["isal"] == version("isal")


def test_the_result_is_what_sql_server_takes():
    """Two columns of text."""
    frame = check_runtime()
    assert [str(dtype) for dtype in frame.dtypes] == ["object", "object"]
    assert {type(value) for column in frame for value in frame[column]} == {str}
