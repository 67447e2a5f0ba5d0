"""Pooling and max unpooling."""

from __future__ import annotations

from typing import Any

from lungdb.networks.cntk.emitting import Emitter, Rule, Value
from lungdb.networks.cntk.functions import FREE, Function
from lungdb.networks.cntk.windows import Window, pad, placed, read_windows

_MAX, _AVERAGE = 0, 1
_MAX_SPATIAL = 3  # ONNX Runtime's poolings on a CPU
_LOWEST = -3.4028234663852886e38


def _pooling(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Write a pooling over any axes of a picture."""
    picture = _one_picture(function, inputs)
    kind = function.integer("poolingType")
    if kind not in (_MAX, _AVERAGE):
        function.refuse(f"pools in an unknown way, {kind}")
    sizes = function.dims("poolingWindowShape")
    if any(size >= FREE for size in sizes):
        return [_global_pooling(emitter, function, picture, kind)]
    image, windows = _image(emitter, function, picture, _windows(function, picture, sizes))
    if not windows:
        return [picture]
    shape = [image.shape[0], *placed(function, windows, image.shape[1:])]
    if kind == _MAX:
        padded, attributes, _ = pad(emitter, image, windows, _LOWEST)
        result = emitter.add("MaxPool", [padded], shape, **attributes)
    else:
        counted = function.flag("includePad")
        padded, attributes, padding = pad(emitter, image, windows, 0)
        if "auto_pad" in attributes or any(attributes["pads"]):
            attributes["count_include_pad"] = int(counted)
        result = emitter.add("AveragePool", [padded], shape, **attributes)
        if padding is not None and not counted:
            result = _average_of_real_cells(emitter, image, padding, result, attributes)
    return [emitter.reshape(result, shape if image.rank == picture.rank else shape[1:])]


def _unpooling(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Put values back where the maxima of another picture's windows were, zeros elsewhere."""
    if len(inputs) != 2 or not all(value.batched for value in inputs):
        function.refuse("does not unpool a picture with the input of a pooling")
    values, pooled = inputs
    if function.integer("poolingType", _MAX) != _MAX:
        function.refuse("does not unpool maxima")
    windows = _windows(function, pooled, function.dims("unpoolingWindowShape"))
    image, windows = _image(emitter, function, pooled, windows)
    if not windows or any(window.stride < window.size for window in windows):
        function.refuse("has windows that overlap", "Windows side by side are supported.")
    shape = [image.shape[0], *placed(function, windows, image.shape[1:])]
    if image.rank != pooled.rank or list(values.shape) != shape:
        function.refuse(f"unpools {values.shape} into {pooled.shape}")
    padded, attributes, padding = pad(emitter, image, windows, _LOWEST)
    if padding is not None:
        function.refuse("starts its windows inside the picture")
    _, places = emitter.add_many("MaxPool", [padded], [shape, shape], **attributes)
    size = emitter.add("Shape", [image], batched=False)
    # MaxUnpool knows no auto_pad, and the size is given: the places alone say where a value goes.
    plain = {name: attributes[name] for name in ("kernel_shape", "strides")}
    return [emitter.add("MaxUnpool", [values, places, size], pooled.shape, **plain)]


def _one_picture(function: Function, inputs: list[Value]) -> Value:
    if len(inputs) != 1 or not inputs[0].batched or inputs[0].rank == 0:
        function.refuse("does not pool a picture")
    return inputs[0]


def _windows(function: Function, picture: Value, sizes: tuple[int, ...]) -> list[Window]:
    if not 0 < len(sizes) <= picture.rank:
        function.refuse(f"has a window of {len(sizes)} axes for {picture.rank}", "Save the model again with CNTK 2.")
    return read_windows(function, [*sizes, *[1] * (picture.rank - len(sizes))], len(sizes))


def _image(emitter: Emitter, function: Function, picture: Value, windows: list[Window]) -> tuple[Value, list[Window]]:
    """Arrange a picture as [N, channels, …] with windows over all axes but the channels, of which there may be one."""
    if all(window.idle for window in windows):
        return picture, []
    if windows[0].idle:
        image, windows = picture, windows[1:]
    else:
        image = emitter.reshape(picture, (1, *picture.shape))
    if len(windows) > _MAX_SPATIAL:
        function.refuse(f"slides along {len(windows)} axes", f"At most {_MAX_SPATIAL} are supported.")
    return image, windows


def _global_pooling(emitter: Emitter, function: Function, picture: Value, kind: int) -> Value:
    """Pool all axes but the channels, which is what a window of unknown size means."""
    if picture.rank < 2:
        function.refuse(f"pools a picture of shape {picture.shape} as a whole")
    operator = "GlobalMaxPool" if kind == _MAX else "GlobalAveragePool"
    return emitter.add(operator, [picture], [picture.shape[0], *[1] * (picture.rank - 1)])


def _average_of_real_cells(
    emitter: Emitter, image: Value, padding: Value, average: Value, attributes: dict[str, Any]
) -> Value:
    """Divide an average that counted padding by the share of real cells."""
    size = emitter.add("Shape", [image], batched=False)
    ones = emitter.add("Expand", [emitter.constant(1), size], image.shape, batched=True)
    real = emitter.add("Pad", [ones, padding, emitter.constant(0)], image.shape, mode="constant")
    share = emitter.add("AveragePool", [real], average.shape, **attributes)
    return emitter.add("Div", [average, share], average.shape)


RULES: dict[str, Rule] = {"Pooling": _pooling, "Unpooling": _unpooling}
