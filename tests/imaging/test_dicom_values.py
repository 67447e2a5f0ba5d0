"""UIDs and decimal numbers as DICOM writes them: pydicom and coreutils have the same."""

from __future__ import annotations

import pytest
from pydicom.config import IGNORE
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from lungdb.imaging.dicom_values import decimal_string, digest_of, is_uid, valid_uid

TEXTS = (
    "1.2.840.113619.2.55",
    "0",
    "1.0.3",
    "1.02.3",
    "1..3",
    ".1",
    "1.",
    "",
    "abc",
    "1.2a",
    "1 2",
    "9" * 64,
    "9" * 65,
    "\u0661.2",
)


@pytest.mark.parametrize("text", TEXTS)
def test_what_pydicom_takes_for_a_uid_is_one(text: str) -> None:
    """The same texts, and only those stay as they are."""
    assert is_uid(text) == (text.isascii() and UID(text, validation_mode=IGNORE).is_valid)
    assert (valid_uid(text) == text) == is_uid(text)


def test_what_is_no_uid_becomes_one_of_128_bits_that_lead_back() -> None:
    """The first digits of what sha256sum prints of abc in UTF-16, two bytes a letter, the lower first."""
    assert valid_uid("abc") == f"2.25.{0x13E228567E8249FCE53337F25D7970DE}"
    assert digest_of(valid_uid("abc")) == bytes.fromhex("13E228567E8249FCE53337F25D7970DE")


@pytest.mark.parametrize(
    "uid", ["2.25", "2.25.", "2.25.01", "2.25.1.2", "1.25.3", f"2.25.{1 << 128}", "2.25.-1", "2.25.x"]
)
def test_no_other_uid_is_made_of_16_bytes(uid: str) -> None:
    """Two parts, and a number of 128 bits at most."""
    assert digest_of(uid) is None


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, -1 / 3, 1e-17 / 3, 12345678901234567890.0, -0.000123456789012345, 0.0, 512.0]
)
def test_a_number_is_written_as_exactly_as_16_characters_allow(value: float) -> None:
    """pydicom, which refuses a longer text, writes nothing nearer."""
    text = decimal_string(value)
    assert len(text) <= 16
    nearest = float(str(DSfloat(value, auto_format=True)))
    assert abs(float(text) - value) <= abs(nearest - value)
