"""Slices, arrays and vectors survive storage, and damage is noticed."""

import gzip
import hashlib
import json
import struct
import tracemalloc

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging import codecs


@pytest.fixture
def hu() -> np.ndarray:
    """A slice with the whole range of int16, more columns than rows."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(-1100, 400, (40, 56)).astype(np.int16)
    pixels[0, :2] = -32768, 32767
    return pixels


def test_any_gzip_reads_a_slice_as_little_endian_pixels(hu):
    """Python's own gzip gives the bytes that T-SQL's DECOMPRESS would."""
    blob, sha256 = codecs.encode_slice(hu)
    pixels = gzip.decompress(blob)
    assert struct.unpack("<4h", pixels[:8]) == tuple(int(value) for value in hu[0, :4])
    assert pixels == hu.astype("<i2").tobytes()
    assert sha256 == hashlib.sha256(pixels).digest()


def test_a_shuffled_slice_holds_all_low_bytes_then_all_high_ones(hu):
    """As Python's own gzip reads it; the SHA-256 is that of the same slice unshuffled."""
    blob, sha256 = codecs.encode_slice(hu, codecs.SHUFFLED)
    plain = hu.astype("<i2").tobytes()
    assert gzip.decompress(blob) == plain[::2] + plain[1::2]
    assert sha256 == hashlib.sha256(plain).digest()
    decoded = codecs.decode_slice(blob, *hu.shape, sha256, codecs.SHUFFLED)
    np.testing.assert_array_equal(decoded, hu)
    assert decoded.dtype == np.int16
    assert not decoded.flags.writeable


def test_a_slice_in_another_encoding_than_is_said_is_not_shown(hu):
    """The SHA-256 of the plain pixels tells; and what a later version may have stored is refused by its name."""
    for stored, said in ((codecs.PLAIN, codecs.SHUFFLED), (codecs.SHUFFLED, codecs.PLAIN), (codecs.SHUFFLED, "")):
        blob, sha256 = codecs.encode_slice(hu, stored)
        with pytest.raises(LungdbError, match="SHA-256"):
            codecs.decode_slice(blob, *hu.shape, sha256, said)
    with pytest.raises(LungdbError, match="'delta'"):
        codecs.decode_slice(blob, *hu.shape, sha256, "delta")


def test_the_gzip_header_has_no_time(hu):
    """Bytes 4 to 8 of a gzip member are its mtime (RFC 1952, section 2.3)."""
    for encoding in (codecs.PLAIN, codecs.SHUFFLED):
        assert codecs.encode_slice(hu, encoding)[0][4:8] == bytes(4)


def test_a_slice_that_another_gzip_wrote_is_read(hu):
    """SQL Server's COMPRESS makes a plain gzip member."""
    pixels = hu.tobytes()
    decoded = codecs.decode_slice(gzip.compress(pixels), *hu.shape, hashlib.sha256(pixels).digest())
    np.testing.assert_array_equal(decoded, hu)


def test_a_big_endian_or_strided_slice_is_stored_the_same(hu):
    """Storage depends on the values alone."""
    for encoding in (codecs.PLAIN, codecs.SHUFFLED):
        expected = codecs.encode_slice(hu, encoding)
        assert codecs.encode_slice(np.asfortranarray(hu), encoding) == expected
        assert codecs.encode_slice(np.repeat(hu, 2, axis=1)[:, ::2], encoding) == expected


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.int32), np.zeros((2, 4, 4), np.int16)])
def test_only_int16_pictures_are_encoded(wrong):
    """Another dtype or dimension is refused rather than cast."""
    with pytest.raises(LungdbError, match="int16"):
        codecs.encode_slice(wrong)


@pytest.mark.parametrize("encoding", [codecs.PLAIN, codecs.SHUFFLED])
def test_every_damage_to_a_slice_is_noticed(hu, encoding):
    """Cut, extended, flipped, emptied and foreign bytes all raise the error that a user can act on."""
    blob, sha256 = codecs.encode_slice(hu, encoding)
    flipped = bytearray(blob)
    flipped[len(blob) // 2] ^= 0x10
    for damaged in (
        blob[:-1],
        blob[: len(blob) // 2],
        blob + b"x",
        blob + blob,
        bytes(flipped),
        b"",
        b"not gzip at all",
    ):
        with pytest.raises(LungdbError):
            codecs.decode_slice(damaged, *hu.shape, sha256, encoding)
    for rows, cols in ((40, 55), (40, 57), (0, 0)):
        with pytest.raises(LungdbError, match="do not hold"):
            codecs.decode_slice(blob, rows, cols, sha256, encoding)
    with pytest.raises(LungdbError, match="SHA-256"):
        codecs.decode_slice(blob, *hu.shape, bytes(32), encoding)


def test_a_decompression_bomb_is_not_inflated():
    """A quarter of a gigabyte of zeros in a megabyte is refused without making it."""
    bomb = gzip.compress(bytes(1 << 28), 1)
    tracemalloc.start()
    try:
        with pytest.raises(LungdbError, match="do not hold"):
            codecs.decode_slice(bomb, 16, 16, bytes(32))
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_the_content_hash_depends_on_the_order_of_slices():
    """It is the SHA-256 of the concatenated hashes."""
    one, two = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()
    assert codecs.content_sha256(iter([one, two])) == hashlib.sha256(one + two).digest()
    assert codecs.content_sha256([two, one]) != codecs.content_sha256([one, two])


def test_an_array_is_stored_as_plain_little_endian_floats():
    """struct reads what T-SQL and other languages would."""
    array = np.array([[1.5, -0.0, 3e-40], [np.pi, 1e38, 7]], np.float32)
    blob, sha256 = codecs.encode_array(array)
    assert struct.unpack("<6f", blob) == tuple(array.ravel().tolist())
    decoded = codecs.decode_array(blob, 2, 3, sha256)
    assert decoded.tobytes() == array.tobytes()
    with pytest.raises(LungdbError, match="24"):
        codecs.decode_array(blob, 3, 3, sha256)
    with pytest.raises(LungdbError, match="SHA-256"):
        codecs.decode_array(blob[:-1] + b"\0", 2, 3, sha256)


def test_a_vector_reads_back_to_the_same_floats():
    """Random bit patterns, subnormals and extremes among them, as text that json and float() understand."""
    bits = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint32)
    edges = np.array([0.0, -0.0, 1e-45, 3.4028235e38, 1 / 3, 16777216, 1e7, 0.1], np.float32)
    values = np.concatenate([edges, bits.view(np.float32)])
    values = values[np.isfinite(values)]
    text = codecs.encode_vector(values)
    assert np.array(json.loads(text), np.float64).astype(np.float32).tobytes() == values.tobytes()
    assert codecs.decode_vector(text).tobytes() == values.tobytes()


def test_a_vector_uses_the_shortest_text():
    """No digit that float32 does not need: 0.1, not 0.10000000149."""
    assert codecs.encode_vector(np.array([0.1, 1 / 3, 2.0, 1e-7], np.float32)) == "[0.1,0.33333334,2.0,1e-07]"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_without_a_number_is_not_written(value):
    """JSON has no NaN or infinity."""
    with pytest.raises(LungdbError, match="NaN or infinity"):
        codecs.encode_vector(np.array([1.0, value], np.float32))


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2", "{}", "3", '["1"]', "[null]", "[true]", "[[1]]", "[NaN]", "[Infinity]", "[1e39]", "[1e400]",
     "[" + "9" * 400 + "]", None, "[" * 100_000],
)  # fmt: skip
def test_text_that_is_no_vector_is_refused(text):
    """Anything but a flat list of numbers within float32's range."""
    with pytest.raises(LungdbError):
        codecs.decode_vector(text)
