"""ONNX Runtime's basic graph optimisations, done once before a network is stored instead of at every start."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from lungdb.networks.graphs.graph import nodes_of
from lungdb.networks.graphs.operators import SUPPORTED

_STANDARD = ("", "ai.onnx")


def optimise(model: onnx.ModelProto, kept: Sequence[str]) -> onnx.ModelProto:
    """Fold constants and batch normalisations and drop what does nothing.

    Parameters
    ----------
    model : ModelProto
    kept : sequence of str
        Tensors that stay, beside the outputs.

    Returns
    -------
    ModelProto
        Standard operators only; the model as it was when ONNX Runtime is missing, cannot read it, or would make
        something else of it, and when it is quantised, whose pairs of operators later optimisations look for.
    """
    if any(node.op_type.endswith("QuantizeLinear") for node in model.graph.node):
        return model
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    outputs = [value.name for value in model.graph.output]
    extra = [name for name in kept if name not in outputs]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    try:
        result = _run(whole)
    except Exception:  # what ONNX Runtime refuses here is reported when the network is opened
        return model
    by_name = {value.name: value for value in result.graph.output}
    made = {name for node in result.graph.node for name in node.output}
    is_standard = all(node.domain in _STANDARD and node.op_type in SUPPORTED for node in nodes_of(result.graph))
    if not is_standard or not {*outputs, *extra} <= made or not set(outputs) <= set(by_name):
        return model
    del result.graph.output[:]
    result.graph.output.extend(model.graph.output)
    imports = [entry for entry in result.opset_import if entry.domain in _STANDARD]
    del result.opset_import[:]
    result.opset_import.extend(imports)
    del result.metadata_props[:]
    result.metadata_props.extend(model.metadata_props)
    del result.graph.value_info[:]
    return result


def _run(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(file)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load_from_string(file.read_bytes())
