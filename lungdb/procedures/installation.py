"""What dbo.CheckRuntime calls."""

from __future__ import annotations

import importlib
import platform
import site
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

import lungdb
from lungdb.errors import ASK_DOCTOR, LungdbError
from lungdb.learning.scoring import load_library
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import import_runtime, start_session
from lungdb.procedures.leaving import NAME, for_t_sql

_PACKAGES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "onnx": "onnx",
    "lightgbm": "lightgbm",
    "opencv-python-headless": "cv2",
    "isal": "isal.isal_zlib",
}
_NVIDIA = Path("/proc/driver/nvidia/gpus")


@for_t_sql({}, {"item": NAME, "value": 1000})
def check_runtime() -> pd.DataFrame:
    """Tell what this Python has for the procedures.

    Returns
    -------
    DataFrame
        `item` and `value`, text: Python, the number of processors that it may use, the folders of packages that are its
        own and where numpy comes from, the packages' versions or why they cannot be used, the schema version that
        lungdb is for, ONNX Runtime's execution providers, which of them runs networks when none is asked for and why
        not a better one, and GPUs that Linux's NVIDIA driver lists.
    """
    rows = {
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "processors": str(allowed_processors()),
        "site-packages": _own_packages(),
        "folder of numpy": str(Path(np.__file__).parent),
        "lungdb": lungdb.__version__,
        "schema version": str(lungdb.SCHEMA_VERSION),
        **{package: _version(package, _importer(package, module)) for package, module in _PACKAGES.items()},
        **_onnx_runtime(),
        "GPU": _gpus(),
    }
    frame: pd.DataFrame = pd.DataFrame(
        {"item": pd.Series(list(rows), dtype=object), "value": pd.Series(list(rows.values()), dtype=object)}
    )
    return frame


def _own_packages() -> str:
    """Return the folders of packages that belong to this Python, and not to a user, the one to install into first.

    Ubuntu has three. pip puts packages into the one under /usr/local, which scripts of SQL Server may not read, so it
    comes last.
    """
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    found = [Path(folder) for folder in [*site.getsitepackages(), *sys.path] if folder]
    own = dict.fromkeys(
        folder
        for folder in found
        if folder.name in ("site-packages", "dist-packages")
        and any(folder.is_relative_to(prefix) for prefix in prefixes)
        and not folder.is_relative_to(site.getusersitepackages())
    )
    return ";".join(
        str(each) for each in sorted(own, key=lambda each: (Path("/usr/local") in each.parents, _general(each)))
    )


def _general(folder: Path) -> bool:
    # /usr/lib/python3 is for every Python 3, and what is not built for one version alone.
    return folder.parent.name == "python3"


def _for_doctor(error: Exception) -> str:
    """Leave out that the doctor says more: it says this."""
    return str(error).removesuffix(ASK_DOCTOR).rstrip()


def _importer(package: str, module: str) -> Callable[[], object]:
    # LightGBM's Python package takes a second to import; what can be missing is what its library needs.
    return load_library if package == "lightgbm" else lambda: importlib.import_module(module)


def _version(package: str, load: Callable[[], object]) -> str:
    try:
        installed = version(package)
    except PackageNotFoundError:
        return f"not installed: run pip install {package}"
    try:
        load()
    except (ImportError, OSError, LungdbError) as error:
        return f"{installed}, but cannot be used: {_for_doctor(error)}"
    return installed


def _onnx_runtime() -> dict[str, str]:
    try:
        onnxruntime = import_runtime()
    except LungdbError as refusal:
        return {"onnxruntime": _for_doctor(refusal)}
    providers = onnxruntime.get_available_providers()
    return {
        "onnxruntime": onnxruntime.__version__,
        "execution providers": ", ".join(providers),
        "networks run on": _provider_that_runs(),
    }


def _provider_that_runs() -> str:
    """Start the smallest network there is, because a provider can be listed and lack its driver."""
    try:
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("in", "out")]
        graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "smallest", ends[:1], ends[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session, notice = start_session(model.SerializeToString(), None, 1)
    except (ImportError, LungdbError) as error:
        return f"not known: {_for_doctor(error)}"
    return notice or str(session.get_providers()[0])


def _gpus() -> str:
    try:
        sheets = [(folder / "information").read_text() for folder in sorted(_NVIDIA.iterdir())]
    except OSError:
        return "none seen"
    models = [line.partition(":")[2].strip() for sheet in sheets for line in sheet.splitlines() if "Model:" in line]
    return ", ".join(models) or "none seen"
