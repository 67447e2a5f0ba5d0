"""A patient's score from the nodules found: a leaky noisy-or of the five most probable ones.

That a patient has cancer is the chance that at least one nodule is one, or that there is one which nobody found, the
leak: 1 - (1 - leak) (1 - p1) … (1 - p5). Liao et al. (Evaluate the malignancy of pulmonary nodules using the 3-D deep
leaky noisy-OR network, IEEE Transactions on Neural Networks and Learning Systems 2019), who won the Data Science Bowl
2017, take five nodules, and learn the leak. Probabilities are not scaled before they are combined: a power of
1 - p changes no order, and calibration follows.

To the patients that the leak is learnt from two without nodules are added, one with cancer and one without, as
Laplace's rule of succession does. Few patients who all have nodules would make it 0 otherwise, and a score of 0 has no
log-odds that could be calibrated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError

WIDTH = 5
_ADDED = 1.0  # patients without nodules, of each label
_HALVINGS = 60  # more than a double has binary digits

Scores = NDArray[np.float64]


def probabilities(scores: NDArray[np.floating], leak: float) -> Scores:
    """Combine float[patients, 5] of probabilities, 0 to 1."""
    return np.asarray(1 - (1 - leak) * np.prod(1 - np.asarray(scores, np.float64), axis=1))


def fit(vectors: NDArray[np.float32], labels: NDArray[np.int64], weights: Scores | None = None) -> tuple[bytes, float]:
    """Choose the leak by which the labels are most likely, those added too, and give the combination as ONNX with it.

    The likelihood is concave in 1 - leak, so the zero of its derivative is found by halving.

    Parameters
    ----------
    vectors : float32[patients, 5]
        The scores of the five most probable nodules, 0 where there are fewer.
    labels : int64[patients]
        0 and 1; both occur.
    weights : float64[patients], optional

    Raises
    ------
    ProcedureError
        50101 for other features than five scores from 0 to 1.
    """
    if vectors.ndim != 2 or vectors.shape[1] != WIDTH or not ((vectors >= 0) & (vectors <= 1)).all():
        given = f"{vectors.shape[1]} features" if vectors.shape[1] != WIDTH else "values below 0 or above 1"
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The algorithm noisy_or reads the scores of five nodules, and the vectors have {given}. Name those of "
            "a detector with @NetworkName, @Layer = N'nodules' and @Pooling = N'top5'.",
        )
    weight = np.ones(labels.size) if weights is None else np.asarray(weights, np.float64)
    nothing = np.prod(1 - vectors.astype(np.float64), axis=1)  # that no nodule is one
    positive = labels == 1
    negatives = float(weight[~positive].sum())

    def slope(kept: float) -> float:
        missed = nothing[positive]
        found = float((weight[positive] * missed / (1 - kept * missed)).sum())
        return (negatives + _ADDED) / kept - found - _ADDED / (1 - kept)

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    leak = 1 - (low + high) / 2
    return _to_onnx(leak), leak


def _to_onnx(leak: float) -> bytes:
    from onnx import TensorProto, helper, numpy_helper  # writing a model alone needs it

    # In double precision: a product of small numbers taken from 1 would lose digits otherwise.
    numbers = {"one": 1.0, "kept": 1 - leak}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["scores"], ["wide"], to=TensorProto.DOUBLE),
            helper.make_node("Sub", ["one", "wide"], ["not_one"]),
            helper.make_node("ReduceProd", ["not_one"], ["none"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["none", "kept"], ["nothing"]),
            helper.make_node("Sub", ["one", "nothing"], ["any"]),
            helper.make_node("Cast", ["any"], ["probability"], to=TensorProto.FLOAT),
        ],
        "noisy_or",
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.array(value, np.float64), name) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
