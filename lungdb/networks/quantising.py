"""Networks that run faster: weights and activations in 16-bit floating point or in 8-bit whole numbers.

fp16 is for GPUs; on a CPU it runs, no faster than float32. int8 is static quantization in QDQ form (QuantizeLinear and
DequantizeLinear around the operators, which ONNX Runtime fuses), per output channel for weights. Jacob et al.,
Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.graphs.graph import network_input, read_model
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import short, start_session
from lungdb.networks.running.sessions import open_session

Pictures = NDArray[np.float32]

FP16_MAX = 65504.0
"""The largest float16."""

_QUANTISED = ["Conv", "Gemm", "MatMul", "Add", "MaxPool", "Concat"]
_OTHER_PRECISION = {"QuantizeLinear", "DequantizeLinear"}
_MULTIPLIES = {"Gemm", "MatMul"}


def precision_of(model: bytes) -> str:
    """Tell the precision of an ONNX network: `int8` when it is quantised, `fp16` with weights in float16, `float32`."""
    return _precision(read_model(model))


def to_fp16(model: bytes) -> bytes:
    """Compute a network in float16, but for its input, its output and the classifying layer; tensors keep their names.

    Parameters
    ----------
    model : bytes
        An ONNX network in float32.

    Raises
    ------
    LungdbError
        When ONNX Runtime is missing or cannot convert the network, or that is not in float32.
    """
    try:
        from onnxruntime.transformers.float16 import convert_float_to_float16
        from onnxruntime.transformers.onnx_model import OnnxModel
    except ImportError as error:
        raise _missing(error) from None
    parsed = _read_float32(model)
    _name_nodes(parsed.graph)
    with _refusing("fp16"):
        converted = convert_float_to_float16(parsed, keep_io_types=True, node_block_list=_classifier(parsed.graph))
        OnnxModel.graph_topological_sort(converted.graph)  # the converter adds the cast of the input at the end
    return bytes(converted.SerializeToString())


def to_int8(model: bytes, pictures: Iterable[Pictures]) -> bytes:
    """Compute a network's convolutions and matrices in 8-bit whole numbers.

    The classifying layer and the average under it stay in float32, so that features are not rounded to 256 levels;
    tensors keep their names, and what is read from one is float32.

    Parameters
    ----------
    model : bytes
        An ONNX network in float32 with one input float32[N, channels, …], of pictures or of volumes.
    pictures : iterable of float32[n, channels, …]
        What the network is to read, prepared: the range of each activation is taken from them.

    Raises
    ------
    LungdbError
        When ONNX Runtime is missing, too old or cannot convert the network, or that is not in float32.
    """
    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.quant_utils import add_pre_process_metadata
    except ImportError as error:
        raise _missing(error) from None
    parsed = onnx.shape_inference.infer_shapes(_read_float32(model))
    add_pre_process_metadata(parsed)
    _name_nodes(parsed.graph)
    with tempfile.TemporaryDirectory(prefix="lungdb") as folder, _refusing("int8"):
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save_model(parsed, source)
        quantization.quantize_static(
            source,
            target,
            _reader(quantization.CalibrationDataReader, network_input(parsed).name, pictures),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            nodes_to_exclude=_classifier(parsed.graph),
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            extra_options={"QDQKeepRemovableActivations": True},
        )
        quantised = target.read_bytes()
    if _count(read_model(quantised), "Relu") != _count(parsed, "Relu"):
        raise LungdbError("This ONNX Runtime drops layers in int8. Run: pip install -U onnxruntime")
    return quantised


def similarity(
    model: bytes, other: bytes, layer: str, pictures: Sequence[Pictures], size: Sequence[int | None]
) -> tuple[float, float]:
    """Compare what two networks give for the same pictures, or tiles of volumes.

    Parameters
    ----------
    layer : str
        A tensor that both have.
    pictures : sequence of float32[n, channels, …]
    size : (rows, cols) or (depth, rows, cols)
        What free sides of the input become; None leaves one free.

    Returns
    -------
    cosine_min, cosine_mean : float
        Least and mean cosine of the angle between the two feature vectors of a picture; a vector of zeros has 1 with
        another, else 0.

    Raises
    ------
    LungdbError
        When a network gives NaN or infinity.
    """
    selected = [select_layer(one, layer, layers={layer: layer}, size=size)[0] for one in (model, other)]
    sessions = [open_session(one) for one in selected]
    cosines = []
    for batch in pictures:
        left, right = (np.asarray(session.run(batch)[0], dtype=np.float64) for session in sessions)
        if not (np.isfinite(left).all() and np.isfinite(right).all()):
            raise LungdbError(f"The layer {layer} gives NaN or infinity. Use the network in float32.")
        lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        alike = np.where((left == right).all(axis=1), 1.0, 0.0)
        cosines.append(np.divide(np.sum(left * right, axis=1), lengths, out=alike, where=lengths > 0))
    values = np.concatenate(cosines)
    return float(values.min()), float(values.mean())


def largest_value(model: bytes, pictures: Iterable[Pictures]) -> float:
    """Find the largest magnitude that a network's convolutions, matrices and sums reach.

    Where it is above FP16_MAX, a GPU gives infinity in fp16. A CPU does not show that: it computes fp16 in float32.
    """
    parsed = read_model(model)
    graph = parsed.graph
    reached = [str(node.output[0]) for node in graph.node if node.op_type in _QUANTISED]
    del graph.output[:]
    for position, name in enumerate(reached):
        magnitude, largest = f"lungdb_magnitude_{position}", f"lungdb_largest_{position}"
        graph.node.append(onnx.helper.make_node("Abs", [name], [magnitude]))
        graph.node.append(onnx.helper.make_node("ReduceMax", [magnitude], [largest], keepdims=0))
        graph.output.append(onnx.helper.make_tensor_value_info(largest, onnx.TensorProto.FLOAT, []))
    session, _ = start_session(parsed.SerializeToString(), None, allowed_processors())
    name = network_input(parsed).name
    return max(float(value) for batch in pictures for value in session.run(None, {name: batch}))


def _read_float32(model: bytes) -> onnx.ModelProto:
    parsed = read_model(model)
    if _precision(parsed) != "float32":
        raise LungdbError("The network is in another precision already. Give the one in float32.")
    return parsed


def _precision(model: onnx.ModelProto) -> str:
    if any(node.op_type in _OTHER_PRECISION for node in model.graph.node):
        return "int8"
    halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer)
    return "fp16" if halves else "float32"


@contextmanager
def _refusing(precision: str) -> Iterator[None]:
    """Make a refusal of whatever ONNX Runtime's converters raise: they check little of what they are given."""
    try:
        yield
    except Exception as error:  # the converters raise whatever they meet
        raise LungdbError(f"The network cannot be made {precision}: {short(error)} Use it in float32.") from None


def _missing(error: ImportError) -> LungdbError:
    return LungdbError(f'Another precision needs ONNX Runtime ({error}). Run: pip install "lungdb[cpu]"')


def _reader(base: Any, name: str, pictures: Iterable[Pictures]) -> Any:
    """Give the pictures as a CalibrationDataReader, a class that exists only where ONNX Runtime does."""

    class Reader(base):  # type: ignore[misc]  # its base is not known to mypy
        def __init__(self) -> None:
            self._batches: Iterator[Pictures] = iter(pictures)

        def get_next(self) -> dict[str, Pictures] | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch}

    return Reader()


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Give every node a name of its own: the quantizer excludes nodes by name."""
    for position, node in enumerate(graph.node):
        node.name = f"node_{position}_{node.name}"


def _classifier(graph: onnx.GraphProto) -> list[str]:
    return [node.name for node in graph.node if node.op_type in _MULTIPLIES][-1:]


def _count(model: onnx.ModelProto, operator: str) -> int:
    return sum(node.op_type == operator for node in model.graph.node)
