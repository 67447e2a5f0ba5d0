"""ONNX Runtime itself and its execution providers: which are there, which to try in what order, and what started."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lungdb.errors import ProcedureError
from lungdb.networks.graph import UNREADABLE

ARGUMENT = 50101

CPU = "CPUExecutionProvider"
PREFERRED = ("CUDAExecutionProvider", "DmlExecutionProvider", "OpenVINOExecutionProvider", CPU)
"""Execution providers that are taken unasked, in this order. TensorRT is not among them: it compiles for minutes."""

_ENDING = "ExecutionProvider"
_ASKED_FOR = ("TensorrtExecutionProvider", *PREFERRED)
_ALIASES = {"directml": "DmlExecutionProvider"}

WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
"""Distributions on PyPI that hold the one package `onnxruntime`."""

# Exhaustive search would tune anew for every size of batch, and a tuned choice may differ from run to run. TF32 keeps
# 10 bits of mantissa: features from a GPU would not agree with those from a CPU in the same table.
_OPTIONS = {"CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}}


def import_runtime() -> Any:
    """Import onnxruntime.

    Raises
    ------
    ProcedureError
        50116 when it is missing, or when several of its wheels are installed over each other: their files are mixed,
        and what runs depends on the order of installation.
    """
    installed = [wheel for wheel in WHEELS if _is_installed(wheel)]
    if len(installed) > 1:
        raise ProcedureError(
            UNREADABLE,
            f"The packages {' and '.join(installed)} are installed over each other. Run: pip uninstall -y "
            f'{" ".join(installed)}, then pip install "lungdb[cpu]", or "lungdb[gpu]" for CUDA.',
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise ProcedureError(
            UNREADABLE,
            f'ONNX Runtime cannot be imported ({error}). Run: pip install "lungdb[cpu]", or "lungdb[gpu]" for CUDA.',
        ) from None
    return onnxruntime


def _is_installed(wheel: str) -> bool:
    try:
        version(wheel)
    except PackageNotFoundError:
        return False
    return True


def choose_providers(
    wanted: Sequence[str] | None, available: Sequence[str], existing: Sequence[str] = _ASKED_FOR
) -> tuple[list[str], dict[str, str]]:
    """Choose the execution providers to try.

    Parameters
    ----------
    wanted : sequence of str or None
        As ONNX Runtime names them, or without `ExecutionProvider` (`cuda`), in any case; None takes `PREFERRED`.
    available : sequence of str
        Those that this ONNX Runtime lists.
    existing : sequence of str
        Those that some ONNX Runtime has.

    Returns
    -------
    chosen : list of str
        In the order of `wanted`; the last one is the CPU's, which runs what the others cannot.
    missing : dict
        What was wanted and is not listed, with the reason.

    Raises
    ------
    ProcedureError
        50101 for a name that no ONNX Runtime has.
    """
    names = [_full_name(name, existing) for name in wanted or PREFERRED]
    chosen = [name for name in dict.fromkeys(names) if name in available and name != CPU]
    missing = {name: "is not in this ONNX Runtime" for name in names if name not in available} if wanted else {}
    if CPU in names:
        chosen = [name for name in chosen if names.index(name) < names.index(CPU)]
    return [*chosen, CPU], missing


def _full_name(name: str, existing: Sequence[str]) -> str:
    full_names = (*_ASKED_FOR, *existing)
    known = {full.lower(): full for full in full_names}
    known |= {full.removesuffix(_ENDING).lower(): full for full in full_names} | _ALIASES
    if name.lower() in known:
        return known[name.lower()]
    close = difflib.get_close_matches(name.lower(), known, n=1)
    advice = f"Did you mean {known[close[0]]}?" if close else f"Supported values are {', '.join(_ASKED_FOR)}."
    raise ProcedureError(ARGUMENT, f"The provider {name!r} is not supported. {advice}")


def start_session(model: bytes, options: Any, wanted: Sequence[str] | None) -> tuple[Any, str]:
    """Start a network on the first execution provider that can.

    Returns
    -------
    session : onnxruntime.InferenceSession
    notice : str
        Empty when the first choice runs; else which one runs, and why not those before it.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing or refuses the network, 50101 when a provider does not exist.
    """
    onnxruntime = import_runtime()
    chosen, failed = choose_providers(wanted, onnxruntime.get_available_providers(), onnxruntime.get_all_providers())
    while True:
        try:
            # Its own fallback prints to standard output, which SQL Server passes on to the client.
            session = onnxruntime.InferenceSession(
                model, options, providers=[(name, _OPTIONS.get(name, {})) for name in chosen], enable_fallback=0
            )
        except Exception as error:  # its exceptions share no base but this one
            if chosen == [CPU]:
                raise ProcedureError(
                    UNREADABLE, f"ONNX Runtime cannot run the network: {short(error)} Check the file with onnx.checker."
                ) from None
            failed[chosen.pop(0)] = f"did not start ({short(error)})"
        else:
            break
    running = session.get_providers()
    # A provider whose libraries or driver are missing is dropped without an exception.
    dropped = chosen[: chosen.index(running[0])]
    failed |= dict.fromkeys(dropped, "did not start, its driver or libraries are missing or of another version")
    reasons = "; ".join(f"{name} {reason}" for name, reason in failed.items())
    return session, f"{running[0]} runs the network: {reasons}." if reasons else ""


def short(error: Exception) -> str:
    """Give an exception's text on one line of at most 500 characters."""
    return " ".join(str(error).split())[:500]
