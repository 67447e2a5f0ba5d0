"""PGM and PPM files: what OpenCV and the format's definition say, and what is refused."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging.picture_files import begins_as_picture, read_picture_header
from lungdb.imaging.pictures import decode_picture

CHANCE = np.random.default_rng(3)
GREY = CHANCE.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = CHANCE.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def plain(values: np.ndarray, highest: int = 255) -> bytes:
    """A file of decimal numbers."""
    form = b"P2" if values.ndim == 2 else b"P3"
    numbers = "\n".join(" ".join(map(str, row.ravel())) for row in values)
    return form + f"\n{values.shape[1]} {values.shape[0]}\n{highest}\n{numbers}\n".encode()


def binary(values: np.ndarray, highest: int = 255) -> bytes:
    """A file of bytes, or of big-endian words."""
    form = b"P5" if values.ndim == 2 else b"P6"
    return form + f" {values.shape[1]} {values.shape[0]} {highest}\n".encode() + values.tobytes()


@pytest.mark.parametrize("binary_form", [True, False])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_what_opencv_writes_is_read_as_it_was(binary_form: bool, order: str) -> None:
    """OpenCV writes blue, green, red as red, green, blue."""
    options = [cv2.IMWRITE_PXM_BINARY, int(binary_form)]
    for suffix, picture in ((".pgm", GREY), (".ppm", COLOUR)):
        file = bytes(cv2.imencode(suffix, picture, options)[1].tobytes())
        expected = np.dstack([picture] * 3) if picture.ndim == 2 else picture
        found = decode_picture(file, order)
        assert read_picture_header(file).kind == suffix[1:].upper()
        np.testing.assert_array_equal(found, expected[:, :, ::-1] if order == "rgb" else expected)


@pytest.mark.parametrize("write", [plain, binary])
def test_sixteen_bits_give_their_upper_eight(write) -> None:
    """As of a PNG file; words are big endian."""
    words = CHANCE.integers(0, 65536, (4, 3)).astype(">u2")
    np.testing.assert_array_equal(decode_picture(write(words, 65535))[:, :, 0], words >> 8)


@pytest.mark.parametrize(
    ("highest", "values", "expected"),
    [(1, [0, 1], [0, 255]), (15, [0, 1, 7, 15], [0, 17, 119, 255]), (4095, [0, 16, 2048, 4095], [0, 1, 128, 255])],
)
def test_white_is_what_the_header_says(highest: int, values: list[int], expected: list[int]) -> None:
    """Worked by hand: value · 255 / white, of more than eight bits cut."""
    row = np.array([values], dtype=np.uint8 if highest < 256 else ">u2")
    assert decode_picture(binary(row, highest))[0, :, 1].tolist() == expected
    assert decode_picture(plain(row, highest))[0, :, 1].tolist() == expected


def test_comments_and_any_white_space_stand_between_the_numbers_of_the_header() -> None:
    """GIMP writes a comment; the values begin after one white space, even where they look like one."""
    file = b"P5\n# made by somebody 12 34\n# and again\n2\t#cols\n 1\r\n255\n" + b"\n "
    assert decode_picture(file)[0, :, 0].tolist() == [10, 32]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"P5 2 2 255\n" + bytes(3), "PGM file is cut off"),
        (b"P6 2 2 255\n" + bytes(11), "PPM file is cut off"),
        (b"P5 2 2 255\n" + bytes(4) + b"P5 2 2 255\n" + bytes(4), "Something follows"),
        (b"P5 2 2 0\n" + bytes(4), "cut off or damaged"),
        (b"P5 2 2 65536\n" + bytes(8), "cut off or damaged"),
        (b"P5 2 2 3\n" + bytes([0, 1, 2, 4]), "cut off or damaged"),
        (b"P5 2 2\n", "damaged header"),
        (b"P2 2 2 255\n0 1 2", "cut off or damaged"),
        (b"P2 2 2 255\n0 1 2 3 4\n", "cut off or damaged"),
        (b"P2 2 2 255\n0 1 2 256\n", "cut off or damaged"),
        (b"P2 2 2 255\n0 1 2 -3\n", "cut off or damaged"),
        (b"P2 2 2 255\n0 1 2 99999999999999999999\n", "cut off or damaged"),
        (b"P6 100000 100000 255\n" + bytes(9), "cut off or damaged"),
    ],
)
def test_it_is_refused_with_what_is_wrong(data: bytes, message: str) -> None:
    """Never decoded to something else."""
    with pytest.raises(LungdbError, match=message):
        decode_picture(data)


def test_texts_that_begin_alike_are_no_pictures() -> None:
    """A note about P2 is a note."""
    assert [begins_as_picture(start) for start in (b"P2 is not", b"P5", b"P7 1 1 1", b"P6 4 4 25", b"P2\n# by G")] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    """3000 files with bytes changed, cut out or doubled, seed 11: a picture or a LungdbError."""
    chance = random.Random(11)
    sources = [plain(GREY), binary(GREY), plain(COLOUR), binary(COLOUR), binary(GREY.astype(">u2"), 300)]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(3000):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(data))
            data[place : place + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        try:
            picture = decode_picture(bytes(data))
        except LungdbError:
            outcomes["refused"] += 1
        else:
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 3
            outcomes["read"] += 1
    assert min(outcomes.values()) > 50
