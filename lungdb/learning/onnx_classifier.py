"""Classifiers in ONNX that read a vector of features and give a probability, as scikit-learn models are exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ASK_DOCTOR, ErrorNumber, ProcedureError

_SUMS_TO_1 = 1e-3  # within which the probabilities of two classes must
_MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class OnnxClassifier:
    """A classifier that ONNX Runtime runs.

    Attributes
    ----------
    session : onnxruntime.InferenceSession
    source, output : str
        Names of its input and of the output with the probabilities.
    width : int
        Number of features that it reads.
    """

    session: Any
    source: str
    output: str
    width: int

    def probabilities(self, vectors: NDArray[np.float32]) -> Scores:
        """Compute the probability of class 1 for float32[patients, width].

        Raises
        ------
        ProcedureError
            50116 when it cannot be run, or what it gives is no probability of two classes for each patient.
        """
        if not len(vectors):
            return np.empty(0)
        try:
            given = self.session.run([self.output], {self.source: vectors})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base but this one
            raise _refusal(f"ONNX Runtime cannot run it: {str(error)[:200]}") from None
        return _of_class_1(given, len(vectors))


def load(model: bytes) -> OnnxClassifier:
    """Load a classifier, on one thread of the CPU.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is not installed or cannot read it, or its input and outputs are others than a float
        vector in and a probability out.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"ONNX Runtime is not installed where the scripts run. Run: pip install onnxruntime. {ASK_DOCTOR}",
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # see above
        raise _refusal(f"ONNX Runtime cannot read it: {str(error)[:200]}") from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        raise _refusal(f"it reads {_told(inputs)}, not one tensor(float) [N, width]")
    batch, width = inputs[0].shape
    if not isinstance(width, int):
        raise _refusal(f"it reads {_told(inputs)}, which does not say how many features")
    if isinstance(batch, int):
        raise _refusal(f"it reads {_told(inputs)}, which is for {batch} patients only; export it with a free batch")
    wanted = [each.name for each in outputs if each.type in _MAPS or _is_probability(each)]
    if len(wanted) != 1:
        raise _refusal(
            f"it gives {_told(outputs)}, of which {len(wanted)} are probabilities: one tensor(float) [N, 2], [N, 1] or "
            "[N], or one sequence of maps from class to float"
        )
    return OnnxClassifier(session, inputs[0].name, wanted[0], width)


def _is_probability(output: Any) -> bool:
    shape = output.shape
    return output.type == "tensor(float)" and (
        len(shape) == 1 or (len(shape) == 2 and (shape[1] in (1, 2) or not isinstance(shape[1], int)))
    )


def _of_class_1(given: Any, patients: int) -> Scores:
    if isinstance(given, list):
        try:
            table = np.array([[_of(each, 0), _of(each, 1)] for each in given], dtype=np.float64)
        except (KeyError, TypeError, ValueError, AttributeError):
            keys = ", ".join(map(str, given[0])) if given and hasattr(given[0], "keys") else "none"
            raise _refusal(f"its maps have the classes {keys}, not 0 and 1") from None
    else:
        table = np.asarray(given, dtype=np.float64)
        if table.ndim == 1:
            table = table[:, None]
    if table.ndim != 2 or table.shape[0] != patients or table.shape[1] not in (1, 2):
        raise _refusal(f"it gives numbers of shape {list(table.shape)} for {patients} patients, not one or two each")
    scores = np.asarray(table[:, -1], dtype=np.float64)
    # Single precision may pass 1 by a rounding.
    if not ((scores >= -_SUMS_TO_1) & (scores <= 1 + _SUMS_TO_1)).all():
        raise _refusal("what it gives lies outside of 0 to 1, so that it is no probability")
    if table.shape[1] == 2 and np.abs(table.sum(axis=1) - 1).max(initial=0) > _SUMS_TO_1:
        raise _refusal("what it gives for the two classes does not sum to 1, so that it is no probability")
    return np.clip(scores, 0.0, 1.0)


def _of(classes: Any, label: int) -> float:
    if len(classes) != 2:
        raise ValueError(classes)
    return float(classes[label] if label in classes else classes[str(label)])


def _told(values: Any) -> str:
    return (
        "; ".join(f"'{str(each.name)[:40]}' {each.type} {list(each.shape or [])}" for each in values)[:300] or "nothing"
    )


def _refusal(reason: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The classifier in ONNX cannot be used: {reason}. Export it with a float vector in and a probability out.",
    )
