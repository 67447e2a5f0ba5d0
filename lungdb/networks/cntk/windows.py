"""Windows that slide along an axis: CNTK's rules for sizes and padding, and how ONNX says them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lungdb.networks.cntk.emitting import Dim, Emitter, Value
from lungdb.networks.cntk.functions import FREE, Function

_T = TypeVar("_T")


@dataclass(frozen=True)
class Window:
    """A window along one axis.

    Attributes
    ----------
    size, stride, dilation : int
    auto : bool
        CNTK's automatic padding: the output has ceil(n / stride) places; `lower` and `upper` do not count.
    lower, upper : int
        Padding before and after.
    ceil : bool
        The last window may reach over the end.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    auto: bool = False
    lower: int = 0
    upper: int = 0
    ceil: bool = False

    @property
    def extent(self) -> int:
        """How many cells lie between the first and the last of a window, both included."""
        return (self.size - 1) * self.dilation + 1

    @property
    def idle(self) -> bool:
        """Whether the window changes nothing about its axis."""
        return self.size == self.stride == 1 and (self.auto or self.lower == self.upper == 0)

    def places(self, n: Dim) -> Dim:
        """Give the size of the output for a size n of the input."""
        if n is None:
            return None
        if self.auto:
            return (n - 1) // self.stride + 1
        room = n + self.lower + self.upper - self.extent
        return (room + self.stride - 1 if self.ceil else room) // self.stride + 1

    def padding(self, n: int) -> tuple[int, int]:
        """Give the cells added before and after; before may be negative, where the first window starts inside.

        With automatic padding CNTK centres the windows: lo = (extent - 1) / 2 - extra / 2 in whole numbers, extra being
        what the centres leave over (ConvolveGeometry.h).
        """
        last = ((self.places(n) or 1) - 1) * self.stride
        before = (self.extent - 1) // 2 - (n - 1 - last) // 2 if self.auto else self.lower
        return before, max(0, last + self.extent - n - before)

    def constant_padding(self) -> tuple[int, int] | None:
        """Give the padding that holds for every size, or None where it depends on the size."""
        if not self.auto:
            return None if self.ceil and self.stride > 1 else (self.lower, self.upper)
        if self.stride == 1:
            before = (self.extent - 1) // 2
            return before, self.extent - 1 - before
        return (0, 0) if self.extent == 1 and self.stride == 2 else None


def read_windows(function: Function, sizes: Sequence[int], filter_rank: int) -> list[Window]:
    """Read the windows of a convolution or pooling, one an axis, row-major.

    Lists that are too short repeat their last entry up to the rank of the filter and then take the neutral value.

    Parameters
    ----------
    sizes : sequence of int
        Of the window, in the file's order, one an axis.
    filter_rank : int
        How many axes the filter has.
    """
    rank = len(sizes)

    def expanded(name: str, values: Sequence[_T], neutral: _T) -> list[_T]:
        if len(values) > rank:
            function.refuse(f"has {len(values)} entries in {name} for {rank} axes", "Save the model again with CNTK 2.")
        full = list(values) + [values[-1] if values else neutral] * (filter_rank - len(values))
        return full + [neutral] * (rank - len(full))

    strides = expanded("strides", function.dims("strides"), 1)
    dilations = expanded("dilation", function.dims("dilation"), 1)
    autos = expanded("autoPadding", function.items("autoPadding", bool), False)
    lowers = expanded("lowerPad", function.dims("lowerPad"), 0)
    uppers = expanded("upperPad", function.dims("upperPad"), 0)
    if any(not 0 < value < FREE for value in (*sizes, *strides, *dilations)) or max(*lowers, *uppers, 0) >= FREE:
        function.refuse("has a window, stride or padding without a size", "Save the model with a fixed input size.")
    ceils = [function.flag("ceilOutDim")] * rank
    return [Window(*axis) for axis in zip(sizes, strides, dilations, autos, lowers, uppers, ceils, strict=True)][::-1]


def placed(function: Function, windows: Sequence[Window], sizes: Sequence[Dim]) -> list[Dim]:
    """Give the sizes of the output; refuse windows that are larger than what they slide along."""
    places = [window.places(n) for window, n in zip(windows, sizes, strict=True)]
    if any(place is not None and place < 1 for place in places):
        function.refuse(f"slides a window over {tuple(sizes)} that is larger", "Save the model again with CNTK 2.")
    return places


def pad(
    emitter: Emitter, value: Value, windows: Sequence[Window], fill: float
) -> tuple[Value, dict[str, Any], Value | None]:
    """Say the padding of windows over the last axes of a picture [N, channels, …].

    Returns
    -------
    value : Value
        The input, with Pad in front where attributes cannot say it.
    attributes : dict
        What Conv and the pooling operators take: kernel_shape, strides, and pads or auto_pad.
    padding : Value or None
        What the Pad node added, int64, where there is one; then cells of `fill` look like real ones.
    """
    sizes = value.shape[-len(windows) :]
    attributes: dict[str, Any] = {
        "kernel_shape": [window.size for window in windows],
        "strides": [window.stride for window in windows],
    }
    if any(window.dilation != 1 for window in windows):
        attributes["dilations"] = [window.dilation for window in windows]
    pads = [
        window.constant_padding() if n is None else window.padding(n) for window, n in zip(windows, sizes, strict=True)
    ]
    known = [entry for entry in pads if entry is not None]
    if len(known) == len(pads) and all(before >= 0 for before, _ in known):
        return value, attributes | {"pads": [entry[0] for entry in known] + [entry[1] for entry in known]}, None
    for parity, same in ((1, "SAME_LOWER"), (0, "SAME_UPPER")):
        if all(
            window.auto and (window.idle or (window.extent % 2 == parity and window.stride <= window.extent))
            for window in windows
        ):
            return value, attributes | {"auto_pad": same}, None
    parts = [
        _constant(emitter, *entry)
        if entry is not None
        else _measured(emitter, value, window, value.rank - len(windows) + place)
        for place, (entry, window) in enumerate(zip(pads, windows, strict=True))
    ]
    front = [emitter.integers([0] * (value.rank + 1 - len(windows)))]
    amounts: list[Value | str] = [*front, *(before for before, _ in parts), *front, *(after for _, after in parts)]
    padding = emitter.add("Concat", amounts, batched=False, axis=0)
    places = [None if n is None or entry is None else n + sum(entry) for n, entry in zip(sizes, pads, strict=True)]
    padded = emitter.add(
        "Pad", [value, padding, emitter.constant(fill)], [*value.shape[: -len(windows)], *places], mode="constant"
    )
    return padded, attributes | {"pads": [0] * 2 * len(windows)}, padding


def _constant(emitter: Emitter, before: int, after: int) -> tuple[str, str]:
    return emitter.integers([before]), emitter.integers([after])


def _measured(emitter: Emitter, value: Value, window: Window, axis: int) -> tuple[Value, Value]:
    """Compute Window.padding for the size that an axis has when the network runs."""

    def whole(operator: str, left: Value, right: Value | int) -> Value:
        return emitter.add(operator, [left, right if isinstance(right, Value) else emitter.integers([right])], (1,))

    n = emitter.add("Shape", [value], (1,), batched=False, start=axis + 1, end=axis + 2)
    if window.auto:
        last = whole("Mul", whole("Div", whole("Sub", n, 1), window.stride), window.stride)
        extra = whole("Sub", whole("Sub", n, 1), last)
        before = whole("Add", whole("Mul", whole("Div", extra, 2), -1), (window.extent - 1) // 2)
    else:
        room = whole("Add", n, window.lower + window.upper - window.extent + window.stride - 1)
        last = whole("Mul", whole("Div", room, window.stride), window.stride)
        before = whole("Add", whole("Mul", n, 0), window.lower)
    after = whole("Sub", whole("Add", last, window.extent), whole("Add", n, before))
    return before, whole("Max", after, 0)
