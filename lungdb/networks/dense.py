"""Dense networks out of ONNX, safetensors and npz files: the layers' weights, biases and activations."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

ACTIVATIONS = ("relu", "sigmoid", "tanh", "identity")
_ONNX_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}
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
    if data[:4] == b"PK\x03\x04":
        layers = _named(_npz(data), activation)
    elif data[8:9] == b"{":
        layers = _named(_safetensors(data), activation)
    else:
        layers = _onnx(data)
    return _checked(layers)


def _npz(data: bytes) -> dict[str, NDArray[np.float64]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: np.asarray(file[name], dtype=np.float64) for name in file.files}
    except (ValueError, OSError, TypeError, zipfile.BadZipFile) as error:
        raise LungdbError(f"The npz file cannot be read ({error}). Save plain numbers with numpy.savez.") from error


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
        f"The tensors {', '.join(sorted(tensors)[:8]) or '(none)'} are not those of a dense network. Name them "
        "0.weight, 0.bias, 2.weight, … or coefs_0, intercepts_0, …, and leave others out."
    )


def _onnx(data: bytes) -> list[DenseLayer]:
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load_from_string(data).graph
    except Exception as error:  # protobuf raises its own kinds, by version
        raise LungdbError(
            "The file is neither ONNX, safetensors nor npz. Export the network as one of them."
        ) from error
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    inputs = [each.name for each in graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise LungdbError(f"The network has {len(inputs)} inputs. Give a dense network with one.")
    layers: list[DenseLayer] = []
    flowing = inputs[0]
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            continue
        others = [constants[name] for name in node.input if name in constants]
        if [name for name in node.input if name not in constants] != [flowing]:
            raise _not_dense(f"{node.op_type} does not follow the layer before it")
        _take(layers, node.op_type, {each.name: each for each in node.attribute}, others, node.input[0] == flowing)
        flowing = node.output[0]
    if not layers or flowing not in [each.name for each in graph.output]:
        raise _not_dense("its last layer is not its output")
    return layers


def _take(
    layers: list[DenseLayer],
    kind: str,
    attributes: Mapping[str, object],
    constants: Sequence[NDArray[np.generic]],
    first: bool,
) -> None:
    """Take one more node of a chain into its layers."""

    def attribute(name: str, field: str, default: float) -> float:
        return float(getattr(attributes[name], field)) if name in attributes else default

    arrays = [np.asarray(each, dtype=np.float64) for each in constants]
    last = layers[-1] if layers else None
    if kind == "Gemm" and arrays and first and not attribute("transA", "i", 0):
        weight = arrays[0].T if attribute("transB", "i", 0) else arrays[0]
        bias = arrays[1] if len(arrays) > 1 else np.zeros(1)
        scaled = (
            weight * attribute("alpha", "f", 1),
            np.broadcast_to(bias.ravel(), weight.shape[-1:]) if bias.size == 1 else bias,
        )
        layers.append(DenseLayer(scaled[0], scaled[1].ravel() * attribute("beta", "f", 1), "identity"))
    elif kind == "MatMul" and len(arrays) == 1 and first:
        layers.append(DenseLayer(arrays[0], np.zeros(arrays[0].shape[-1]), "identity"))
    elif (
        kind == "Add"
        and len(arrays) == 1
        and last
        and last.activation == "identity"
        and arrays[0].size == last.bias.size
    ):
        layers[-1] = DenseLayer(last.weight, last.bias + arrays[0].ravel(), "identity")
    elif kind in _ONNX_ACTIVATIONS and last and last.activation == "identity":
        if kind == "Softmax" and attribute("axis", "i", -1) not in (-1, 1):
            raise _not_dense("its Softmax is not over the classes")
        layers[-1] = DenseLayer(last.weight, last.bias, _ONNX_ACTIVATIONS[kind])
    elif kind not in ("Identity", "Dropout") and (kind != "Flatten" or last):
        raise _not_dense(f"it holds {kind}")


def _not_dense(why: str) -> LungdbError:
    return LungdbError(
        f"This is no dense network: {why}. Give one of Gemm or MatMul and Add, Relu, Sigmoid, Tanh and Softmax."
    )


def _checked(layers: list[DenseLayer]) -> list[DenseLayer]:
    """Check shapes and numbers, and let the last layer end in class probabilities."""
    for number, layer in enumerate(layers):
        if layer.weight.ndim != 2 or 0 in layer.weight.shape or layer.bias.shape != layer.weight.shape[1:]:
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
