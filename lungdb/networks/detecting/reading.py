"""From the JSON that declares a detector's outputs to their form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import Arguments
from lungdb.networks.detecting.anchors import anchors_of_ratios, anchors_of_shapes
from lungdb.networks.detecting.forms import Boxes, Form, HeatMap, RetinaNet, Segmentation
from lungdb.networks.wording import listed

_LABEL = "The network's output"
_MOST_OUTPUTS = 64
_MOST_CANDIDATES = 100_000
_LARGEST = 4096.0  # voxels or mm
_AXES = ("z", "y", "x")
_MONAI_CLIP = math.log(1000 / 16)
_SIGMOID = ["probability", "logit"]
_SOFTMAX = [*_SIGMOID, "softmax"]


def read_output(declared: Mapping[str, Any], names: Sequence[str] = ()) -> Form:
    """Read and check what `networks.details` has under `output`.

    Parameters
    ----------
    declared : mapping
        `form` and the keys of that form, which docs/volumes.md lists.
    names : sequence of str
        Names of the network's outputs in their order; without them an output is declared by its position.

    Raises
    ------
    LungdbError
        A key is missing that cannot be guessed, has a value of no use, or is none of this form.
    """
    reader = _Reader(_LABEL, dict(declared), False)
    reader.names = tuple(names)
    form: Form = _FORMS[reader.choice("form", list(_FORMS))](reader)
    reader.rest()
    return form


class _Reader(Arguments):
    """Arguments that may name outputs of the network."""

    names: tuple[str, ...] = ()

    def whole(self, name: str, low: int, high: int, default: Any) -> int:
        """Read a whole number; a default of None says that it has to be written."""
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            if name not in self.given:
                raise LungdbError(f"{self.label}: {name} is missing. Supported are whole numbers {low} to {high}.")
            raise self.refused(name, value, f"whole numbers {low} to {high}")
        self.checked[name] = value
        return value

    def maybe(self, name: str, low: int, high: int) -> int | None:
        """Read a whole number that may be left out."""
        return self.whole(name, low, high, None) if name in self.given else None

    def several(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Read a whole number or a list of different ones, which may be left out."""
        given = self.given.get(name, [])
        if not isinstance(given, list):
            return (self.whole(name, low, high, None),)
        is_whole = all(type(each) is int and low <= each <= high for each in given)
        if name in self.given and (not given or not is_whole or len(set(given)) < len(given)):
            raise self.refused(name, given, f"a whole number {low} to {high}, and lists of different ones")
        self.checked[name] = given
        return tuple(given)

    def output(self, name: str, default: int | None) -> int:
        """Read the name or the position of an output."""
        return self._position(
            name, self._value(name, default, self._known()) if default is None else self.given.get(name, default)
        )

    def outputs(self, name: str, default: range) -> tuple[int, ...]:
        """Read as many outputs as the default has."""
        value = self.given.get(name, list(default))
        if not isinstance(value, list) or len(value) != len(default):
            raise self.refused(name, value, f"lists of {len(default)}, one output a level of the anchors")
        return tuple(self._position(name, each) for each in value)

    def _position(self, name: str, value: Any) -> int:
        if isinstance(value, str) and value in self.names:
            value = self.names.index(value)
        most = len(self.names) or _MOST_OUTPUTS
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
            raise self.refused(name, value, self._known())
        self.checked[name] = value
        return value

    def _known(self) -> str:
        positions = f"positions of outputs, 0 to {(len(self.names) or _MOST_OUTPUTS) - 1}"
        return f"{positions}, and their names: {listed(self.names)}" if self.names else positions

    def threshold(self, default: float) -> float:
        """Read the score that candidates have more than."""
        return self.number("threshold", 0, 1, default)

    def suppression(self) -> float:
        """Read the overlap of two boxes that are one; MONAI's lung_nodule_ct_detection has 0.22."""
        return self.number("suppression", 0, 1, 0.22)

    def most(self) -> int:
        """Read how many candidates a tile, or a map, gives."""
        return self.whole("most", 1, _MOST_CANDIDATES, 300)


def _boxes(reader: _Reader) -> Boxes:
    columns = _columns(reader)
    unit = reader.choice("unit", ["voxel", "mm"])
    frame = reader.choice("frame", ["LPS", "RAS"]) if unit == "mm" else "LPS"
    origin = reader.choice("origin", ["centre", "corner"], "centre") if unit == "voxel" else "centre"
    in_columns = "score" in columns
    if in_columns and reader.has("scores"):
        raise reader.refused("scores", reader.given["scores"], "none where the columns have a score")
    labels = reader.output("labels", None) if reader.has("labels") else None
    has_labels = labels is not None or "label" in columns
    return Boxes(
        boxes=reader.output("boxes", 0),
        columns=columns,
        unit=unit,
        frame=frame,
        origin=origin,
        scores=None if in_columns else reader.output("scores", 1),
        labels=labels,
        label=reader.whole("class", -1000, 1000, None) if has_labels else reader.maybe("class", 0, 1000),
        score=reader.choice("score", _SIGMOID),
        threshold=reader.threshold(0.02),
        suppression=reader.suppression(),
        most=reader.most(),
    )


def _columns(reader: _Reader) -> tuple[str, ...]:
    """Read what the columns of boxes are: each axis by two corners, or by a corner or its centre and a side."""
    supported = (
        "names with blanks between: of each axis two of z1 z2 zc zs (lower corner, upper corner, centre, side), or zc "
        "with one d for all; score, label, and - for what is not read"
    )
    if not reader.has("columns"):
        raise LungdbError(f"{reader.label}: columns is missing. Supported are {supported}.")
    value = reader.given["columns"]
    columns = tuple(value.split()) if isinstance(value, str) else ()
    named = [column for column in columns if column != "-"]
    rest = set(named) - {"score", "label", "d"}
    pairs = [{"1", "2"}, {"1", "s"}, {"c", "s"}] if "d" not in named else [{"c"}]
    of_axes = [{column[1:] for column in rest if column[0] == axis} for axis in _AXES]
    if (
        len(named) != len(set(named))
        or len(rest) != sum(map(len, of_axes))
        or any(kinds not in pairs for kinds in of_axes)
    ):
        raise reader.refused("columns", value, supported)
    reader.checked["columns"] = columns
    return columns


def _retinanet(reader: _Reader) -> RetinaNet:
    anchors = _anchors(reader)
    levels = len(anchors)
    classes = reader.whole("classes", 1, 1000, 1)
    return RetinaNet(
        classification=reader.outputs("classification", range(levels)),
        regression=reader.outputs("regression", range(levels, 2 * levels)),
        anchors=anchors,
        strides=_strides(reader, levels),
        weights=tuple(reader.numbers("weights", 6, 1e-6, 1e6, 1.0)),
        clip=reader.number("clip", 0, 20, _MONAI_CLIP),
        classes=classes,
        label=reader.whole("class", 0, classes - 1, 0 if classes == 1 else None),
        score=reader.choice("score", _SIGMOID, "logit"),
        threshold=reader.threshold(0.02),
        per_level=reader.whole("per_level", 1, _MOST_CANDIDATES, 1000),
        suppression=reader.suppression(),
        most=reader.most(),
    )


def _anchors(reader: _Reader) -> tuple[Any, ...]:
    """Read anchors: shapes with scales of levels, or sizes of levels with ratios of the axes."""
    if reader.has("anchor_sizes") or reader.has("anchor_ratios"):
        sizes = _table(reader, "anchor_sizes", None, "a list a level of sides in voxels")
        ratios = _table(reader, "anchor_ratios", 2, "a list of pairs: the second and the third side by the first")
        return tuple(anchors_of_ratios(each, ratios) for each in sizes)
    scales = _table(reader, "anchor_scales", 1, "a list of one number a level, in MONAI's bundles feature_map_scales")
    shapes = _table(
        reader, "anchor_shapes", 3, "a list of three sides each in voxels, in MONAI's bundles base_anchor_shapes"
    )
    return tuple(anchors_of_shapes(shapes, scale[0]) for scale in scales)


def _table(reader: _Reader, name: str, width: int | None, supported: str) -> list[list[float]]:
    if not reader.has(name):
        raise LungdbError(f"{reader.label}: {name} is missing. Supported is {supported}.")
    value = reader.given[name]
    rows = [[row] if width == 1 else row for row in value] if isinstance(value, list) else []
    if not rows or not all(isinstance(row, list) and row and len(row) == (width or len(row)) for row in rows):
        raise reader.refused(name, value, supported)
    for number in (number for row in rows for number in row):
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= _LARGEST:
            raise reader.refused(name, number, f"numbers above 0, {_LARGEST:g} at most")
    reader.checked[name] = rows
    return rows


def _strides(reader: _Reader, levels: int) -> tuple[tuple[int, int, int], ...] | None:
    if not reader.has("strides"):
        return None
    rows = _table(reader, "strides", 3, "a list a level of three whole numbers")
    if len(rows) != levels or any(number != int(number) for row in rows for number in row):
        raise reader.refused("strides", reader.given["strides"], f"{levels} lists of three whole numbers")
    return tuple((int(row[0]), int(row[1]), int(row[2])) for row in rows)


def _heat_map(reader: _Reader) -> HeatMap:
    supported = "millimetres above 0, 'half' (the width at half of the peak) and 'output'"
    if not reader.has("diameter"):
        raise LungdbError(f"{reader.label}: diameter is missing. Supported are {supported}.")
    value = reader.given["diameter"]
    if value in ("half", "output"):
        diameter: float | str = reader.choice("diameter", ["half", "output"])
    elif isinstance(value, str):
        raise reader.refused("diameter", value, supported)
    else:
        diameter = reader.number("diameter", 0.1, 500)
    read = diameter == "output"
    return HeatMap(
        output=reader.output("map", 0),
        channel=reader.maybe("class", 0, 1000),
        score=reader.choice("score", _SOFTMAX),
        threshold=reader.threshold(0.5),
        radius=reader.number("radius", 0, 500, 5.0),
        diameter=diameter,
        diameters=reader.output("diameter_output", 1) if read else 0,
        diameter_channel=reader.whole("diameter_channel", 0, 1000, 0) if read else 0,
        diameter_unit=reader.choice("diameter_unit", ["mm", "voxel"]) if read else "mm",
        most=reader.most(),
    )


def _segmentation(reader: _Reader) -> Segmentation:
    channels = reader.several("class", 0, 1000)
    return Segmentation(
        output=reader.output("map", 0),
        channel=channels[0] if channels else None,
        others=channels[1:],
        score=reader.choice("score", _SOFTMAX),
        threshold=reader.threshold(0.5),
        of_part=reader.choice("score_of_part", ["max", "mean"], "max"),
        connectivity=reader.choice("connectivity", [6, 18, 26], 26),
        smallest=reader.number("smallest", 0, 500, 3.0),
        most=reader.most(),
    )


_FORMS: dict[str, Callable[[_Reader], Form]] = {
    "boxes": _boxes,
    "retinanet": _retinanet,
    "heatmap": _heat_map,
    "segmentation": _segmentation,
}
FORM_NAMES = tuple(_FORMS)
"""Names of the forms."""
