"""Running a network with ONNX Runtime, in batches that fit the memory, and saying where it runs."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.apart import Apart
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import lacks_memory, no_memory, short, start_session


class Session:
    """A network ready to run.

    Attributes
    ----------
    provider : str
        The execution provider that runs it, as ONNX Runtime names it.
    channels : int or str
        Of what it reads; a text where they are free.
    input_size : tuple of int
        Rows and columns of the pictures that it reads; slices, rows and columns of volumes, a text for a free side.
    output_names : tuple of str
    """

    def __init__(self, session: Any, notice: str = "", weights: Mapping[str, NDArray[Any]] | None = None) -> None:
        self._session = session
        # Whether ONNX Runtime copies these or computes with them where they lie is its own affair, and may change.
        self._weights = weights
        self._notice = notice
        self._too_many: int | None = None
        self._most: int | None = None
        picture = session.get_inputs()[0]
        self._input = picture.name
        self.output_names = tuple(str(output.name) for output in session.get_outputs())
        self.provider = str(session.get_providers()[0])
        self.channels: Any = picture.shape[1]
        self.input_size: tuple[Any, ...] = tuple(picture.shape[2:])

    @property
    def notice(self) -> str:
        """What the user should know: why not the first choice of provider runs, or a smaller batch; usually empty."""
        if self._most is None:
            return self._notice
        batches = f"A batch of {self._too_many} did not fit the memory; batches of {self._most} run."
        return f"{self._notice} {batches}".lstrip()

    def run(self, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Compute float32[N, width], one array an output, from float32[N, channels, …], N above 0.

        A batch that does not fit the memory is halved until it does, and later ones with it.

        Raises
        ------
        ProcedureError
            50116 when ONNX Runtime fails, or when the memory does not hold one picture; 50104 when a layer does not
            give a row a picture.
        """
        parts: list[list[NDArray[np.float32]]] = []
        start = 0
        while start < len(pictures):
            batch = pictures[start : start + (self._most or len(pictures))]
            try:
                arrays = self._session.run(None, {self._input: batch})
            except Exception as error:  # its exceptions share no base but this one
                self._halve(len(batch), error)
            else:
                _check_rows(arrays, len(batch))
                parts.append(arrays)
                start += len(batch)
        return parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def outputs(self, item: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Give all outputs for float32[1, channels, …], whatever shape they have; ProcedureError as of `run`."""
        try:
            return [np.asarray(output) for output in self._session.run(None, {self._input: item})]
        except Exception as error:  # its exceptions share no base but this one
            self._halve(1, error)
            raise

    def renew(self) -> None:
        """Be as at the start: a batch that did not fit the memory of an earlier call may fit that of the next."""
        self._too_many = self._most = None

    def _halve(self, size: int, error: Exception) -> None:
        """Take smaller batches from now on, or give up."""
        if not lacks_memory(error):
            raise ProcedureError(
                ErrorNumber.UNREADABLE, f"ONNX Runtime failed on a batch of {size}: {short(error)}"
            ) from None
        if size == 1:
            raise no_memory(f"network and one {'volume' if len(self.input_size) > 2 else 'picture'}", error) from None
        self._too_many = self._too_many or size
        self._most = size // 2


def _check_rows(arrays: Sequence[NDArray[np.float32]], pictures: int) -> None:
    other = [len(array) for array in arrays if len(array) != pictures]
    if other:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network gives {other[0]} rows for {pictures} pictures. Choose another layer.",
        )


def open_session(model: bytes | Apart, providers: Sequence[str] | None = None, threads: int | None = None) -> Session:
    """Open a network of one input.

    Parameters
    ----------
    model : bytes or Apart
        ONNX, as `select_layers` or `cut_layers` gives it.
    providers : sequence of str, optional
        Execution providers to try, in this order, then the CPU; see `lungdb.networks.running.providers`.
    threads : int, optional
        Threads within an operator on the CPU; by default one a core, or one a processor where the process may not use
        all of them.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing or refuses the network; 50101 when a provider does not exist or the number
        of threads is below 1.
    """
    if threads is not None and threads < 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The number of threads {threads} is not supported. Give 1 or more, or NULL."
        )
    graph, weights = (model.graph, model.weights) if isinstance(model, Apart) else (model, {})
    return Session(*start_session(graph, providers, threads or _threads_by_default(), weights), weights)


def _threads_by_default() -> int:
    allowed = allowed_processors()
    return allowed if allowed < (os.cpu_count() or 1) else 0


_KEPT = 2
_sessions: OrderedDict[tuple[object, ...], Session] = OrderedDict()
_lock = threading.Lock()


def cached_session(
    key: str, make: Callable[[], bytes | Apart], providers: Sequence[str] | None = None, threads: int | None = None
) -> Session:
    """Open a network, or give the session that this process has of it, as it was at its start; the last two are kept.

    Parameters
    ----------
    key : str
        Names the network's bytes and the layers; the same key must mean the same model.
    make : () -> bytes or Apart
        Makes the ONNX model when there is no session yet.
    providers, threads
        As for `open_session`; another choice is another session.
    """
    place = (key, None if providers is None else tuple(providers), threads, _threads_by_default())
    with _lock:
        session = _sessions.pop(place, None)
        if session is not None:
            session.renew()
        else:
            while len(_sessions) >= _KEPT:  # before the next one takes memory
                _sessions.popitem(last=False)
            session = open_session(make(), providers, threads)
        if not session.notice:  # the first choice of provider, which did not start, may start for the next call
            _sessions[place] = session
    return session
