"""Putting channels first."""

from __future__ import annotations

import onnx
from onnx import helper

from lungdb.networks.graphs.graph import nodes_of, shape_of, single_input


def put_channels_first(model: onnx.ModelProto) -> None:
    """Put a Transpose behind an input whose channels come last, in place."""
    given = single_input(model)
    dimensions = shape_of(given) or []
    name = given.name
    taken = {text for node in nodes_of(model.graph) for text in (*node.input, *node.output)}
    inner = f"{name}_channels_last"
    while inner in taken:
        inner += "_"
    for node in model.graph.node:
        for position, text in enumerate(node.input):
            if text == name:
                node.input[position] = inner
    order = [0, *range(2, len(dimensions)), 1]
    nodes = [helper.make_node("Transpose", [name], [inner], perm=order), *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    batch, *between, channels = dimensions
    kind = given.type.tensor_type.elem_type
    given.CopyFrom(helper.make_tensor_value_info(name, kind, [batch, channels, *between]))
