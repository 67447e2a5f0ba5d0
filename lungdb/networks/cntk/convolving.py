"""Convolution and transposed convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lungdb.networks.cntk.emitting import Dim, Emitter, Rule, Value
from lungdb.networks.cntk.functions import Function
from lungdb.networks.cntk.windows import Window, pad, placed, read_windows

_MAX_SPATIAL = 3  # ONNX Runtime's convolutions and poolings on a CPU


def _convolution(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Write a cross-correlation, which is ONNX's Conv as well."""
    kernel, picture = expect_two(function, inputs)
    if not picture.batched or kernel.batched:
        function.refuse("does not convolve pictures with weights")
    if function.flag("sequential"):
        function.refuse("runs along a sequence", "Use a network for single pictures.")
    if any(dim is None for dim in kernel.shape):
        function.refuse("has weights of free size")
    if function.flag("transpose"):
        return [_transposed(emitter, function, kernel, picture)]
    rank = picture.rank
    if kernel.rank < rank or rank == 0:
        function.refuse(f"has weights of shape {kernel.shape} for a picture of shape {picture.shape}")
    sizes = [int(dim or 1) for dim in kernel.shape[kernel.rank - rank :]]
    maps = math.prod(dim or 1 for dim in kernel.shape[: kernel.rank - rank])
    groups = function.integer("groups", 1)
    windows = read_windows(function, sizes[::-1], rank)
    channels = picture.shape[0]
    if groups < 1 or maps % groups:
        function.refuse(f"has {groups} groups for {maps} maps")
    if rank > 1 and channels is not None and sizes[0] * groups == channels:
        if groups == 1 and (windows[0].padding(channels) != (0, 0) or windows[0].places(channels) != 1):
            function.refuse("pads the channels that it sums over, which CNTK refuses to run too")
        weights = emitter.reshape(kernel, (maps, *sizes))
        return [_convolve(emitter, function, picture, weights, windows[1:], groups)]
    if maps != 1 or groups != 1:
        function.refuse(f"has weights of shape {kernel.shape} for a picture of shape {picture.shape}")
    weights = emitter.reshape(kernel, (1, 1, *sizes))
    result = _convolve(emitter, function, emitter.reshape(picture, (1, *picture.shape)), weights, windows, 1)
    return [emitter.reshape(result, result.shape[1:])]


def _convolve(
    emitter: Emitter, function: Function, picture: Value, weights: Value, windows: Sequence[Window], groups: int
) -> Value:
    """Convolve [N, channels, …] with [maps, channels / groups, …]."""
    if len(windows) > _MAX_SPATIAL:
        function.refuse(f"slides along {len(windows)} axes", f"At most {_MAX_SPATIAL} are supported.")
    places = placed(function, windows, picture.shape[1:])
    padded, attributes, _ = pad(emitter, picture, windows, 0)
    return emitter.add("Conv", [padded, weights], [weights.shape[0], *places], group=groups, **attributes)


def _transposed(emitter: Emitter, function: Function, kernel: Value, picture: Value) -> Value:
    """Write a transposed convolution: the whole of it, then cut to what the forward one would have read."""
    if kernel.rank != picture.rank + 1 or picture.rank < 2 or function.integer("groups", 1) != 1:
        function.refuse(f"has weights of shape {kernel.shape} for a picture of shape {picture.shape}")
    if kernel.shape[0] != picture.shape[0] or picture.rank - 1 > _MAX_SPATIAL:
        function.refuse(f"has weights of shape {kernel.shape} for a picture of shape {picture.shape}")
    sizes = [int(dim or 1) for dim in kernel.shape[2:]]
    spatial = len(sizes)
    windows = read_windows(function, [*sizes[::-1], 1], spatial)[1:]
    wanted = [dim for dim in function.dims("outputShape") if dim]
    if wanted and len(wanted) < spatial:
        function.refuse(f"has the output shape {wanted}", "Save the model again with CNTK 2.")
    targets = wanted[:spatial][::-1] if wanted else [None] * spatial
    whole: list[Dim] = []
    cuts: list[tuple[int, int]] = []
    for window, n, target in zip(windows, picture.shape[1:], targets, strict=True):
        full, cut = _cut(function, window, n, target)
        whole.append(full)
        cuts.append(cut)
    pads = [max(before, 0) for before, _ in cuts] + [max(after, 0) for _, after in cuts]
    places = [
        None if n is None else n - max(before, 0) - max(after, 0)
        for n, (before, after) in zip(whole, cuts, strict=True)
    ]
    result = emitter.add(
        "ConvTranspose",
        [picture, kernel],
        [kernel.shape[1], *places],
        kernel_shape=sizes,
        strides=[window.stride for window in windows],
        dilations=[window.dilation for window in windows],
        pads=pads,
    )
    added = [max(-before, 0) for before, _ in cuts], [max(-after, 0) for _, after in cuts]
    if not any(map(any, added)):
        return result
    amounts = emitter.integers([0, 0, *added[0], 0, 0, *added[1]])
    grown = [None if n is None else n + sum(more) for n, more in zip(places, zip(*added, strict=True), strict=True)]
    return emitter.add("Pad", [result, amounts], [kernel.shape[1], *grown], mode="constant")


def _cut(function: Function, window: Window, n: Dim, target: int | None) -> tuple[Dim, tuple[int, int]]:
    """Give the size along one axis before cutting, and the cells cut before and after (added where negative)."""
    full = None if n is None else (n - 1) * window.stride + window.extent
    if target is None:
        if window.auto:
            before = (window.extent - 1) // 2
            return full, (before, window.extent - 1 - before)
        return full, (window.lower, window.upper)
    if n is None or full is None:
        function.refuse("has a fixed output size for a free input size", "Save the model with a fixed input size.")
    if window.auto and window.places(target) != n:
        function.refuse(f"cannot give {target} places from {n}", "Save the model again with CNTK 2.")
    before = (window.extent - 1) // 2 - (target - 1 - (n - 1) * window.stride) // 2 if window.auto else window.lower
    return full, (before, full - target - before)


def expect_two(function: Function, inputs: list[Value]) -> tuple[Value, Value]:
    """Unpack the two inputs of a function."""
    if len(inputs) != 2:
        function.refuse(f"has {len(inputs)} inputs", "Save the model again with CNTK 2.")
    return inputs[0], inputs[1]


RULES: dict[str, Rule] = {"Convolution": _convolution}
