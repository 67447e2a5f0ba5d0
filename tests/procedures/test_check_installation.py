"""check_installation says what is there and what is not."""

import os
import platform
import sys
from importlib.metadata import version

import onnxruntime

from lungdb.procedures import check_installation


def test_it_lists_python_packages_and_providers():
    """The versions are those of the installed packages."""
    found = dict(check_installation().itertuples(index=False))
    assert found["Python"].startswith(platform.python_version())
    for package in ("numpy", "pandas", "onnx", "lightgbm", "opencv-python-headless", "isal"):
        assert found[package] == version(package)
    assert found["execution providers"] == ", ".join(onnxruntime.get_available_providers())
    assert found["networks run on"].startswith(tuple(onnxruntime.get_available_providers()))
    assert found["GPU"]
    assert 1 <= int(found["processors"]) <= os.cpu_count()


def test_a_package_that_cannot_be_imported_is_said_so(monkeypatch):
    """The rest is listed all the same."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "not known" in dict(check_installation().itertuples(index=False))["networks run on"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = dict(check_installation().itertuples(index=False))
    assert "cannot be used" in found["opencv-python-headless"]
    assert 'pip install "lungdb[cpu]"' in found["onnxruntime"]
    assert found["isal"] == version("isal")


def test_the_result_is_what_sql_server_takes():
    """Two columns of text."""
    frame = check_installation()
    assert [str(dtype) for dtype in frame.dtypes] == ["object", "object"]
    assert {type(value) for column in frame for value in frame[column]} == {str}
