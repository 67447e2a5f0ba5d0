"""RenderMap: a picture of a map over its slice, with a legend that tells its colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lungdb.database import Connection, run
from lungdb.imaging.map_pictures import Drawing, colours, draw_map
from tests.support.databases import refused, rows

MAP = (
    "INSERT INTO dbo.score_maps (prediction_id, slice_index, method, position, first_row, end_row, first_col, end_col, "
    "map_rows, map_cols, lowest, highest, map, map_sha256) VALUES (1, ?, ?, ?, 0, 64, 0, 64, 2, 2, ?, ?, ?, "
    "HASHBYTES('SHA2_256', ?));"
)


def store(connection: Connection, slice_index: int, method: str, values: list[float]) -> None:
    """Store a map of two by two of the first score."""
    data = np.array(values, "<f4").tobytes()
    run(connection, MAP, (slice_index, method, -12.5, min(values), max(values), data, data))


def pixels(png: bytes) -> NDArray[np.int64]:
    """Read a PNG by another library than wrote it."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int64)


def test_each_cell_is_coloured_by_its_value(explained: Connection) -> None:
    """Left the slice alone in grey, right the same with the map: orange above 0, blue below, nothing at 0."""
    store(explained, 4, "occlusion", [0.5, 0.0, -0.5, 0.25])
    row = rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;")[0]
    assert row[:5] == (4, -12.5, "occlusion", -0.5, 0.5)
    shown = pixels(row[5])[34:]
    assert shown.shape == (512, 1174, 3)
    plain, covered = shown[:, :512], shown[:, 512:1024]
    assert (plain == plain[..., :1]).all()
    warmth = (covered - plain)[..., 0] - (covered - plain)[..., 2]
    cells = [warmth[:256, :256], warmth[:256, 256:], warmth[256:, :256], warmth[256:, 256:]]
    assert np.array_equal(covered[:256, 256:], plain[:256, 256:])
    assert (cells[0] > cells[3].max() - 25).mean() > 0.5
    assert cells[0].mean() > 1.5 * cells[3].mean() > 0
    assert cells[2].max() < 0


def test_colours_get_lighter_with_the_size_of_a_value_in_cielab() -> None:
    """Perceptual lightness by OpenCV's CIELAB rises in each direction from 0, so that order survives in grey, too."""
    import cv2

    for sign in (-1, 1):
        shown = colours(sign * np.linspace(0.01, 1, 40))[None]
        lightness = cv2.cvtColor(shown.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 0]
        assert (np.diff(lightness) > -0.2).all()
        assert lightness[-1] > lightness[0] + 20


def test_a_score_has_one_scale_and_its_largest_map_comes_first(explained: Connection) -> None:
    """A value that is half of the largest of another slice gets half of the colour; unasked, the largest is drawn."""
    store(explained, 4, "occlusion", [0.5, 0.5, 0.5, 0.5])
    alone = rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;")[0][5]
    store(explained, 7, "occlusion", [-1.0, 0, 0, 0])
    assert rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1;")[0][0] == 7
    beside = rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;")[0][5]
    grey, strong, weak = (
        pixels(png)[34:, start : start + 512] for png, start in ((alone, 0), (alone, 512), (beside, 512))
    )
    assert np.abs(strong - grey).mean() > 1.5 * np.abs(weak - grey).mean()
    store(explained, 4, "gradcam", [0.1, 0, 0, 0])
    assert rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;")[0][2] == "gradcam"
    other = "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4, @Method = 'occlusion';"
    assert rows(explained, other)[0][5] == beside


def test_a_map_of_zeros_leaves_the_slice_as_it_is() -> None:
    """There is nothing to scale by."""
    hu = np.random.default_rng(1).integers(-1000, 100, (40, 60)).astype(np.int16)
    shown = pixels(draw_map(Drawing(hu, np.zeros((3, 3)), (0, 40, 0, 60), 0.0, "t", "u", aspect=1.5)))[34:]
    assert shown.shape == (512, 1174, 3)
    np.testing.assert_array_equal(shown[:, :512], shown[:, 512:1024])


@pytest.mark.parametrize(
    ("change", "call", "number", "named"),
    [
        ("", "@PredictionId = 99", 50145, "99"),
        ("", "@PredictionId = NULL", 50145, "NULL"),
        ("", "@PredictionId = 2", 50385, "any slice"),
        ("", "@PredictionId = 1, @SliceIndex = 5", 50385, "the slice 5"),
        ("", "@PredictionId = 1, @SliceIndex = 4, @Method = 'gradcam'", 50385, "'gradcam'"),
        ("UPDATE dbo.score_maps SET map = 0x00;", "@PredictionId = 1, @SliceIndex = 4", 50116, "bytes"),
        ("UPDATE dbo.score_maps SET end_row = 65;", "@PredictionId = 1, @SliceIndex = 4", 50116, "64 x 64"),
        ("UPDATE dbo.scan_images SET pixels = 0x00;", "@PredictionId = 1, @SliceIndex = 4", 50116, "64 x 64 values"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    explained: Connection, change: str, call: str, number: int, named: str
) -> None:
    """With the value and a way out."""
    store(explained, 4, "occlusion", [0.5, 0.0, -0.5, 0.25])
    if change:
        run(explained, change)
    assert named in refused(explained, f"EXECUTE dbo.RenderMap {call};", number)
