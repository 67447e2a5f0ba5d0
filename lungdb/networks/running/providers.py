"""ONNX Runtime itself and its execution providers: which are there, which to try in what order, and what started."""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import io
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lungdb.errors import ASK_DOCTOR, ErrorNumber, ProcedureError
from lungdb.networks.running.devices import chosen_devices, split_device

CPU = "CPUExecutionProvider"
PREFERRED = ("CUDAExecutionProvider", "DmlExecutionProvider", "OpenVINOExecutionProvider", CPU)
"""Execution providers that are taken unasked, in this order. TensorRT is not among them: it compiles for minutes."""

_ENDING = "ExecutionProvider"
_ASKED_FOR = ("TensorrtExecutionProvider", *PREFERRED)
_ALIASES = {"directml": "DmlExecutionProvider"}

WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
"""Distributions on PyPI that hold the one package `onnxruntime`."""

# What ONNX Runtime and the libraries below it say when memory runs out, in lower case: its arena, C++, CUDA, cuDNN and
# cuBLAS, DirectML.
_OUT_OF_MEMORY = (
    "failed to allocate memory",
    "available memory of",
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "alloc_failed",
    "not enough memory",
    "8007000e",
)

_ON_CUDA = {"TensorrtExecutionProvider", "CUDAExecutionProvider"}
_FATAL, _WARNING = 4, 2  # severities of ONNX Runtime's logger; it starts with the second


def import_runtime() -> Any:
    """Import onnxruntime.

    Raises
    ------
    ProcedureError
        50116 when it is missing or incomplete, or when several of its wheels are installed over each other: their
        files are mixed, and what runs depends on the order of installation.
    """
    installed = [wheel for wheel in WHEELS if _is_installed(wheel)]
    if len(installed) > 1:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The packages {' and '.join(installed)} are installed over each other. Run: pip uninstall -y "
            f'{" ".join(installed)}, then pip install "lungdb[cpu]", or "lungdb[gpu]" for CUDA. {ASK_DOCTOR}',
        )
    try:
        import onnxruntime

        if not hasattr(onnxruntime, "InferenceSession"):  # what is left when one of two wheels is uninstalled
            raise ImportError("its files are incomplete; uninstall every onnxruntime package first")
    except ImportError as error:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f'ONNX Runtime cannot be imported ({error}). Run: pip install "lungdb[cpu]", or "lungdb[gpu]" for CUDA. '
            f"{ASK_DOCTOR}",
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
        As ONNX Runtime names them, or without `ExecutionProvider` (`cuda`), in any case; a device after a colon is
        not read here (`CUDA:1`, see `devices_of`); None takes `PREFERRED`.
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
        50101 for a name that no ONNX Runtime has, 50340 for a device that is no number.
    """
    names = [_full_name(split_device(name)[0], existing) for name in wanted or PREFERRED]
    chosen = [name for name in dict.fromkeys(names) if name in available and name != CPU]
    missing = {name: "is not in this ONNX Runtime" for name in names if name not in available} if wanted else {}
    if CPU in names:
        chosen = [name for name in chosen if names.index(name) < names.index(CPU)]
    return [*chosen, CPU], missing


def devices_of(wanted: Sequence[str] | None, existing: Sequence[str] = _ASKED_FOR) -> dict[str, int]:
    """Give the device of each provider that is wanted with one, `CUDA:1`; arguments as of `choose_providers`.

    Raises
    ------
    ProcedureError
        50101 for a name that no ONNX Runtime has; 50340 for a device that cannot be, or is not there.
    """
    split = [split_device(name) for name in wanted or ()]
    return chosen_devices([(_full_name(provider, existing), device) for provider, device in split])


def _full_name(name: str, existing: Sequence[str]) -> str:
    full_names = (*_ASKED_FOR, *existing)
    known = {full.lower(): full for full in full_names}
    known |= {full.removesuffix(_ENDING).lower(): full for full in full_names} | _ALIASES
    if name.lower() in known:
        return known[name.lower()]
    close = difflib.get_close_matches(name.lower(), known, n=1)
    advice = f"Did you mean {known[close[0]]}?" if close else f"Supported values are {', '.join(_ASKED_FOR)}."
    raise ProcedureError(ErrorNumber.ARGUMENT, f"The provider {name!r} is not supported. {advice}")


def start_session(
    model: bytes, wanted: Sequence[str] | None, threads: int, weights: Mapping[str, NDArray[Any]] | None = None
) -> tuple[Any, str]:
    """Start a network on the first execution provider that can.

    Parameters
    ----------
    model : bytes
        ONNX.
    wanted : sequence of str or None
        As for `choose_providers`.
    threads : int
        Threads within an operator, where processors compute; 0 leaves it to ONNX Runtime, which counts cores.
    weights : mapping of str to ndarray, optional
        Those that the model names and does not hold; whoever has the session must keep them as long.

    Returns
    -------
    session : onnxruntime.InferenceSession
    notice : str
        Empty when the first choice runs; else which one runs, and why not those before it.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing or refuses the network, 50101 when a provider does not exist, 50340 when a
        device does not.
    """
    onnxruntime = import_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # What it logs reaches the client through SQL Server; errors are raised as well.
    options.log_severity_level = _FATAL
    # A plan for every size of batch, kept beside the memory that the first run took, adds 190 MB to the 250 that a
    # ResNet-50 takes for batches of 32, and saves no time.
    options.enable_mem_pattern = False
    # Threads that spin while they wait for work take the processors from those that prepare the next batch, and from
    # whatever else the server does. Without spinning the network by itself takes as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
        options.add_external_initializers(list(weights), values)
    chosen, failed = choose_providers(wanted, onnxruntime.get_available_providers(), onnxruntime.get_all_providers())
    devices = devices_of(wanted, onnxruntime.get_all_providers())
    if not _ON_CUDA.isdisjoint(chosen):
        _find_cuda(onnxruntime)
    while True:
        try:
            session = _start(onnxruntime, model, options, [(name, _options(name, threads, devices)) for name in chosen])
        except Exception as error:  # its exceptions share no base but this one
            if chosen == [CPU]:
                if lacks_memory(error):
                    raise no_memory("network", error) from None
                raise ProcedureError(
                    ErrorNumber.UNREADABLE,
                    f"ONNX Runtime cannot run the network: {short(error)} Check the file with onnx.checker.",
                ) from None
            name = chosen.pop(0)
            failed[name] = f"did not start ({_what_is_missing(onnxruntime, name) or short(error)})"
        else:
            break
    running = session.get_providers()[0]
    for name in chosen[: chosen.index(running)]:  # dropped without an exception
        reason = _what_is_missing(onnxruntime, name) or "its driver or libraries are missing or of another version"
        failed[name] = f"did not start ({reason})"
    reasons = "; ".join(f"{name} {reason}" for name, reason in failed.items())
    return session, f"{running} runs the network: {reasons}." if reasons else ""


def _start(onnxruntime: Any, model: bytes, options: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
    # A provider that does not start is logged beside the session's own log, and the wrapper's fallback prints.
    onnxruntime.set_default_logger_severity(_FATAL)
    try:
        return onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    finally:
        onnxruntime.set_default_logger_severity(_WARNING)


def _options(provider: str, threads: int, devices: Mapping[str, int]) -> dict[str, str]:
    device = {"device_id": str(devices[provider])} if provider in devices else {}
    if provider == "CUDAExecutionProvider":
        # Exhaustive search would tune anew for every size of batch, and a tuned choice may differ from run to run. TF32
        # keeps 10 bits of mantissa: features from a GPU would not agree with those from a CPU in the same table.
        return {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"} | device
    if provider == "OpenVINOExecutionProvider":
        # Left to itself it computes in bfloat16 where the processor can.
        return {"precision": "ACCURACY"} | ({"num_of_threads": str(threads)} if threads else {})
    return device


def _find_cuda(onnxruntime: Any) -> None:
    """Load CUDA and cuDNN from NVIDIA's packages on PyPI where they are installed, off the search path."""
    if hasattr(onnxruntime, "preload_dlls"):  # from 1.21 on
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


def _what_is_missing(onnxruntime: Any, provider: str) -> str:
    """Ask the system's loader what a provider's library lacks, which ONNX Runtime only logs; empty when nothing."""
    short_name = provider.removesuffix(_ENDING).lower()
    for library in Path(onnxruntime.__file__).parent.glob(f"capi/*onnxruntime_providers_{short_name}.*"):
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            return str(error)
    return ""


def lacks_memory(error: Exception) -> bool:
    """Tell whether ONNX Runtime failed because memory ran out, the computer's or a GPU's."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def no_memory(what: str, error: Exception) -> ProcedureError:
    """Make the refusal for what the memory does not hold."""
    return ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The memory does not hold the {what}: {short(error)} Give the process more memory, in SQL Server its external "
        "resource pool, or use a smaller network.",
    )


def short(error: Exception) -> str:
    """Give an exception's text on one line of at most 500 characters."""
    return " ".join(str(error).split())[:500]
