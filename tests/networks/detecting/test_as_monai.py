"""Heads, boxes and suppression give what MONAI gave of the same arrays (tests/data/detecting)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.imaging.volumes.geometry import Geometry, Tile
from lungdb.networks.detecting.anchors import moved
from lungdb.networks.detecting.boxes import suppress
from lungdb.networks.detecting.decoding import decode
from lungdb.networks.detecting.forms import RetinaNet
from lungdb.networks.detecting.reading import read_output

DATA = Path(__file__).parents[2] / "data" / "detecting"
# As MONAI's voxels: an array of x, y, z whose indices rise to the left, back and head, a millimetre each.
VOXELS = Geometry((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


@pytest.fixture(scope="module")
def recorded() -> dict[str, NDArray[Any]]:
    """Read MONAI's arrays."""
    with np.load(DATA / "monai.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """Read what the arrays were made with."""
    values: dict[str, Any] = json.loads((DATA / "monai.json").read_text(encoding="utf-8"))
    return values


def form_of(kind: str, declared: dict[str, Any]) -> RetinaNet:
    """Declare the heads of a kind."""
    own: dict[str, Any] = {
        "shapes": {"anchor_shapes": declared["shapes"], "anchor_scales": declared["scales"], "suppression": 0.22},
        "ratios": {"anchor_sizes": declared["sizes"], "anchor_ratios": declared["ratios"], "suppression": 0.5},
        "classes": {"anchor_shapes": [[9, 7, 5]], "anchor_scales": [1, 2], "classes": 2, "class": 1},
    }[kind]
    most = 10_000 if kind == "classes" else declared["detections_per_img"]
    per_level = 10_000 if kind == "classes" else declared["topk_candidates_per_level"]
    form = read_output(
        {"form": "retinanet", "threshold": declared["score_thresh"], "per_level": per_level, "most": most, **own}
    )
    assert isinstance(form, RetinaNet)
    return form


@pytest.mark.parametrize("kind", ["shapes", "ratios", "classes"])
def test_heads_become_the_boxes_of_monai(
    kind: str, recorded: dict[str, NDArray[Any]], declared: dict[str, Any]
) -> None:
    """Anchors, regression, clipping to the tile, the best of each level, suppression: boxes, scores and their order."""
    heads = [recorded[f"{kind}_{name}_{level}"] for name in ("classification", "regression") for level in (0, 1)]
    tile = Tile(np.zeros((1, *declared["size"]), np.float32), (0, 0, 0), VOXELS)

    found = decode(form_of(kind, declared), heads, tile)

    boxes = np.concatenate([found.centres - found.sides / 2, found.centres + found.sides / 2], axis=1)
    assert len(recorded[f"{kind}_boxes"]) > 20
    np.testing.assert_allclose(boxes, recorded[f"{kind}_boxes"], atol=1e-4)
    np.testing.assert_allclose(found.scores, recorded[f"{kind}_scores"], atol=1e-6)


@pytest.mark.parametrize("kind", ["shapes", "ratios", "classes"])
def test_anchors_are_those_of_monais_generators(
    kind: str, recorded: dict[str, NDArray[Any]], declared: dict[str, Any]
) -> None:
    """Their sides are rounded as MONAI rounds them, in MONAI's order."""
    anchors = np.concatenate(form_of(kind, declared).anchors)

    np.testing.assert_array_equal(anchors, recorded[f"{kind}_anchors"])


def test_suppression_keeps_the_boxes_that_monai_keeps(recorded: dict[str, NDArray[Any]]) -> None:
    """Also in its order, with scores that are equal."""
    boxes, scores = recorded["plain_boxes"].astype(float), recorded["plain_scores"].astype(float)

    kept = suppress(boxes, scores, 0.2, 1000)

    assert len(np.unique(scores)) < len(scores) > len(kept)
    np.testing.assert_array_equal(kept, recorded["plain_kept"])
    np.testing.assert_array_equal(suppress(boxes, scores, 0.2, 7), recorded["plain_kept"][:7])


def test_weights_and_the_clip_move_boxes_as_monais_coder(recorded: dict[str, NDArray[Any]]) -> None:
    """Some sides are stretched beyond the clip, which is the logarithm of 1000 / 16 unless declared."""
    boxes, moves, expected = (recorded[f"plain_{name}"] for name in ("boxes", "moves", "moved"))
    form = read_output({"form": "retinanet", "anchor_shapes": [[1, 1, 1]], "anchor_scales": [1]})
    assert isinstance(form, RetinaNet)

    boxes_moved = moved(boxes, moves, (10, 10, 10, 5, 5, 5), form.clip)

    assert (moves[:, 3:] / 5 > form.clip).sum() > 3
    np.testing.assert_allclose(boxes_moved, expected, rtol=1e-5, atol=1e-3)
