"""What the `networks` table records about a network beside its bytes."""

from __future__ import annotations

import json
import math
from typing import Any

import onnx

from lungdb.errors import ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.graph import UNREADABLE, image_input, read_model, shape_of
from lungdb.networks.layers import penultimate, select_layer

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
"""Mean and standard deviation of ImageNet's red, green and blue on 0…1, as torchvision's models expect them."""

METADATA_KEY = "lungdb"
"""Key of an ONNX file's metadata_props under which it carries its own normalisation, as JSON."""


def network_details(model: bytes) -> dict[str, Any]:
    """Describe an ONNX network for `networks.details`.

    Returns
    -------
    dict
        `{"input": {"name", "channels": 3, "height", "width"}, "normalisation": {"mean": [3], "std": [3]},
        "penultimate": name of a tensor, "width": its values per picture}`; free rows and columns are given as 224.

    Raises
    ------
    ProcedureError
        50116 when the bytes are not a self-contained standard ONNX model or its metadata is unusable; 50104 when it
        has no single input float32[N, 3, rows, cols]; 50115 when its penultimate layer gives no vector.
    """
    parsed = read_model(model)
    picture = image_input(parsed)
    height, width = (size if isinstance(size, int) else SIDE for size in (shape_of(picture) or [])[2:])
    layer = penultimate(parsed)
    return {
        "input": {"name": picture.name, "channels": CHANNELS, "height": height, "width": width},
        "normalisation": _normalisation(parsed),
        "penultimate": layer,
        "width": select_layer(model, layer)[1],
    }


def check_normalisation(normalisation: Any) -> dict[str, list[float]]:
    """Check mean and std: three finite numbers each, std above 0; ProcedureError 50116 otherwise."""
    if isinstance(normalisation, dict):
        mean, std = (_three_numbers(normalisation.get(name)) for name in ("mean", "std"))
        if mean and std and min(std) > 0:
            return {"mean": mean, "std": std}
    raise ProcedureError(
        UNREADABLE,
        f"The network's normalisation {json.dumps(normalisation)[:200]} is not usable. Give mean and std as three "
        "finite numbers each, std above 0.",
    )


def _three_numbers(values: Any) -> list[float]:
    """Give the three finite numbers that a list holds, or nothing."""
    if not isinstance(values, list) or len(values) != CHANNELS:
        return []
    finite = all(type(value) in (int, float) and math.isfinite(value) for value in values)
    return values if finite else []


def _normalisation(model: onnx.ModelProto) -> dict[str, list[float]]:
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            try:
                return check_normalisation(json.loads(entry.value)["normalisation"])
            except (ValueError, TypeError, KeyError):
                return check_normalisation(entry.value)
    return IMAGENET
