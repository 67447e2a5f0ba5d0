"""From the bytes of a CNTK model to ONNX."""

from __future__ import annotations

import math
from typing import Any

import onnx
from onnx import TensorProto, helper

from lungdb.errors import LungdbError
from lungdb.networks.cntk import convolving, elementwise, normalising, pooling, products, reducing, shaping
from lungdb.networks.cntk.emitting import MAX_ELEMENTS, Dim, Emitter, Rule, Value
from lungdb.networks.cntk.functions import FREE, INFERRED, UNKNOWN_SHAPE, Variable
from lungdb.networks.cntk.graph import Graph, Output
from lungdb.networks.cntk.naming import Key, name_tensors
from lungdb.networks.cntk.wire import SPLIT_MAGIC, damaged, read_dictionary

_OPSET, _IR_VERSION = 17, 8  # read by every ONNX Runtime from 1.12 on
_LARGEST_FILE = 2**31 - 2**26  # protobuf's limit, with room for the nodes
_SPARE = 1 << 22  # bytes of weights that a small file may become

_LEGACY_MAGIC = "BCN\0".encode("utf-16-le")
_DICTIONARY_STARTS = (b"\x08\x01\x12", b"\x08\x02\x12")
_MAP_KEY = 0x0A

_RULES: dict[str, Rule] = {
    **elementwise.RULES,
    **convolving.RULES,
    **pooling.RULES,
    **normalising.RULES,
    **products.RULES,
    **reducing.RULES,
    **shaping.RULES,
}


def is_cntk(head: bytes) -> bool:
    """Tell from a file's first bytes (64 are plenty) whether CNTK wrote it, in any of its formats.

    ONNX files that are called .model are not CNTK's: False.
    """
    if head.startswith((_LEGACY_MAGIC, SPLIT_MAGIC)):
        return True
    if not head.startswith(_DICTIONARY_STARTS):
        return False
    # A map entry follows, which starts with its key. ONNX has the name of a program there.
    position = 3
    while position < len(head) and head[position] >= 0x80:
        position += 1
    return position + 1 >= len(head) or head[position + 1] == _MAP_KEY


def convert_cntk(model: bytes, output: str | None = None) -> bytes:
    """Convert a CNTK v2 model to ONNX.

    Double networks are computed in float32: ONNX Runtime has no double convolution on a CPU.

    Parameters
    ----------
    model : bytes
        A `.model` file of CNTK 2.x, plain or split.
    output : str, optional
        Name or id of the node to end with. By default the classifying one: `z`, or else the last output that is no
        training criterion.

    Returns
    -------
    bytes
        Opset 17; the batch is the first axis of every input and free, and so are image sizes that are free in the
        model. Shapes are row-major: a picture is float32[N, channels, rows, cols]. Tensors have CNTK's names, made
        unique by a number where several nodes share one, and nodes CNTK's ids.

    Raises
    ------
    LungdbError
        When the file is of another format or damaged, or uses an operation that has no conversion.
    """
    graph = Graph(_root_dictionary(model))
    target = graph.choose(output)
    inputs = graph.inputs_of(target)
    if not inputs:
        raise LungdbError(f"The CNTK model's node {target.function.name!r} reads no input. Name another output.")
    return _Conversion(graph, target, inputs, min(_LARGEST_FILE, 2 * len(model) + _SPARE)).run()


def _root_dictionary(model: bytes) -> dict[str, Any]:
    if model.startswith(_LEGACY_MAGIC):
        raise LungdbError(
            "The file is a model of CNTK 1 (BrainScript), whose format is not supported. Load it with CNTK 2 "
            "(Function.load) and save it again (Function.save), then load that file."
        )
    if not is_cntk(model[:64]):
        raise LungdbError("The file is not a CNTK model. Give a .model file that CNTK 2 saved.")
    root = read_dictionary(model)
    if "Learners" in root:
        raise LungdbError(
            "The file is a checkpoint of CNTK's trainer (.ckp), without a network. Give the file of the same name "
            "without .ckp."
        )
    if root.get("type") != "CompositeFunction":
        raise damaged("it holds no network")
    return root


class _Conversion:
    """The conversion of one output: names, inputs, then the functions in order."""

    def __init__(self, graph: Graph, target: Output, inputs: list[Variable], room: int) -> None:
        self._graph = graph
        self._target = target
        self._inputs = inputs
        self._functions = graph.sorted_functions(target)
        self._names = name_tensors(graph, self._functions, inputs)
        self._model = onnx.ModelProto(producer_name="lungdb", ir_version=_IR_VERSION)
        self._model.opset_import.add(version=_OPSET)
        self._model.graph.name = "cntk"
        self._emitter = Emitter(self._model.graph, self._names.pool, room)
        self._values: dict[Key, Value] = {}
        self._variables: dict[str, Value] = {}

    def run(self) -> bytes:
        declared = [self._declare(variable) for variable in self._inputs]
        for function in self._functions:
            rule = _RULES.get(function.operation)
            if rule is None:
                function.refuse("is not supported")
            read = [self._value(uid) for uid in function.inputs]
            for index, value in enumerate(self._emitter.write(rule, function, read)):
                key = function.uid, index
                name = self._names.outputs.get(key)
                node = function.uid if index == 0 else ""
                self._values[key] = self._emitter.rename(value, name, node) if name else value
                for alias in self._names.aliases.get(key, []):
                    self._emitter.alias(self._values[key], alias)
        result = self._values[self._target.key]
        if not result.batched:
            self._target.function.refuse("does not depend on the picture", "Name another output.")
        graph = self._model.graph
        graph.node.extend(self._emitter.nodes)
        graph.input.extend(declared)
        graph.output.append(helper.make_tensor_value_info(result.name, TensorProto.FLOAT, ["N", *result.shape]))
        return bytes(self._model.SerializeToString())

    def _declare(self, variable: Variable) -> onnx.ValueInfoProto:
        if UNKNOWN_SHAPE in variable.dims:
            raise LungdbError(f"The CNTK model's input {variable.name!r} has no shape. Save it with one.")
        shape: list[Dim] = [None if dim in (FREE, INFERRED) else dim for dim in variable.dims[::-1]]
        if 0 in shape or math.prod(dim for dim in shape if dim is not None) > MAX_ELEMENTS:
            raise damaged(f"the input {variable.uid} has the shape {variable.dims}")
        name = self._names.inputs[variable.uid]
        self._variables[variable.uid] = Value(name, tuple(shape))
        axes = (
            ("channels", "rows", "cols") if len(shape) == 3 else tuple(f"{name}_{axis}" for axis in range(len(shape)))
        )
        sizes = [axis if dim is None else dim for axis, dim in zip(axes, shape, strict=True)]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sizes])

    def _value(self, uid: str) -> Value:
        """Find the tensor that an id stands for, a weight's when it is first read."""
        source = self._graph.resolve(uid)
        if isinstance(source, Output):
            if source.key not in self._values:
                source.function.refuse(f"has no output {source.index}", "Save the model again with CNTK 2.")
            return self._values[source.key]
        if source.uid not in self._variables:
            if source.array is None or source.array.values is None:
                raise LungdbError(
                    f"The CNTK model's weight {source.name!r} (id {source.uid}) holds no floating-point numbers. Save "
                    "the model with float or double weights."
                )
            numbers = source.array.values.reshape(source.array.dims[::-1])
            self._variables[source.uid] = self._emitter.constant(numbers, source.name or source.uid)
        return self._variables[source.uid]
