"""What dbo.CheckInstallation calls."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

import lungdb
from lungdb.errors import LungdbError
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
def check_installation() -> pd.DataFrame:
    """Tell what this Python has for the procedures.

    Returns
    -------
    DataFrame
        `item` and `value`, text: Python, the number of processors that it may use, the packages' versions or why they
        cannot be used, ONNX Runtime's execution providers, which of them runs networks when none is asked for and why
        not a better one, and GPUs that Linux's NVIDIA driver lists.
    """
    rows = {
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "processors": str(allowed_processors()),
        "lungdb": lungdb.__version__,
        **{package: _version(package, _importer(package, module)) for package, module in _PACKAGES.items()},
        **_onnx_runtime(),
        "GPU": _gpus(),
    }
    frame: pd.DataFrame = pd.DataFrame(
        {"item": pd.Series(list(rows), dtype=object), "value": pd.Series(list(rows.values()), dtype=object)}
    )
    return frame


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
        return f"{installed}, but cannot be used: {error}"
    return installed


def _onnx_runtime() -> dict[str, str]:
    try:
        onnxruntime = import_runtime()
    except LungdbError as refusal:
        return {"onnxruntime": str(refusal)}
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
        return f"not known: {error}"
    return notice or str(session.get_providers()[0])


def _gpus() -> str:
    try:
        sheets = [(folder / "information").read_text() for folder in sorted(_NVIDIA.iterdir())]
    except OSError:
        return "none seen"
    models = [line.partition(":")[2].strip() for sheet in sheets for line in sheet.splitlines() if "Model:" in line]
    return ", ".join(models) or "none seen"
