"""ResNet as an ONNX graph, built from weights under torchvision's names.

He et al., Deep Residual Learning for Image Recognition, 2015, with the stride of a bottleneck in its 3 × 3
convolution, as torchvision has it. Depth, kind of block and widths follow from the weights, so ResNet-18, 34, 50, 101
and 152 of any width are built by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CHANNELS, SIDE

Weights = Mapping[str, NDArray[np.float32]]

_OPSET, _IR_VERSION = 17, 8  # read by every ONNX Runtime from 1.12 on
_EPSILON = 1e-5  # torch.nn.BatchNorm2d's default
_STAGES = ("layer1", "layer2", "layer3", "layer4")
_DEPTHS_50 = (3, 4, 6, 3)


def build_resnet(weights: Weights) -> bytes:
    """Write a ResNet as ONNX.

    Parameters
    ----------
    weights : mapping of name to float32 array
        A state dict as torchvision's ResNets have it: `conv1.weight`, `bn1.running_mean`, `layer1.0.conv1.weight`,
        `layer2.0.downsample.0.weight`, `fc.bias`, …

    Returns
    -------
    bytes
        Input `input`, float32[N, 3, 224, 224]; output `logits`. Tensors have the names of torchvision's modules, so
        `layer3` or `avgpool` can be asked for as a layer. Batch normalisation is folded into the convolutions.

    Raises
    ------
    LungdbError
        When a weight is missing, left over, or of a shape that does not fit.
    """
    builder = _Builder(weights)
    tensor = builder.convolution("input", "conv1", "bn1", stride=2, relu=True)
    tensor = builder.add("MaxPool", [tensor], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage in _STAGES:
        block = 0
        while block == 0 or f"{stage}.{block}.conv1.weight" in weights:
            stride = 2 if block == 0 and stage != "layer1" else 1
            last = f"{stage}.{block + 1}.conv1.weight" not in weights
            tensor = builder.block(tensor, f"{stage}.{block}", stride, name=stage if last else f"{stage}.{block}")
            block += 1
    tensor = builder.add("GlobalAveragePool", [tensor], "avgpool")
    tensor = builder.add("Flatten", [tensor], "flatten", axis=1)
    return builder.finish(tensor)


def random_resnet50(seed: int) -> bytes:
    """Write a ResNet-50 of torchvision's widths (25.6 million weights) with He-initialised weights, as ONNX."""
    rng = np.random.default_rng(seed)
    weights: dict[str, NDArray[np.float32]] = {}

    def convolution(name: str, norm: str, outputs: int, inputs: int, side: int) -> None:
        deviation = np.sqrt(2 / (outputs * side * side))
        shape = (outputs, inputs, side, side)
        weights[f"{name}.weight"] = rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            weights[f"{norm}.{part}"] = np.full(outputs, value, np.float32)

    convolution("conv1", "bn1", 64, CHANNELS, 7)
    inputs = 64
    for stage, (name, depth) in enumerate(zip(_STAGES, _DEPTHS_50, strict=True)):
        inner = 64 << stage
        for block in range(depth):
            path = f"{name}.{block}"
            convolution(f"{path}.conv1", f"{path}.bn1", inner, inputs, 1)
            convolution(f"{path}.conv2", f"{path}.bn2", inner, inner, 3)
            convolution(f"{path}.conv3", f"{path}.bn3", 4 * inner, inner, 1)
            # A quarter of the branch, so that sixteen additions do not carry the features out of float32's comfort.
            weights[f"{path}.bn3.weight"] /= 4
            if block == 0:
                convolution(f"{path}.downsample.0", f"{path}.downsample.1", 4 * inner, inputs, 1)
            inputs = 4 * inner
    weights["fc.weight"] = rng.standard_normal((1000, inputs), dtype=np.float32) * np.float32(np.sqrt(1 / inputs))
    weights["fc.bias"] = np.zeros(1000, np.float32)
    return build_resnet(weights)


class _Builder:
    """Collects nodes and weights, and knows which of the given weights are used."""

    def __init__(self, weights: Weights) -> None:
        self._weights = {name: array for name, array in weights.items() if not name.endswith(".num_batches_tracked")}
        self._nodes: list[NodeProto] = []
        self._tensors: list[TensorProto] = []
        self._used: set[str] = set()
        self._channels = {"input": CHANNELS}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        """Add a node that keeps the number of channels."""
        self._channels[output] = self._channels[inputs[0]]
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def convolution(self, tensor: str, conv: str, norm: str, *, stride: int = 1, relu: bool = False) -> str:
        """Add a convolution with its batch normalisation folded in, in double precision."""
        kernel = self._take(f"{conv}.weight").astype(np.float64)
        outputs, side = kernel.shape[0], kernel.shape[-1]
        self._check(f"{conv}.weight", kernel, (outputs, self._channels[tensor], side, side))
        scale, shift, mean, variance = (
            self._take(f"{norm}.{part}", (outputs,)).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _EPSILON)
        self._store(f"{conv}.weight", kernel * factor[:, None, None, None])
        self._store(f"{conv}.bias", shift - mean * factor)
        output = self.add(
            "Conv",
            [tensor, f"{conv}.weight", f"{conv}.bias"],
            norm,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[side // 2] * 4,
        )
        self._channels[output] = outputs
        return self.add("Relu", [output], f"{norm}.relu") if relu else output

    def block(self, tensor: str, path: str, stride: int, name: str) -> str:
        """Add a basic block, or a bottleneck when it has a third convolution."""
        kept = tensor
        if f"{path}.downsample.0.weight" in self._weights:
            kept = self.convolution(tensor, f"{path}.downsample.0", f"{path}.downsample.1", stride=stride)
        depth = 3 if f"{path}.conv3.weight" in self._weights else 2
        strided = depth - 1  # the 3 × 3 convolution of a bottleneck, the first one of a basic block
        for step in range(1, depth + 1):
            tensor = self.convolution(
                tensor,
                f"{path}.conv{step}",
                f"{path}.bn{step}",
                stride=stride if step == strided else 1,
                relu=step < depth,
            )
        if self._channels[tensor] != self._channels[kept]:
            raise LungdbError(
                f"The block {path} adds {self._channels[tensor]} channels to {self._channels[kept]}. Use torchvision's "
                "ResNets."
            )
        return self.add("Relu", [self.add("Add", [tensor, kept], f"{path}.add")], name)

    def finish(self, features: str) -> bytes:
        """Add the classifying layer and write the model."""
        kernel = self._take("fc.weight")
        classes = kernel.shape[0]
        self._check("fc.weight", kernel, (classes, self._channels[features]))
        self._store("fc.weight", kernel)
        self._store("fc.bias", self._take("fc.bias", (classes,)))
        self.add("Gemm", [features, "fc.weight", "fc.bias"], "logits", transB=1)
        left_over = sorted(self._weights.keys() - self._used)
        if left_over:
            raise LungdbError(f"The weights hold {left_over[0]}, which a ResNet has not. Use torchvision's ResNets.")
        picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", CHANNELS, SIDE, SIDE])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])
        graph = helper.make_graph(self._nodes, "resnet", [picture], [logits], self._tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        return bytes(model.SerializeToString())

    def _take(self, name: str, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
        if name not in self._weights:
            raise LungdbError(f"The weights lack {name}. Use the whole state dict of a torchvision ResNet.")
        self._used.add(name)
        if not self._weights[name].shape:
            raise LungdbError(f"The weight {name} is a single number. Use torchvision's ResNets.")
        if shape is not None:
            self._check(name, self._weights[name], shape)
        return self._weights[name]

    def _check(self, name: str, array: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        if array.shape != shape:
            raise LungdbError(
                f"The weight {name} has the shape {array.shape} where {shape} fits. Use torchvision's ResNets."
            )

    def _store(self, name: str, array: NDArray[np.floating]) -> None:
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name))
