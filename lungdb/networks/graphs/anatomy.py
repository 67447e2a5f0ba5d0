"""The useful layers of a network, worked out from its graph, and which network of the catalog it is."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import NodeProto

from lungdb.networks.architectures.catalog import ALEXNET_LAYERS, STAGES
from lungdb.networks.graphs.graph import Dimension, elements, infer_shapes, item_shape, names_used

_CLASSIFIERS = {"Gemm", "MatMul"}
_ACTIVATIONS = {"Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Gelu", "Sigmoid", "Tanh", "HardSwish"}
_AFTER = {"BatchNormalization", "Add", "Cast", "Identity", "Mul"}  # what may lie between a layer and its activation
_AFTER_CLASSES = {
    "Softmax", "LogSoftmax", "AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Squeeze",
    "Identity", "Cast", "Dropout",
}  # fmt: skip
_NAMED_BY_LAYERS = {
    (20, 1, 512, 11_166_912): "resnet18",
    (22, 1, 512, 15_885_504): "resnet18-cntk",
    (53, 1, 2048, 23_454_912): "resnet50",
    (104, 1, 2048, 42_394_816): "resnet101",
    (155, 1, 2048, 57_992_384): "resnet152",
    (5, 3, 4096, 2_468_544): "alexnet",
    (5, 3, 4096, 2_332_704): "alexnet-caffe",
}
"""Convolutions with those of shortcuts, dense layers, width under the last of them, weights of the convolutions.

The weights tell ResNeXt and wide ResNets, which have the same layers, from ResNets, and the AlexNet in two groups of
Krizhevsky et al. 2012, as Caffe has it, from the one of 2014 that torchvision and CNTK have. What Microsoft publishes
as CNTK's ResNet-18 has a third block in its last stage.
"""


def penultimate(model: onnx.ModelProto) -> str:
    """Name the tensor that the network's classifying layer reads: what its last Gemm or MatMul does.

    A network without either may classify with a convolution of 1 × 1, which is followed by nothing but averaging and
    softmax. Where that is not so either, there is no classifying layer, and the first output is what is asked for.
    """
    output = str(model.graph.output[0].name)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = ancestors(model.graph, [output])
    for node in reversed(nodes):
        if node.op_type in _CLASSIFIERS:
            return next((str(name) for name in node.input if name not in weights), output)
    makers = {name: node for node in nodes for name in node.output}
    passed = _AFTER_CLASSES
    node = makers.get(output)
    while node and node.op_type in passed:
        if node.op_type == "Softmax":
            passed = _AFTER_CLASSES | {"Relu"}  # alone it may end a layer that classifies nothing
        node = makers.get(node.input[0])
    if node and node.op_type == "Conv" and node.input[1] in weights and set(weights[node.input[1]].dims[2:]) == {1}:
        return str(node.input[0])
    return output


def ancestors(graph: onnx.GraphProto, tensors: Iterable[str]) -> list[NodeProto]:
    """List the nodes that tensors depend on, in the graph's order, which ONNX requires to be topological."""
    needed = set(tensors)
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed |= names_used(node)
            nodes.append(node)
    return nodes[::-1]


def useful_layers(model: onnx.ModelProto) -> dict[str, str]:
    """Find the tensors of the layers that people ask for.

    Returns
    -------
    dict of str to str
        Tensor by name of the layer. A residual network has `stem`, what its first block reads, and `layer1`,
        `layer2`, … , what its blocks of one resolution and width give in the end. A network of five convolutions and
        three dense layers, as AlexNet, has `conv1`…`conv5` and `fc6`, after their activations. Every network has
        `penultimate`.
    """
    last = penultimate(model)
    graph = _Graph(model)
    return {**(graph.residual_stages() or graph.plain_layers()), "penultimate": last}


def recognise(model: onnx.ModelProto, width: int) -> str | None:
    """Name the network of the catalog that has as many layers and the same width of the penultimate one, if any.

    A ResNet may lack its classifier, as networks that are published to make features do.
    """
    graph = _Graph(model)
    dense = len(graph.dense())
    convolutions = len(graph.convolutions()), width, graph.kernel_elements()
    for (number, classifiers, last, kernels), name in _NAMED_BY_LAYERS.items():
        if convolutions == (number, last, kernels) and (dense == classifiers or (classifiers == 1 and dense == 0)):
            return name
    return None


class _Graph:
    """What an image's way through a network looks like."""

    def __init__(self, model: onnx.ModelProto) -> None:
        shape = item_shape(model)
        self._rank = 1 + len(shape)
        self._shapes = infer_shapes(model, (1, *shape))
        self._weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        self._nodes = ancestors(model.graph, [str(model.graph.output[0].name)])
        self._readers: dict[str, list[NodeProto]] = {}
        for node in self._nodes:
            for name in names_used(node):
                self._readers.setdefault(name, []).append(node)

    def residual_stages(self) -> dict[str, str]:
        """Give `stem` and the stages of a residual network; nothing when it is none."""
        joins = [node for node in self._nodes if self._joins(node)]
        ends: dict[tuple[Dimension, ...], str] = {}
        for join in joins:
            ends[tuple(self._shapes.get(join.output[0]) or ())] = self._activated(join)
        first = self._nodes.index(joins[0]) if joins else 0
        forks = [
            name
            for node in self._nodes[:first]
            for name in node.output
            if len(self._readers.get(name, [])) > 1 and self._is_map(name)
        ]
        if not forks or len(ends) > len(STAGES):
            return {}
        return {"stem": forks[-1], **dict(zip(STAGES, ends.values(), strict=False))}

    def plain_layers(self) -> dict[str, str]:
        """Give the layers of a network made as AlexNet is; nothing for another one."""
        convolutions, dense = self.convolutions(), self.dense()
        if len(convolutions) != 5 or len(dense) != 3:
            return {}
        tensors = [self._activated(node) for node in (*convolutions, dense[0])]
        return dict(zip(ALEXNET_LAYERS, tensors, strict=False))

    def convolutions(self) -> list[NodeProto]:
        """List the layers that give a map; one of more dimensions than the input has normalises across channels."""
        return [node for node in self._nodes if node.op_type == "Conv" and self._is_map(node.output[0])]

    def kernel_elements(self) -> int:
        """Count the weights of the convolutions, quantised ones too."""
        names = [node.input[1] for node in self.convolutions()]
        shapes = [self._weights.get(name) or self._shapes.get(name) or [] for name in names]
        return sum(elements(size for size in shape if isinstance(size, int)) for shape in shapes)

    def dense(self) -> list[NodeProto]:
        """List the layers that give a vector; a product with a map averages it."""
        return [
            node
            for node in self._nodes
            if node.op_type in _CLASSIFIERS and len(self._shapes.get(node.output[0]) or ()) == 2
        ]

    def _joins(self, node: NodeProto) -> bool:
        """Tell whether a node adds two maps, both of which come from the picture."""
        if node.op_type not in ("Add", "Sum") or len(node.input) != 2:
            return False
        one, other = (self._shapes.get(name) for name in node.input)
        return one is not None and one == other and self._is_map(node.input[0])

    def _is_map(self, tensor: str) -> bool:
        return len(self._shapes.get(tensor) or ()) == self._rank

    def _activated(self, node: NodeProto) -> str:
        """Follow what a layer gives through bias and normalisation to its activation; without one, it as it is."""
        tensor = str(node.output[0])
        reached = tensor
        while len(readers := self._readers.get(reached, [])) == 1:
            reached = str(readers[0].output[0])
            if readers[0].op_type in _ACTIVATIONS:
                return reached
            if readers[0].op_type not in _AFTER:
                break
        return tensor
