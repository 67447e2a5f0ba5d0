"""ONNX Runtime's basic graph optimisations, done once before a network is stored instead of at every start."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.graph import nodes_of
from lungdb.networks.graphs.operators import SUPPORTED
from lungdb.networks.running.providers import import_runtime, lacks_memory, no_memory, short
from lungdb.networks.wording import listed, printable

_STANDARD = ("", "ai.onnx")
_FUSIONS = ("SimplifiedLayerNormFusion", "LayerNormFusion", "GeluFusionL1", "QuickGeluFusion", "BiasGeluFusion")
"""Basic optimisations that may give an operator outside the standard, for some operator sets."""


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
        Standard operators only; the model as it was when it is quantised, whose pairs of operators later optimisations
        look for.

    Raises
    ------
    ProcedureError
        50116 when ONNX Runtime is missing, cannot read the network, or would make something else of it.
    """
    if any(node.op_type.endswith("QuantizeLinear") for node in model.graph.node):
        return model
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    outputs = [value.name for value in model.graph.output]
    extra = [name for name in kept if name not in outputs]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    result = _run(whole, ())
    if _foreign(result):
        result = _run(whole, _FUSIONS)
    if foreign := _foreign(result):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"ONNX Runtime makes {listed(foreign)} of operators of the network, which is not standard. Export it with "
            "another operator set.",
        )
    made = {name for node in result.graph.node for name in node.output}
    lost = sorted({*outputs, *extra} - made)
    if lost:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"Of the network's tensors {listed(lost)} do not depend on the picture. Export the network again.",
        )
    del result.graph.output[:]
    result.graph.output.extend(model.graph.output)
    imports = [entry for entry in result.opset_import if entry.domain in _STANDARD]
    del result.opset_import[:]
    result.opset_import.extend(imports)
    del result.metadata_props[:]
    result.metadata_props.extend(model.metadata_props)
    del result.graph.value_info[:]
    return result


def _foreign(model: onnx.ModelProto) -> list[str]:
    nodes = nodes_of(model.graph)
    return sorted({node.op_type for node in nodes if node.domain not in _STANDARD or node.op_type not in SUPPORTED})


def _run(model: onnx.ModelProto, disabled: Sequence[str]) -> onnx.ModelProto:
    onnxruntime: Any = import_runtime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # nothing runs but the folding of constants
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(file)
        try:
            onnxruntime.InferenceSession(
                model.SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=list(disabled),
                enable_fallback=0,
            )
            return onnx.load_from_string(file.read_bytes())
        except Exception as error:  # its exceptions share no base but this one
            if lacks_memory(error):
                raise no_memory("network", error) from None
            raise ProcedureError(
                ErrorNumber.UNREADABLE,
                f"ONNX Runtime cannot read the network: {printable(short(error))} Check the file with onnx.checker.",
            ) from None
