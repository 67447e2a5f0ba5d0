"""What writing a network as ONNX from weights needs, whatever the network: the check of its weights, and its nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.networks.wording import MOST_NAMES, shortened

Weights = Mapping[str, NDArray[np.float32]]
Shapes = dict[str, tuple[int, ...]]

COUNTER = ".num_batches_tracked"
"""End of the names of batch normalisation's counters, which computing features does not need."""

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")

_OPSET, _IR_VERSION = 17, 8  # read by every ONNX Runtime from 1.12 on
_EPSILON = 1e-5  # torch.nn.BatchNorm2d's default


def common_width(weights: Weights, names: Iterable[str], otherwise: int) -> int:
    """Give the first dimension that most of the named arrays have, so that one wrong array does not hide itself."""
    arrays = [weights[name] for name in names if name in weights]
    widths = Counter(array.shape[0] for array in arrays if array.ndim and array.shape[0])
    return widths.most_common(1)[0][0] if widths else otherwise


def check_weights(weights: Weights, expected: Shapes, title: str) -> None:
    """Compare weights with the names and shapes that a network has.

    Raises
    ------
    LungdbError
        One that lists the first of what is missing, left over, of another shape, or not finite.
    """
    given = {name: array for name, array in weights.items() if not name.endswith(COUNTER)}
    problems = [
        *(f"{name} is missing" for name in expected if name not in given),
        *(f"{shortened(name)} is left over" for name in given if name not in expected),
    ]
    for name, shape in expected.items():
        if name in given and given[name].shape != shape:
            problems.append(f"{name} is {_described(given[name].shape)} where {_described(shape)} fits")
        elif name in given and not np.isfinite(given[name]).all():
            problems.append(f"{name} holds infinity or NaN")
    if problems:
        listed = "; ".join(problems[:MOST_NAMES])
        more = f"; and {len(problems) - MOST_NAMES} more" if len(problems) > MOST_NAMES else ""
        raise LungdbError(
            f"The weights are not those of {title}, what does not fit ({len(problems)}): {listed}{more}. "
            "Use the whole state dict of a torchvision network."
        )


def random_values(shapes: Shapes, seed: int) -> dict[str, NDArray[np.float32]]:
    """Make He-initialised kernels, and vectors that leave values as they are: 1 for scale and variance, else 0."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, shape in shapes.items():
        if len(shape) > 1:
            deviation = np.sqrt(2 / np.prod(shape[1:]))
            values[name] = rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
        else:
            values[name] = np.full(shape, name.endswith((".weight", ".running_var")), np.float32)
    return values


class GraphBuilder:
    """Collects the nodes of a network and the weights they read."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        # Filled in place: onnx.helper.make_graph and make_model would each copy all weights.
        self._model = ModelProto(ir_version=_IR_VERSION, opset_import=[helper.make_opsetid("", _OPSET)])

    def add(
        self, operator: str, inputs: list[str], output: str, *, name: str = "", **attributes: int | list[int]
    ) -> str:
        """Add a node and return its output."""
        node = helper.make_node(operator, inputs, [output], name=name or output, **attributes)
        self._model.graph.node.append(node)
        return output

    def normalised_convolution(self, tensor: str, conv: str, norm: str, *, stride: int, relu: bool) -> str:
        """Add a convolution with its batch normalisation folded in, in double precision."""
        kernel = self._weights[f"{conv}.weight"].astype(np.float64)
        scale, shift, mean, variance = (self._weights[f"{norm}.{part}"].astype(np.float64) for part in NORM_PARTS)
        if variance.min() < 0:
            raise LungdbError(f"{norm}.running_var holds a negative variance. Use the weights as they were saved.")
        factor = scale / np.sqrt(variance + _EPSILON)
        self.store(f"{conv}.weight", kernel * factor[:, None, None, None])
        self.store(f"{conv}.bias", shift - mean * factor)
        side = kernel.shape[-1]
        output = self._convolve(tensor, conv, norm, side=side, stride=stride, pad=side // 2)
        return self.add("Relu", [output], f"{norm}.relu") if relu else output

    def convolution(self, tensor: str, conv: str, output: str, *, stride: int, pad: int) -> str:
        """Add a convolution with a bias and ReLU."""
        kernel = self.store_given(f"{conv}.weight")
        self.store_given(f"{conv}.bias")
        convolved = self._convolve(tensor, conv, conv, side=kernel.shape[-1], stride=stride, pad=pad)
        return self.add("Relu", [convolved], output)

    def dense(self, tensor: str, layer: str, output: str) -> str:
        """Add a fully connected layer."""
        self.store_given(f"{layer}.weight")
        self.store_given(f"{layer}.bias")
        return self.add("Gemm", [tensor, f"{layer}.weight", f"{layer}.bias"], output, name=layer, transB=1)

    def store_given(self, name: str) -> NDArray[np.float32]:
        """Keep one of the given weights as it is."""
        self.store(name, self._weights[name])
        return self._weights[name]

    def store(self, name: str, array: NDArray[np.floating]) -> str:
        """Keep an array under a name; LungdbError when it does not fit float32."""
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(array, dtype=np.float32)
        if not np.isfinite(values).all():
            raise LungdbError(f"{name} exceeds float32 once normalised. Use the weights as they were saved.")
        self._model.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def finish(self, title: str, size: int, output: str, width: int) -> bytes:
        """Write the model: input `input`, float32[N, 3, size, size], and an output float32[N, width]."""
        graph = self._model.graph
        graph.name = title
        graph.input.append(helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", CHANNELS, size, size]))
        graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", width]))
        return bytes(self._model.SerializeToString())

    def _convolve(self, tensor: str, conv: str, output: str, *, side: int, stride: int, pad: int) -> str:
        return self.add(
            "Conv",
            [tensor, f"{conv}.weight", f"{conv}.bias"],
            output,
            name=conv,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[pad] * 4,
        )


def _described(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
