"""Whatever bytes of a file are flipped or cut: it is loaded or refused with a reason, never an exception."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.source import Source
from lungdb.dicom.tasks import ENCODING, EncodedSlice, encode, inspect
from lungdb.imaging.codecs import decode_slice
from tests.dicom.make_ct import ct_dataset

LIMITS = Limits(file_megabytes=1, volume_megabytes=1)
NATIVE = (ExplicitVRLittleEndian, ExplicitVRBigEndian)
ENCODED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)


def valid(syntax: str) -> bytes:
    """Return a good file of a transfer syntax."""
    stored = np.random.default_rng(1).integers(0, 2000, (40, 36)).astype(np.int16)
    dataset = ct_dataset(stored, syntax=syntax if syntax in NATIVE else ExplicitVRLittleEndian)
    if syntax in ENCODED:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


GOOD = {syntax: valid(syntax) for syntax in (*NATIVE, *ENCODED)}
FLIPS = st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), min_size=1, max_size=6)


def outcome(path: Path) -> str:
    """Look into a file and decode it as a worker does; return the reason of its refusal, or `taken`."""
    try:
        found = inspect(Source(path), LIMITS)
    except MemoryError:
        return "memory_limit"  # which the worker makes of it
    except RejectedError as error:
        return error.reason
    headers = [header for header in found if isinstance(header, SliceHeader)]
    assert len(headers) == len(found) == 1
    (result,) = encode((headers[0],), LIMITS)
    if isinstance(result, EncodedSlice):
        hu = decode_slice(result.pixels, headers[0].rows, headers[0].columns, result.sha256, ENCODING)
        assert hu.dtype == np.int16
        return "taken"
    return result.reason


def check(folder: Path, syntax: str, flips: list[tuple[int, int]], cut: int | None) -> None:
    """Damage a good file and look at what becomes of it."""
    data = bytearray(GOOD[syntax])
    for place, value in flips:
        data[place % len(data)] = value
    path = folder / "damaged"
    path.write_bytes(data if cut is None else data[: cut % len(data)])
    assert outcome(path) in REASONS.keys() | {"taken"}


def profile(examples: int) -> settings:
    """Return deterministic settings."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@pytest.mark.filterwarnings("ignore")
@given(syntax=st.sampled_from(sorted(GOOD)), flips=FLIPS, cut=st.none() | st.integers(0, 9000))
@profile(400)
def test_damaged_files_are_taken_or_refused_with_a_reason(
    tmp_path: Path, syntax: str, flips: list[tuple[int, int]], cut: int | None
) -> None:
    """400 examples of a fixed seed over five transfer syntaxes."""
    check(tmp_path, syntax, flips, cut)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@given(syntax=st.sampled_from(sorted(GOOD)), flips=FLIPS, cut=st.none() | st.integers(0, 9000))
@profile(10_000)
def test_many_damaged_files_are_taken_or_refused_with_a_reason(
    tmp_path: Path, syntax: str, flips: list[tuple[int, int]], cut: int | None
) -> None:
    """The same with 10,000 examples."""
    check(tmp_path, syntax, flips, cut)


def test_the_files_are_good_before_they_are_damaged(tmp_path: Path) -> None:
    """Otherwise the property would say nothing."""
    for data in GOOD.values():
        (tmp_path / "good").write_bytes(data)
        assert outcome(tmp_path / "good") == "taken"
