"""Running a network with ONNX Runtime: on CUDA when it is there, else on the CPU, and saying which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ProcedureError
from lungdb.networks.graph import UNREADABLE

ARGUMENT = 50101

SUPPORTED = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""Execution providers in order of preference."""

_OPTIONS: dict[str, dict[str, str]] = {
    # Exhaustive search would tune anew for every size of batch, and a tuned choice may differ from run to run. TF32
    # keeps 10 bits of mantissa: features from a GPU would not agree with those from a CPU in the same table.
    "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
    "CPUExecutionProvider": {},
}


class Session:
    """A network ready to run.

    Attributes
    ----------
    provider : str
        The execution provider that runs it, as ONNX Runtime names it.
    input_size : tuple of two int
        Rows and columns of the pictures that it reads.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        picture = session.get_inputs()[0]
        self._input = picture.name
        self.provider = str(session.get_providers()[0])
        self.input_size: tuple[int, int] = tuple(picture.shape[2:])

    def run(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute float32[N, width] from float32[N, 3, rows, cols]; ProcedureError 50116 when ONNX Runtime fails."""
        try:
            features: NDArray[np.float32] = self._session.run(None, {self._input: pictures})[0]
        except Exception as error:  # its exceptions share no base but this one
            raise ProcedureError(
                UNREADABLE,
                f"ONNX Runtime failed on a batch of {len(pictures)}: {_short(error)} Try a smaller @BatchSize.",
            ) from None
        return features


def open_session(model: bytes, providers: Sequence[str] | None = None, threads: int | None = None) -> Session:
    """Open a network of one input and one output.

    Parameters
    ----------
    model : bytes
        ONNX, as `select_layer` gives it.
    providers : sequence of str, optional
        Execution providers to try, in this order; by default CUDA, then CPU, of those that ONNX Runtime lists.
    threads : int, optional
        Threads within an operator; by default one a core.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing or refuses the network; 50101 when a provider is not listed or the number
        of threads is below 1.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ProcedureError(
            UNREADABLE,
            f'ONNX Runtime cannot be imported ({error}). Run: pip install "lungdb[cpu]", or "lungdb[gpu]" for CUDA.',
        ) from None
    if threads is not None and threads < 1:
        raise ProcedureError(ARGUMENT, f"The number of threads {threads} is not supported. Give 1 or more, or NULL.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3  # SQL Server would pass warnings on to the client as messages
    chosen = choose_providers(providers, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[(provider, _OPTIONS[provider]) for provider in chosen]
        )
    except Exception as error:  # its exceptions share no base but this one
        raise ProcedureError(
            UNREADABLE, f"ONNX Runtime cannot run the network: {_short(error)} Check the file with onnx.checker."
        ) from None
    return Session(session)


def choose_providers(wanted: Sequence[str] | None, available: Sequence[str]) -> list[str]:
    """Choose among the listed execution providers; ProcedureError 50101 when a wanted one is not among them."""
    usable = [provider for provider in SUPPORTED if provider in available]
    if wanted is None:
        return usable
    for provider in wanted:
        if provider not in usable:
            raise ProcedureError(
                ARGUMENT, f"The provider {provider!r} is not supported. Supported values are {', '.join(usable)}."
            )
    return list(wanted)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
