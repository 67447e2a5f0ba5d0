"""What is not a whole picture of a bearable size is refused before it is decoded."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging.picture_files import MOST_BYTES, MOST_UNPACKED, read_picture_header
from lungdb.imaging.pictures import decode_picture
from tests.imaging.picture_data import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, chunk, claiming, jpeg, png

ROOT = Path(__file__).resolve().parents[2]
GRADIENT = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))
WHOLE_PNG = png([bytes(row) for row in GRADIENT], 60, GREY)
WHOLE_JPEG = jpeg(GRADIENT)


@pytest.mark.parametrize(
    ("data", "kind", "has_alpha"),
    [
        (WHOLE_PNG, "PNG", False),
        (WHOLE_JPEG, "JPEG", False),
        (png([bytes(120)] * 40, 60, GREY_ALPHA), "PNG", True),
        (png([bytes(240)] * 40, 60, RGB_ALPHA), "PNG", True),
        (png([bytes(180)] * 40, 60, RGB, extra=chunk(b"tRNS", bytes(6))), "PNG", True),
        (WHOLE_JPEG + b"a film behind the picture", "JPEG", False),
    ],
)
def test_the_header_tells_kind_size_and_transparency(data: bytes, kind: str, has_alpha: bool) -> None:
    """40 rows and 60 columns, whatever the colour type; what follows the end does not count."""
    header = read_picture_header(data)
    assert (header.kind, header.rows, header.cols, header.has_alpha) == (kind, 40, 60, has_alpha)


@pytest.mark.parametrize("file", [WHOLE_PNG, WHOLE_JPEG], ids=["PNG", "JPEG"])
def test_a_file_that_is_cut_off_anywhere_is_refused(file: bytes) -> None:
    """Every shorter beginning of the file."""
    for length in range(len(file)):
        with pytest.raises(LungdbError):
            read_picture_header(file[:length])


def test_a_png_with_any_bit_changed_is_refused() -> None:
    """Length, name, data and check value of every part: its CRC or its form tells."""
    for place in range(len(WHOLE_PNG)):
        changed = bytearray(WHOLE_PNG)
        changed[place] ^= 0x10
        with pytest.raises(LungdbError):
            read_picture_header(bytes(changed))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no PNG, JPEG"),
        (b"GIF89a", "no PNG, JPEG"),
        (b"P1\n2 2\n0 1 1 0\n", "no PNG, JPEG"),
        (b"P5 0 60 255\n", "60 × 0"),
        (b"P5 60000 60000 255\n" + bytes(9), "cut off"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "damaged"),
        (b"\xff\xd8\xff\xd9", "damaged"),
        (png([bytes(60)] * 40, 60, GREY, size=(0, 60)), "0 × 60"),
        (
            png([bytes(60)] * 40, 60, GREY, size=(60_000, 60_000)),
            "60000 × 60000 pixels, 10800000000 bytes",
        ),
        (claiming(WHOLE_JPEG, 65_500, 65_500), "65500 × 65500 pixels, 12870750000 bytes"),
        (png([bytes(8)], 1, RGB_ALPHA, depth=16, size=(5_001, 5_000)), "5001 × 5000 pixels, 200040000 bytes"),
        (claiming(WHOLE_JPEG, 0, 60), "0 × 60"),
        (WHOLE_PNG + bytes(MOST_BYTES), f"more than {MOST_BYTES}"),
    ],
)
def test_it_is_refused_with_what_is_wrong(data: bytes, message: str) -> None:
    """The message has the value."""
    with pytest.raises(LungdbError, match=message):
        read_picture_header(data)


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    """Each scan would cost a pass over the whole picture."""
    large = claiming(WHOLE_JPEG, 4000, 4000)
    at = large.index(b"\xff\xda")
    assert read_picture_header(large[:at] + large[at:-2] * 87 + b"\xff\xd9").rows == 4000
    with pytest.raises(LungdbError, match="88 scans of 4000 × 4000"):
        read_picture_header(large[:at] + large[at:-2] * 88 + b"\xff\xd9")


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    """4000 files with random bytes changed, cut out or doubled: a picture or a LungdbError, never another exception."""
    chance = random.Random(7)
    sources = [WHOLE_PNG, WHOLE_JPEG, png([bytes([0, 1] * 30)] * 40, 60, PALETTE, extra=chunk(b"PLTE", bytes(6)))]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(4000):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            picture = decode_picture(bytes(data))
        except LungdbError:
            outcomes["refused"] += 1
        else:
            assert picture.size <= MOST_UNPACKED
            outcomes["read"] += 1
    assert min(outcomes.values()) > 50


def test_a_picture_that_claims_gigabytes_costs_no_memory() -> None:
    """In a process that may have little more memory than its libraries, the bombs are refused like any other file."""
    pytest.importorskip("resource")
    script = """
        import resource
        from lungdb.errors import LungdbError
        from lungdb.imaging.pictures import decode_picture
        from tests.imaging.picture_data import GREY, claiming, jpeg, png
        import numpy as np
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, used + 60_000_000))
        small = jpeg(np.zeros((16, 16), np.uint8))
        for bomb in (png([bytes(9)], 9, GREY, size=(30_000, 30_000)), claiming(small, 65_535, 65_535)):
            try:
                decode_picture(bomb)
            except LungdbError as error:
                print("bytes unpacked, more than" in str(error))
    """
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    "options",
    [
        [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
        [cv2.IMWRITE_JPEG_RST_INTERVAL, 1],
        [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_QUALITY, 100],
    ],
)
def test_every_form_of_jpeg_is_walked_to_its_end(options: list[int]) -> None:
    """Several scans, restart markers, stuffed bytes: noise has all of them, and without its last byte it is cut off."""
    noise = np.random.default_rng(1).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    file = bytes(cv2.imencode(".jpg", noise, options)[1].tobytes())
    header = read_picture_header(file)
    assert (header.rows, header.cols) == (120, 90)
    assert decode_picture(file).shape == (120, 90, 3)
    with pytest.raises(LungdbError, match="cut off"):
        read_picture_header(file[:-1])
