"""Starts the .NET runtime that comes from PyPI, with Microsoft's T-SQL assemblies.

The packages lie in ``.tsql`` at the root of the repository, apart from the environment, because mssql-cli pins old
versions of what it depends on and nothing but its assemblies is wanted.
"""

from __future__ import annotations

import functools
import importlib
import json
import platform
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ROOT / ".tsql"
ASSEMBLIES = PACKAGES / "mssqlcli" / "mssqltoolsservice" / "bin"
RUNTIME = PACKAGES / "dotnetcore2" / "bin"
NO_RUNTIME = "the .NET runtime on PyPI is for x86-64 processors only"


class DotnetMissingError(Exception):
    """The packages with the .NET runtime and the assemblies are not there."""


def has_runtime_wheel() -> bool:
    """Whether PyPI has the runtime for this processor: its wheels are for x86-64 alone."""
    return platform.machine().lower() in {"x86_64", "amd64"}


@functools.cache
def start(*, globalization: bool = False) -> None:
    """Start the runtime in this process, once.

    Parameters
    ----------
    globalization : bool
        Load ICU, which DacFx needs for its collations and which must then be found.

    Raises
    ------
    DotnetMissingError
        ``.tsql`` or pythonnet is missing.
    """
    if not ASSEMBLIES.is_dir() or not RUNTIME.is_dir():
        raise DotnetMissingError(f"Microsoft's T-SQL parser is not in {PACKAGES}. Run `make test`, which fetches it.")
    try:
        pythonnet = importlib.import_module("pythonnet")
    except ImportError as error:
        raise DotnetMissingError('pythonnet is not installed. Run `pip install "lungdb[test]"`.') from error
    options = {
        "tfm": "netcoreapp3.1",
        "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        "configProperties": {"System.Globalization.Invariant": not globalization},
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "lungdb.runtimeconfig.json")
        config.write_text(json.dumps({"runtimeOptions": options}), encoding="utf-8")
        pythonnet.load("coreclr", runtime_config=str(config), dotnet_root=str(RUNTIME))
    # The runtime takes Ctrl-C for itself, which tests that run later in this process send to Python.
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))
    sys.path.append(str(ASSEMBLIES))


def assembly(name: str, namespace: str) -> Any:
    """Load an assembly of ``.tsql``, with the runtime started, and return one of its namespaces as a module."""
    importlib.import_module("clr").AddReference(name)
    return importlib.import_module(namespace)
