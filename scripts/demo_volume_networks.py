"""The layers of the demo's two networks of volumes, in PyTorch and as ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

KINDS = ("malignant", "benign", "granuloma")
SPACING = (2.4, 1.5, 1.5)  # mm; the phantoms' slices are 6.4 to 7.7 apart
LEVELS = 3  # voxels along the body to one place of all maps, which is near the phantoms' own distance of slices
TILE = (24, 48, 48)
MULTIPLE = (LEVELS, 8, 8)
WINDOW = (-1350.0, 150.0)
FINE, COARSE = 2, 8  # voxels of a row to one place of the heat map, and of the deepest map
WIDTHS = (12, 24, 48)
EVIDENCE = 64
FEATURES = 64
FORM = {"form": "heatmap", "score": "probability", "radius": 8.0, "diameter": "half"}


def build() -> Any:
    """Build the layers of both networks."""

    def conv(before: int, after: int, side: Sequence[int], stride: int, levels: int = 1) -> Any:
        padding = [(side[0] - levels) // 2 if levels > 1 else side[0] // 2, side[1] // 2, side[2] // 2]
        layer = nn.Conv3d(before, after, side, (levels, stride, stride), padding, bias=False)
        return nn.Sequential(layer, nn.BatchNorm3d(after), nn.ReLU())

    def block(before: int, after: int, stride: int) -> Any:
        layers = {"first": conv(before, after, (3, 3, 3), stride), "second": conv(after, after, (3, 3, 3), 1)[:2]}
        layers["shortcut"] = conv(before, after, (1, 1, 1), stride)[:2]
        return nn.ModuleDict(layers)

    net = nn.ModuleDict(
        {
            "stem": conv(1, WIDTHS[0], (5, 5, 5), 2, LEVELS),
            "block1": block(WIDTHS[0], WIDTHS[1], 2),
            "block2": block(WIDTHS[1], WIDTHS[2], 2),
            "evidence": conv(WIDTHS[2], EVIDENCE, (1, 1, 1), 1),
            "kinds": nn.Conv3d(EVIDENCE, len(KINDS), 1),
            "across2": conv(WIDTHS[2], WIDTHS[1], (1, 1, 1), 1)[:2],
            "up2": conv(WIDTHS[1], WIDTHS[1], (3, 3, 3), 1),
            "across1": conv(WIDTHS[1], WIDTHS[0], (1, 1, 1), 1)[:2],
            "up1": conv(WIDTHS[0], WIDTHS[0], (3, 3, 3), 1),
            "places": nn.Conv3d(WIDTHS[0], LEVELS, 1),
            "hidden": nn.Linear(2 * EVIDENCE + len(KINDS), FEATURES),
            "scores": nn.Linear(FEATURES, len(KINDS)),
        }
    )
    nn.init.constant_(net["kinds"].bias, -3.0)
    nn.init.constant_(net["places"].bias, -4.0)
    return net


def encode(net: Any, x: Any) -> tuple[Any, Any, Any]:
    """Run the shared layers: float32[N, 1, D, H, W] to maps of a half, a quarter and an eighth of the rows."""
    maps = [net["stem"](x)]
    for name in ("block1", "block2"):
        block = net[name]
        maps.append(torch.relu(block["second"](block["first"](maps[-1])) + block["shortcut"](maps[-1])))
    return maps[0], maps[1], maps[2]


def locate(net: Any, half: Any, quarter: Any, eighth: Any) -> Any:
    """Give the log odds of a nodule at each place of a map of all slices and a half of the rows."""

    def doubled(values: Any) -> Any:
        return nn.functional.interpolate(values, scale_factor=(1, 2, 2), mode="nearest")

    x = net["up2"](torch.relu(doubled(net["across2"](eighth)) + quarter))
    levels = net["places"](net["up1"](torch.relu(doubled(net["across1"](x)) + half)))
    # Channels are the slices that lie in one place of the maps.
    return levels.transpose(1, 2).flatten(1, 2)[:, None]


def tell(net: Any, eighth: Any) -> tuple[Any, Any]:
    """Give the log odds of each kind of nodule at each place of the deepest map, and what they are told from."""
    evidence = net["evidence"](eighth)
    return net["kinds"](evidence), evidence


def pool(net: Any, eighth: Any) -> Any:
    """Pool over a tile: the largest log odds of each kind, the largest and the mean value of what tells them."""
    kinds, evidence = tell(net, eighth)
    return torch.cat([kinds.amax((2, 3, 4)), evidence.amax((2, 3, 4)), evidence.mean((2, 3, 4))], 1)


class Graph:
    """An ONNX graph that grows node by node; batch normalisation is folded into the convolutions."""

    def __init__(self, net: Any) -> None:
        self.net = net.eval()
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node and give the name of its output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """Add weights and give their name."""
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def conv(self, layer: Any, x: str, name: str) -> str:
        """Add a convolution with what follows it: batch normalisation and ReLU where the layer has them."""
        folded = layer
        if isinstance(layer, nn.Sequential):
            folded = nn.utils.fusion.fuse_conv_bn_eval(layer[0], layer[1])
        inputs = [x, *(self.constant(f"{name}.{part}", value.detach()) for part, value in folded.named_parameters())]
        sides = {"strides": list(folded.stride), "pads": list(folded.padding) * 2}
        y = self.add("Conv", inputs, name, kernel_shape=list(folded.kernel_size), **sides)
        return self.add("Relu", [y], f"{name}.relu") if isinstance(layer, nn.Sequential) and len(layer) == 3 else y

    def encode(self, x: str) -> tuple[str, str, str]:
        """Add what `encode` computes."""
        maps = [self.conv(self.net["stem"], x, "stem")]
        for name in ("block1", "block2"):
            block, x = self.net[name], maps[-1]
            y = self.conv(block["second"], self.conv(block["first"], x, f"{name}.first"), f"{name}.second")
            y = self.add("Add", [y, self.conv(block["shortcut"], x, f"{name}.shortcut")], f"{name}.sum")
            maps.append(self.add("Relu", [y], f"{name}.relu"))
        return maps[0], maps[1], maps[2]

    def doubled(self, x: str, name: str, mode: str) -> str:
        """Add the doubling of rows and columns."""
        scales = self.constant("doubling", np.array([1, 1, 1, 2, 2], np.float32))
        way = {"nearest": "asymmetric", "linear": "half_pixel"}[mode]
        more = {"nearest_mode": "floor"} if mode == "nearest" else {}
        return self.add("Resize", [x, "", scales], name, mode=mode, coordinate_transformation_mode=way, **more)

    def joined(self, name: str, deep: str, beside: str) -> str:
        """Add what `locate` does on the way up."""
        up = self.doubled(self.conv(self.net[f"across{name}"], deep, f"across{name}"), f"doubled{name}", "nearest")
        x = self.add("Relu", [self.add("Add", [up, beside], f"joined{name}")], f"joined{name}.relu")
        return self.conv(self.net[f"up{name}"], x, f"up{name}")

    def model(self, name: str, output: str, shape: list[Any], told: dict[str, Any]) -> onnx.ModelProto:
        """Write what was added as a model of one output that carries what it declares."""
        given = helper.make_tensor_value_info("volume", TensorProto.FLOAT, ["N", 1, "D", "H", "W"])
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, name, [given], [made], list(self.weights.values()))
        opset = [helper.make_opsetid("", 13)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="lungdb")
        helper.set_model_props(model, {"lungdb": json.dumps(told)})
        onnx.checker.check_model(model, full_check=True)
        return model


def declared(mean: float, std: float, size: Sequence[int | None], **more: Any) -> dict[str, Any]:
    """Give what both files declare of themselves."""
    read = {"dimensions": 3, "channels": 1, "size": list(size), "multiple": list(MULTIPLE), "spacing": list(SPACING)}
    read |= {"orientation": "SPL", "window": list(WINDOW)}
    return {"normalisation": {"mean": [mean], "std": [std]}, "input": read, **more}


def export_volume(net: Any, mean: float, std: float) -> onnx.ModelProto:
    """Write the network that says of a tile whether it holds a malignant nodule."""
    graph = Graph(net)
    _, _, x = graph.encode("volume")
    x = graph.conv(net["evidence"], x, "evidence")
    kinds = graph.add("GlobalMaxPool", [graph.conv(net["kinds"], x, "kinds")], "kinds.largest")
    parts = [kinds, graph.add("GlobalMaxPool", [x], "largest"), graph.add("GlobalAveragePool", [x], "mean")]
    x = graph.add("Flatten", [graph.add("Concat", parts, "pooled", axis=1)], "pooled.flat")
    for name, rows in (("hidden", FEATURES), ("scores", 1)):
        weights = [(part, value.detach()[:rows]) for part, value in net[name].named_parameters()]
        inputs = [x, *(graph.constant(f"{name}.{part}", value) for part, value in weights)]
        x = graph.add("Gemm", inputs, name, transB=1)
        if name == "hidden":
            x = graph.add("Relu", [x], "features")
    graph.add("Sigmoid", [x], "probability")
    return graph.model("demo_volume", "probability", ["N", 1], declared(mean, std, TILE))


def export_detector(net: Any, mean: float, std: float, threshold: float) -> onnx.ModelProto:
    """Write the network that draws a heat map of nodules, of the input's own size; candidates are above a threshold."""
    graph = Graph(net)
    half, quarter, eighth = graph.encode("volume")
    x = graph.joined("1", graph.joined("2", eighth, quarter), half)
    x = graph.add("Transpose", [graph.conv(net["places"], x, "places")], "levels", perm=[0, 2, 1, 3, 4])
    shape = graph.constant("slices.shape", np.array([0, 1, -1, 0, 0], np.int64))
    x = graph.doubled(graph.add("Reshape", [x, shape], "slices"), "odds", "linear")
    graph.add("Sigmoid", [x], "heatmap")
    told = declared(mean, std, (None, 128, 128), output={**FORM, "threshold": threshold, "most": 15})
    return graph.model("demo_detector", "heatmap", ["N", 1, "D", "H", "W"], told)
