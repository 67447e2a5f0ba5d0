"""Dense networks out of ONNX, safetensors and npz files: the layers' weights, biases and activations."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.wording import listed, printable

ACTIVATIONS = ("relu", "sigmoid", "tanh", "identity")
_ACTIVATE: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "relu": lambda sums: np.maximum(sums, 0),
    "sigmoid": lambda sums: (1 + np.tanh(sums / 2)) / 2,  # without an EXP that overflows
    "tanh": np.tanh,
    "identity": np.asarray,
}
_ONNX_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}
_MOST_RATIO, _FREE_OF_RATIO = 100, 1 << 24
"""How many times its size a file may unpack to, and the bytes that any may."""

_NAMES = (
    (re.compile(r"(?:.*\.)?(\d+)\.weight"), re.compile(r"(?:.*\.)?(\d+)\.bias"), True),
    (re.compile(r"coefs_(\d+)"), re.compile(r"intercepts_(\d+)"), False),
)


@dataclass(frozen=True)
class DenseLayer:
    """A layer: inputs @ weight + bias, then the activation.

    Attributes
    ----------
    weight : ndarray of float64, shape (inputs, units)
    bias : ndarray of float64, shape (units,)
    activation : str
        relu, sigmoid, tanh or identity; softmax or sigmoid for the last layer.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    activation: str


def read_dense(data: bytes, activation: str = "relu") -> list[DenseLayer]:
    """Read a dense network.

    The last layer ends in a softmax over its units, or in a sigmoid where it has one: also where the file stops before
    it, as files of logits do.

    Parameters
    ----------
    data : bytes
        An ONNX, safetensors or npz file. Tensors of the latter two are named 0.weight and 0.bias, numbers in any steps,
        with weights of shape (units, inputs) as PyTorch has them, or coefs_0 and intercepts_0, with weights of shape
        (inputs, units) as scikit-learn has them.
    activation : str
        Of the hidden layers, where the file does not say; one of `ACTIVATIONS`.

    Raises
    ------
    LungdbError
        The file cannot be read, is no dense network, or its shapes do not fit.
    """
    if not data:
        raise LungdbError("The file is empty. Give a dense network: ONNX, safetensors or npz.")
    if data[:4] == b"PK\x03\x04":
        layers = _named(_npz(data), activation)
    elif data[8:9] == b"{":
        layers = _named(_safetensors(data), activation)
    else:
        from lungdb.networks.graphs.graph import refusing

        with refusing("read"):
            layers = _onnx(data)
    return _checked(layers)


def _npz(data: bytes) -> dict[str, NDArray[np.float64]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > max(_FREE_OF_RATIO, _MOST_RATIO * len(data)):
            raise LungdbError(
                f"The npz file would unpack from {len(data):,} bytes to {unpacked:,}. Save weights with numpy.savez."
            )
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: np.asarray(file[name], dtype=np.float64) for name in file.files}
    except LungdbError:
        raise
    # A header may claim more numbers than there are, and zipfile and zlib have exceptions of their own.
    except Exception as error:
        what = printable(error)[:200]
        raise LungdbError(f"The npz file cannot be read ({what}). Save plain numbers with numpy.savez.") from error


def _safetensors(data: bytes) -> dict[str, NDArray[np.float64]]:
    from lungdb.networks.weights.safetensors import read_safetensors

    return {name: np.asarray(value, dtype=np.float64) for name, value in read_safetensors(data).items()}


def _named(tensors: Mapping[str, NDArray[np.float64]], activation: str) -> list[DenseLayer]:
    for weight_name, bias_name, transposed in _NAMES:
        weights = {int(m[1]): value for name, value in tensors.items() if (m := weight_name.fullmatch(name))}
        biases = {int(m[1]): value for name, value in tensors.items() if (m := bias_name.fullmatch(name))}
        if weights and weights.keys() == biases.keys() and len(weights) + len(biases) == len(tensors):
            numbers = sorted(weights)
            return [
                DenseLayer(
                    weights[number].T if transposed else weights[number],
                    biases[number],
                    "identity" if number == numbers[-1] else activation,
                )
                for number in numbers
            ]
    raise LungdbError(
        f"The tensors {listed(sorted(tensors)) or '(none)'} are not those of a dense network. Name them "
        "0.weight, 0.bias, 2.weight, … or coefs_0, intercepts_0, …, and leave others out."
    )


def _onnx(data: bytes) -> list[DenseLayer]:
    import onnx

    try:
        graph = onnx.load_from_string(data).graph
    except Exception as error:  # protobuf raises its own kinds, by version
        raise LungdbError(
            "The file is neither ONNX, safetensors nor npz. Export the network as one of them."
        ) from error
    constants = {each.name: _numbers(each) for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise LungdbError(f"The network has {len(inputs)} inputs. Give a dense network with one.")
    rank = len(inputs[0].type.tensor_type.shape.dim)
    layers: list[DenseLayer] = []
    flowing = inputs[0].name
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _numbers(onnx.helper.get_attribute_value(node.attribute[0]))
            continue
        names = [name for name in node.input if name]
        if all(name in constants for name in names):
            raise _not_dense(f"{node.op_type} computes a constant, which an export with constants folded has not")
        others = [name for name in names if name not in constants and name != flowing]
        if others or names.count(flowing) != 1:
            raise _not_dense(f"{node.op_type} reads {listed(others or names)}, not just the layer before it")
        kind = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        if rank > 2 and kind not in ("Flatten", "Identity"):
            raise _not_dense(f"{kind} reads examples of {rank - 1} dimensions; it lacks a Flatten")
        values = [constants[name] for name in names if name != flowing]
        _take(layers, kind, {each.name: each for each in node.attribute}, values, node.input[0] == flowing)
        rank = 2 if kind == "Flatten" else rank
        flowing = node.output[0]
    if not layers:
        raise _not_dense("it has no layer")
    if flowing not in [each.name for each in graph.output]:
        raise _not_dense("its last layer is not its output")
    return layers


def _numbers(constant: object) -> NDArray[np.float64]:
    from onnx import TensorProto, numpy_helper

    if isinstance(constant, TensorProto) and constant.data_location == TensorProto.EXTERNAL:
        raise LungdbError("The network's weights lie in another file. Export it as one file.")
    try:
        value = numpy_helper.to_array(constant) if isinstance(constant, TensorProto) else constant
        return np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise _not_dense("a constant of it is no array of numbers") from error


def _take(
    layers: list[DenseLayer],
    kind: str,
    attributes: Mapping[str, object],
    arrays: Sequence[NDArray[np.float64]],
    first: bool,
) -> None:
    """Take one more node of a chain into its layers."""

    def attribute(name: str, field: str, default: float) -> float:
        return float(getattr(attributes[name], field)) if name in attributes else default

    if kind in ("Gemm", "MatMul"):
        if not first or attribute("transA", "i", 0):
            raise _not_dense(f"its {kind} multiplies weights by values, not values by weights")
        if arrays[0].ndim != 2:
            raise _not_dense(f"its {kind} has weights of shape {arrays[0].shape}, which are no matrix")
        weight = arrays[0].T if attribute("transB", "i", 0) else arrays[0]
        bias = _bias(kind, arrays[1], weight.shape[1]) if len(arrays) > 1 else np.zeros(weight.shape[1])
        layers.append(
            DenseLayer(weight * attribute("alpha", "f", 1), bias * attribute("beta", "f", 1), "identity"),
        )
    elif kind == "Flatten":
        if attribute("axis", "i", 1) != 1:
            raise _not_dense("its Flatten does not keep the examples apart")
    elif kind == "Dropout":
        if len(arrays) > 1 and arrays[1].any():
            raise _not_dense("its Dropout is in training mode")
    elif kind == "Add" or kind in _ONNX_ACTIVATIONS:
        if not layers:
            raise _not_dense(f"{kind} stands before its first layer")
        last = _linear(layers)
        if kind == "Add":
            layers[-1] = DenseLayer(last.weight, last.bias + _bias(kind, arrays[0], last.bias.size), "identity")
            return
        if kind == "Softmax" and attribute("axis", "i", -1) not in (-1, 1):
            raise _not_dense("its Softmax is not over the classes")
        layers[-1] = DenseLayer(last.weight, last.bias, _ONNX_ACTIVATIONS[kind])
    elif kind != "Identity":
        raise _not_dense(f"it holds {kind}")


def _linear(layers: list[DenseLayer]) -> DenseLayer:
    """Give a last layer that has no activation yet, one that changes nothing where need be."""
    if layers[-1].activation != "identity":
        units = layers[-1].bias.size
        layers.append(DenseLayer(np.eye(units), np.zeros(units), "identity"))
    return layers[-1]


def _bias(kind: str, array: NDArray[np.float64], units: int) -> NDArray[np.float64]:
    """Spread what is added over the units, as ONNX does; shape (units,)."""
    if array.size != 1 and (array.shape[-1] != units or array.size != units):
        raise _not_dense(f"its {kind} adds numbers of shape {array.shape} to {units} units")
    return np.broadcast_to(array.ravel(), (units,))


def _not_dense(why: str) -> LungdbError:
    return LungdbError(
        f"This is no dense network: {why}. Give one of Gemm or MatMul and Add, Relu, Sigmoid, Tanh and Softmax."
    )


def _checked(layers: list[DenseLayer]) -> list[DenseLayer]:
    """Check shapes and numbers, and let the last layer end in class probabilities."""
    for number, layer in enumerate(layers):
        if layer.weight.ndim != 2 or 0 in layer.weight.shape:
            raise LungdbError(
                f"Layer {number} has weights of shape {layer.weight.shape}. Give a matrix of inputs and units."
            )
        if layer.bias.shape != layer.weight.shape[1:]:
            raise LungdbError(
                f"Layer {number} has weights of shape {layer.weight.shape} and biases of shape {layer.bias.shape}. "
                "Give a bias for each unit."
            )
        if number and layers[number - 1].weight.shape[1] != layer.weight.shape[0]:
            raise LungdbError(
                f"Layer {number} reads {layer.weight.shape[0]} values and the layer before it gives "
                f"{layers[number - 1].weight.shape[1]}. Give layers that fit."
            )
        if not np.isfinite(layer.weight).all() or not np.isfinite(layer.bias).all():
            raise LungdbError(f"Layer {number} holds numbers that are not finite. Train the network again.")
        if layer.activation == "softmax" and layer is not layers[-1]:
            raise _not_dense("a softmax stands before its last layer")
    last = layers[-1]
    wanted = "softmax" if last.weight.shape[1] > 1 else "sigmoid"
    if last.activation not in ("identity", wanted):
        raise LungdbError(
            f"The network ends in {last.activation} over {last.weight.shape[1]} units, which are no probabilities. "
            f"End it in {wanted}."
        )
    return [*layers[:-1], DenseLayer(last.weight, last.bias, wanted)]


def dense_probabilities(layers: Sequence[DenseLayer], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Run a network whose last layer is a softmax, or a sigmoid of one unit.

    Parameters
    ----------
    layers : sequence of DenseLayer
    inputs : ndarray of float64, shape (examples, inputs)

    Returns
    -------
    ndarray of float64, shape (examples, classes)
        Class probabilities; one unit makes two classes, of which the second has its sigmoid.
    """
    values = inputs
    for layer in layers:
        values = values @ layer.weight + layer.bias
        if layer is not layers[-1]:
            values = _ACTIVATE[layer.activation](values)
    if layers[-1].activation == "sigmoid":
        values = np.hstack([np.zeros_like(values), values])
    powers = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
