"""Whether a model is valid ONNX of operators that are run here."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.graph import nodes_of
from lungdb.networks.graphs.operators import SUPPORTED
from lungdb.networks.wording import listed, printable

_OLDEST_OPSET = 7  # the first that ONNX Runtime promises to run


def check_model(model: onnx.ModelProto, supported: frozenset[str] = SUPPORTED) -> None:
    """Refuse what is no valid ONNX for inference, of supported operators and dense weights; ProcedureError 50116."""
    if not all(isinstance(name, str) for name in _names(model.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network is not valid ONNX: a name in it is not UTF-8. Export it again."
        )
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1 or not _OLDEST_OPSET <= versions[0] <= newest:
        found = versions[0] if versions else "none"
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network's operator set is {found}; {_OLDEST_OPSET} to {newest} can be read. Export it again with one "
            "of these.",
        )
    if model.functions or model.training_info:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The network defines functions or training steps of its own. Export it for inference only.",
        )
    foreign = sorted({node.op_type for node in nodes_of(model.graph)} - supported)
    if foreign:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network uses the operators {listed(foreign)}, which networks have no need of here. Export it without "
            "them.",
        )
    if model.graph.sparse_initializer or any(_is_sparse(node) for node in nodes_of(model.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network keeps weights in sparse form. Export it with ordinary weights."
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and protobuf's for what it cannot write
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network is not valid ONNX: {printable(error)[:300]} Export it again.",
        ) from None


def _is_sparse(node: onnx.NodeProto) -> bool:
    return any(entry.HasField("sparse_tensor") or entry.sparse_tensors for entry in node.attribute)


def _names(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    """Yield the names in a graph; protobuf gives those that are not UTF-8 as bytes."""
    for node in nodes_of(graph):
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name
