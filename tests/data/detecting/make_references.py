"""Record what MONAI makes of RetinaNet heads and of boxes; see README.md."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.networks.retinanet_network import RetinaNet
from monai.apps.detection.utils.anchor_utils import AnchorGenerator, AnchorGeneratorWithAnchorShape
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.data.box_utils import box_iou, non_max_suppression

HERE = Path(__file__).parent
SHAPES = [[6, 8, 4], [8, 6, 5], [10, 10, 6]]
SCALES = [1, 2]
SIZES = [[5, 9], [11, 18]]
RATIOS = [[1.0, 1.0], [0.5, 1.3], [2.0, 0.7]]
SIZE = (32, 40, 16)
CHANNELS = 16
SCAN = (24, 40, 48)
"""Slices, rows and columns of the scan that the exported network reads as a whole."""


class Pyramid(torch.nn.Module):
    """Two levels of features by averaging, the first with the strides 4, 4, 2."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.out_channels = channels
        self.first = torch.nn.Conv3d(1, channels, 5, stride=(4, 4, 2), padding=2)
        self.second = torch.nn.Conv3d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Give features, fine ones first."""
        fine = torch.tanh(self.first(x))
        return [fine, torch.tanh(self.second(fine))]


def record(generator: torch.nn.Module, classes: int, label: int, options: dict[str, float]) -> dict[str, np.ndarray]:
    """Run random heads over random voxels and let MONAI's detector decode them."""
    count = generator.num_anchors_per_location()[0]
    network = RetinaNet(3, classes, count, Pyramid(), size_divisible=1, use_list_output=False).eval()
    for head in (network.classification_head, network.regression_head):
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.25)
    detector = RetinaNetDetector(network, generator, debug=False).eval()
    detector.set_box_selector_parameters(apply_sigmoid=True, **options)
    image = torch.rand(1, 1, *SIZE)
    with torch.no_grad():
        heads = network(image)
        found = detector(image, use_inferer=False)[0]
    chosen = found["labels"] == label
    kept = {"boxes": found["boxes"][chosen], "scores": found["labels_scores"][chosen]}
    for name, key in (("classification", "classification"), ("regression", "box_regression")):
        kept |= {f"{name}_{level}": each for level, each in enumerate(heads[key])}
    kept["anchors"] = torch.cat(generator.cell_anchors)
    return {name: value.numpy() for name, value in kept.items()}


def export() -> dict[str, np.ndarray]:
    """Export a network with its heads, and let MONAI's detector look at a scan of random Hounsfield units.

    The scan is turned to x, y, z of RAS as MONAI's bundle for lung nodules has it, from slices to the head, rows to the
    back and columns to the left.
    """
    generator = AnchorGeneratorWithAnchorShape(SCALES, SHAPES)
    network = RetinaNet(3, 1, len(SHAPES), Pyramid(8), size_divisible=1, use_list_output=False).eval()
    for head in (network.classification_head, network.regression_head):
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.35)
    detector = RetinaNetDetector(network, generator, debug=False).eval()
    detector.set_box_selector_parameters(
        score_thresh=0.3, topk_candidates_per_level=200, nms_thresh=0.22, detections_per_img=40
    )
    hu = np.random.default_rng(21).integers(-1000, 400, SCAN).astype(np.float32)
    turned = np.ascontiguousarray(hu.transpose(2, 1, 0)[::-1, ::-1])
    image = torch.from_numpy((turned + 1024) / (300 + 1024)).clamp(0, 1)[None, None]
    with torch.no_grad():
        found = detector(image, use_inferer=False)[0]
    torch.onnx.export(network, (image,), HERE / "retinanet.onnx", input_names=["image"], dynamo=False, opset_version=17)
    return {"boxes": found["boxes"].numpy(), "scores": found["labels_scores"].numpy()}


def main() -> None:
    """Write the files."""
    torch.manual_seed(21)
    options = {"score_thresh": 0.02, "topk_candidates_per_level": 120, "nms_thresh": 0.22, "detections_per_img": 60}
    shapes = record(AnchorGeneratorWithAnchorShape(SCALES, SHAPES), 1, 0, options)
    ratios = record(AnchorGenerator(SIZES, [RATIOS, RATIOS]), 1, 0, options | {"nms_thresh": 0.5})
    all_of_them = options | {"topk_candidates_per_level": 10_000, "detections_per_img": 10_000}
    classes = record(AnchorGeneratorWithAnchorShape([1, 2], [[9, 7, 5]]), 2, 1, all_of_them)
    low = torch.rand(200, 3) * 40
    boxes = torch.cat([low, low + 1 + torch.rand(200, 3) * 15], dim=1)
    scores = torch.rand(200).round(decimals=2)
    weights = (10.0, 10.0, 10.0, 5.0, 5.0, 5.0)
    moves = torch.randn(200, 6) * 12
    plain = {
        "boxes": boxes,
        "scores": scores,
        "moves": moves,
        "moved": BoxCoder(weights).decode_single(moves, boxes),
        "overlaps": box_iou(boxes[:1], boxes)[0],
        "kept": non_max_suppression(boxes, scores, 0.2),
    }
    arrays = {f"shapes_{name}": value for name, value in shapes.items()}
    arrays |= {f"ratios_{name}": value for name, value in ratios.items()}
    arrays |= {f"classes_{name}": value for name, value in classes.items()}
    arrays |= {f"scan_{name}": value for name, value in export().items()}
    arrays |= {f"plain_{name}": value.numpy() for name, value in plain.items()}
    np.savez_compressed(HERE / "monai.npz", **arrays)
    declared = {"shapes": SHAPES, "scales": SCALES, "sizes": SIZES, "ratios": RATIOS, "size": SIZE, **options}
    (HERE / "monai.json").write_text(json.dumps(declared, indent=1) + "\n")


if __name__ == "__main__":
    main()
