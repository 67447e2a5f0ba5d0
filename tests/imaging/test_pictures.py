"""Pictures of every kind become what the network reads; values are compared with what the file's bytes say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging.pictures import decode_picture, fit_picture, prepare_picture
from tests.imaging.picture_data import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    chunk,
    jpeg,
    png,
    with_orientation,
)

COLOURS = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0]))
# File of one row and two columns -> its two pixels in red, green, blue.
KINDS = {
    "grey": (png([b"\x10\xf0"], 2, GREY), [(16, 16, 16), (240, 240, 240)]),
    "grey of 1 bit": (png([b"\x40"], 2, GREY, depth=1), [(0, 0, 0), (255, 255, 255)]),
    "grey of 16 bits": (png([b"\x10\x80\xf0\x00"], 2, GREY, depth=16), [(16, 16, 16), (240, 240, 240)]),
    "RGB": (png([b"\xff\0\0\x01\x02\x03"], 2, RGB), [(255, 0, 0), (1, 2, 3)]),
    "RGB of 16 bits": (
        png([b"\xff\xff\0\0\0\0\x01\x80\x02\x80\x03\x80"], 2, RGB, depth=16),
        [(255, 0, 0), (1, 2, 3)],
    ),
    "palette": (png([b"\0\1"], 2, PALETTE, extra=COLOURS), [(255, 0, 0), (0, 255, 0)]),
    # 255 − 128 of white shows through where alpha is 128.
    "grey with alpha": (png([b"\x00\x80\x10\xff"], 2, GREY_ALPHA), [(127, 127, 127), (16, 16, 16)]),
    "RGB with alpha": (png([b"\xff\0\0\x80\0\xff\0\x00"], 2, RGB_ALPHA), [(255, 127, 127), (255, 255, 255)]),
    "RGB of 16 bits with alpha": (
        png([b"\xff\xff\0\0\0\0\x80\x00\0\0\xff\xff\0\0\xff\xff"], 2, RGB_ALPHA, depth=16),
        [(255, 127, 127), (0, 255, 0)],
    ),
    "palette with a transparent colour": (
        png([b"\0\1"], 2, PALETTE, extra=COLOURS + chunk(b"tRNS", b"\x80")),
        [(255, 127, 127), (0, 255, 0)],
    ),
    "grey with a transparent level": (
        png([b"\x10\xf0"], 2, GREY, extra=chunk(b"tRNS", b"\0\x20")),
        [(16, 16, 16), (240, 240, 240)],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_png_of_any_kind_becomes_three_channels_in_the_order_asked_for(kind: str, order: str) -> None:
    """Both pixels are what the file says, over white where it is transparent."""
    data, expected = KINDS[kind]
    picture = decode_picture(data, order)
    assert (picture.dtype, picture.shape) == (np.uint8, (1, 2, 3))
    assert [tuple(pixel) for pixel in picture[0].tolist()] == [
        pixel if order == "rgb" else pixel[::-1] for pixel in expected
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tall_transparent_picture_is_blended_everywhere(dtype: type) -> None:
    """Every row of a thousand, compared with the exact blend of the upper 8 bits."""
    scale = np.iinfo(dtype).max // 255
    pixels = np.random.default_rng(3).integers(0, 256, (1000, 7, 4)).astype(dtype)
    picture = decode_picture(cv2.imencode(".png", pixels * dtype(scale))[1].tobytes(), "bgr")
    alpha = pixels[..., 3:] / 255
    np.testing.assert_allclose(picture, pixels[..., :3] * alpha + 255 * (1 - alpha), atol=0.51)


def test_a_jpeg_in_colour_and_in_grey_is_read() -> None:
    """A plain area survives compression: red stays red, grey has three equal channels."""
    red = np.zeros((32, 48, 3), np.uint8)
    red[..., 2] = 200
    np.testing.assert_allclose(decode_picture(jpeg(red))[16, 16], [200, 0, 0], atol=3)
    np.testing.assert_allclose(decode_picture(jpeg(red), "bgr")[16, 16], [0, 0, 200], atol=3)
    grey = decode_picture(jpeg(np.full((32, 48), 90, np.uint8)))
    assert grey.shape == (32, 48, 3)
    np.testing.assert_allclose(grey, 90, atol=1)


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_jpeg_stands_as_its_exif_orientation_says(orientation: int, turn: int) -> None:
    """Exif 2.3: 3 is turned by 180°, 6 wants a turn clockwise, 8 one counter-clockwise."""
    picture = np.zeros((32, 48), np.uint8)
    picture[:16, :16] = 255
    file = jpeg(picture)
    turned = decode_picture(with_orientation(file, orientation))
    np.testing.assert_array_equal(turned, np.rot90(decode_picture(file), turn))


def test_a_png_is_not_turned_by_exif() -> None:
    """With and without alpha alike."""
    exif = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    for colour, pixel in ((RGB, b"\x01\x02\x03"), (RGB_ALPHA, b"\x01\x02\x03\xff")):
        assert decode_picture(png([pixel * 3], 3, colour, extra=exif)).shape == (1, 3, 3)


def test_pixels_that_end_too_early_are_refused() -> None:
    """The parts of the PNG are whole, but there is less in them than the header says."""
    with pytest.raises(LungdbError, match="PNG file cannot be decoded"):
        decode_picture(png([bytes(9)] * 4, 9, GREY, size=(40, 9)))


@pytest.mark.parametrize("shape", [(448, 448), (448, 700), (700, 448)])
def test_a_shrunken_picture_is_the_mean_of_its_areas(shape: tuple[int, int]) -> None:
    """At half the size, each pixel is the rounded mean of four, of the middle of the picture."""
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    top, left = (shape[0] - 448) // 2, (shape[1] - 448) // 2
    middle = picture[top : top + 448, left : left + 448].astype(float)
    expected = middle.reshape(224, 2, 224, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(fit_picture(picture, (224, 224)), expected, atol=0.51)


@pytest.mark.parametrize(("shape", "size"), [((300, 200), (224, 224)), ((61, 47), (227, 227)), ((500, 400), (64, 128))])
def test_nothing_is_squeezed(shape: tuple[int, int], size: tuple[int, int]) -> None:
    """A ramp of rows and columns keeps its steps: both axes are scaled alike, within a pixel of cutting."""
    rows, cols = np.indices(shape)
    picture = np.dstack([rows // 2, cols // 2, np.zeros(shape)]).astype(np.uint8)
    fitted = fit_picture(picture, size).astype(float)
    assert fitted.shape == (*size, 3)
    down = (fitted[-5, :, 0] - fitted[4, :, 0]).mean() / (size[0] - 9)
    across = (fitted[:, -5, 1] - fitted[:, 4, 1]).mean() / (size[1] - 9)
    scale = min(shape[0] / size[0], shape[1] / size[1])
    assert [down, across] == pytest.approx([scale / 2, scale / 2], rel=0.03)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (3000, 2), (224, 224)])
def test_any_size_fits(shape: tuple[int, int]) -> None:
    """A plain picture stays plain."""
    fitted = fit_picture(np.full((*shape, 3), 77, np.uint8), (224, 224))
    assert fitted.shape == (224, 224, 3)
    assert np.unique(fitted).tolist() == [77]


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_prepared_picture_is_normalised_by_channel(order: str) -> None:
    """(x / 255 − mean) / std in the order of the network's channels, channels first."""
    pixels = np.random.default_rng(2).integers(0, 256, (30, 30, 3)).astype(np.uint8)
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7])
    prepared = prepare_picture(data, (30, 30), order, mean.tolist(), std.tolist())
    channels = pixels if order == "rgb" else pixels[..., ::-1]
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, ((channels / 255 - mean) / std).transpose(2, 0, 1), rtol=1e-5, atol=1e-6)
