"""What a network declares of its outputs is asked for by name and checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lungdb.errors import LungdbError
from lungdb.networks.detecting.forms import Boxes, HeatMap, RetinaNet, Segmentation, is_map
from lungdb.networks.detecting.reading import FORM_NAMES, read_output
from lungdb.networks.inputs.declaring import read_detects

BOXES = {"form": "boxes", "columns": "z1 y1 x1 z2 y2 x2", "unit": "voxel", "score": "logit"}
HEADS = {"form": "retinanet", "anchor_shapes": [[6, 8, 4], [8, 6, 5]], "anchor_scales": [1, 2, 4]}
HEAT = {"form": "heatmap", "score": "probability", "diameter": 6}


@pytest.mark.parametrize("complete", [BOXES, HEADS, HEAT, {"form": "segmentation", "score": "softmax", "class": 1}])
def test_what_cannot_be_guessed_is_asked_for_by_name(complete: dict[str, Any]) -> None:
    """Each key of a smallest declaration is missed when it is left out."""
    read_output(complete)
    for name in complete.keys() - {"class"}:
        with pytest.raises(LungdbError, match=f"The network's output: {name} is missing"):
            read_output({key: value for key, value in complete.items() if key != name})


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"form": "masks"}, "'masks' for form is not supported. Supported are 'boxes' and 'retinanet'"),
        ({**BOXES, "unit": "mm"}, "frame is missing. Supported are 'LPS' and 'RAS'"),
        ({**BOXES, "columns": "z1 y1 x1 z2 y2"}, "'z1 y1 x1 z2 y2' for columns is not supported"),
        ({**BOXES, "columns": "zc yc xc zs ys xs d"}, "for columns is not supported"),
        ({**BOXES, "columns": "z1 z1 y1 y2 x1 x2"}, "for columns is not supported"),
        ({**BOXES, "columns": "q1 q2 z1 z2 y1 y2 x1 x2"}, "for columns is not supported"),
        ({**BOXES, "labels": 2}, "class is missing"),
        ({**BOXES, "boxes": "box"}, "'box' for boxes is not supported. Supported are positions of outputs"),
        ({**BOXES, "colour": 1}, "it has no argument 'colour' here"),
        ({**HEADS, "anchor_shapes": [[6, 8]]}, "for anchor_shapes is not supported"),
        (
            {**HEADS, "anchor_shapes": [[6, 8, -4]]},
            "-4 for anchor_shapes is not supported. Supported are numbers above 0",
        ),
        ({**HEADS, "classification": [0, 1]}, "Supported are lists of 3, one output a level"),
        ({**HEADS, "strides": [[4, 4, 2]]}, "Supported are 3 lists of three whole numbers"),
        ({**HEADS, "classes": 2}, "class is missing"),
        ({**HEADS, "threshold": 2}, "the value 2 for threshold is not supported. Supported are 0 to 1"),
        ({**HEAT, "diameter": "output"}, "diameter_unit is missing"),
        ({**HEAT, "diameter": "wide"}, "'wide' for diameter is not supported"),
        ({**HEAT, "diameter": float("nan")}, "nan for diameter is not supported"),
        ({"form": "segmentation", "score": "logit", "connectivity": 8}, "Supported are 6 and 18 and 26"),
    ],
)
def test_a_declaration_of_no_use_is_refused(declared: dict[str, Any], message: str) -> None:
    """With the value, and what is supported."""
    with pytest.raises(LungdbError, match=message):
        read_output(declared)


def test_outputs_may_be_declared_by_their_names() -> None:
    """A name that the network does not have is refused with those that it has."""
    names = ["scores", "boxes"]

    form = read_output({**BOXES, "boxes": "boxes", "scores": "scores"}, names)

    assert isinstance(form, Boxes)
    assert (form.boxes, form.scores) == (1, 0)
    with pytest.raises(LungdbError, match="0 to 1, and their names: scores, boxes"):
        read_output({**BOXES, "boxes": "box"}, names)


def test_the_heads_of_monais_bundle_need_its_anchors_only() -> None:
    """Its classes come first, then its regressions; the rest is as MONAI's lung_nodule_ct_detection sets it."""
    form = read_output({**HEADS, "anchor_scales": [1, 2, 4]})

    assert isinstance(form, RetinaNet)
    assert (form.classification, form.regression) == ((0, 1, 2), (3, 4, 5))
    assert (form.threshold, form.suppression, form.per_level, form.most) == (0.02, 0.22, 1000, 300)
    assert form.weights == (1, 1, 1, 1, 1, 1)


def test_maps_are_combined_before_they_are_looked_at() -> None:
    """Boxes of tiles are merged, maps of tiles are blended."""
    assert [is_map(read_output(each)) for each in (BOXES, HEADS, HEAT)] == [False, False, True]
    assert isinstance(read_output(HEAT), HeatMap)


def test_the_examples_of_the_manual_declare_each_form() -> None:
    """What stands behind --detects in docs/volumes.md is understood as it is written there."""
    text = (Path(__file__).parents[3] / "docs" / "volumes.md").read_text(encoding="utf-8")
    examples = re.findall(r'--detects "([^"]+)"', text)

    assert {read_output(read_detects([example])).__class__ for example in examples} == {
        Boxes,
        RetinaNet,
        HeatMap,
        Segmentation,
    }
    assert {example.partition(",")[0] for example in examples} == set(FORM_NAMES)
