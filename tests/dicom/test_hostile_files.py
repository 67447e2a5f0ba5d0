"""One file for each known class of bug in DICOM readers: each is refused for its reason, within its limits."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from lungdb.dicom.folder import read_folder
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Rejection, find_files
from lungdb.dicom.tasks import encode
from lungdb.isolation import Workers
from tests.dicom.make_ct import PATIENT_NAME, SERIES_UID, ct_dataset, ramp, write_slice

SMALL = Limits(file_megabytes=4, volume_megabytes=8, task_seconds=20, worker_megabytes=400, archive_entries=100)


def plain(**header: object) -> bytes:
    """Return a good slice's file with some attributes changed."""
    return written(ct_dataset(ramp(0), **header))


def written(dataset: Dataset) -> bytes:
    """Return the bytes of a dataset's file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def compressed(change: Callable[[bytes], bytes]) -> bytes:
    """Return an RLE file whose encapsulated pixel data were changed."""
    dataset = ct_dataset(np.random.default_rng(2).integers(0, 2000, (32, 32)).astype(np.int16))
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.PixelData = change(dataset.PixelData)
    return written(dataset)


def at_element(data: bytes, group: int, element: int, change: Callable[[bytes], bytes]) -> bytes:
    """Change a file's bytes from an element's tag on."""
    at = data.rindex(struct.pack("<HH", group, element))
    return data[:at] + change(data[at:])


def nested(depth: int) -> bytes:
    """Return a file with sequences of undefined length, one in the other, that do not end."""
    begin = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    return at_element(plain(), 0x0010, 0x0010, lambda rest: begin * depth + rest)


def private(length: bytes) -> bytes:
    """Return the head of a private element that claims a length."""
    return struct.pack("<HH2sH", 0x0011, 0x1001, b"OB", 0) + length


def deflated(size: int) -> bytes:
    """Return a deflated file that inflates to `size` zero bytes."""
    head = written(ct_dataset(ramp(0), syntax=DeflatedExplicitVRLittleEndian))
    start = 132 + 12 + struct.unpack_from("<L", head, 132 + 8)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return head[:start] + packer.compress(bytes(size)) + packer.flush()


def archive(*members: tuple[str, bytes]) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


def with_rows(vr: bytes, value: bytes) -> bytes:
    """Write Rows with another value representation."""
    return at_element(
        plain(), 0x0028, 0x0010, lambda rest: rest[:4] + vr + struct.pack("<H", len(value)) + value + rest[10:]
    )


HUGE = struct.pack("<L", 0xFFFFFFF0)
SEQUENCE = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
    "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
)
FRAME = b"\0" * 4

FILES: dict[str, tuple[bytes, str]] = {
    "cut within the meta header": (plain()[:150], "broken_header"),
    "cut within the dataset": (plain()[:700], "no_pixel_data"),
    "cut within an element": (plain()[: plain().index(PATIENT_NAME.encode()) + 4], "truncated"),
    "meta header of garbage": (plain()[:132] + b"\xff" * 400, "broken_header"),
    "meta group length past the end": (plain()[:140] + HUGE + plain()[144:], ""),
    "an element's length past the end": (
        at_element(plain(), 0x0008, 0x0070, lambda rest: rest[:4] + b"UN\0\0" + HUGE + rest[8:]),
        "truncated",
    ),
    "a length past the end of an element that nobody asks for": (
        at_element(plain(), 0x0018, 0x0050, lambda rest: private(HUGE) + rest),
        "truncated",
    ),
    "a length past the end within a sequence": (
        at_element(plain(), 0x0010, 0x0010, lambda rest: SEQUENCE + private(HUGE) + rest),
        "truncated",
    ),
    "a sequence that does not end": (at_element(plain(), 0x7FE0, 0x0010, lambda rest: SEQUENCE + rest), "truncated"),
    "pixel data length past the end": (
        at_element(plain(), 0x7FE0, 0x0010, lambda rest: rest[:8] + HUGE + rest[12:]),
        "truncated",
    ),
    "undefined pixel data length, not compressed": (
        at_element(plain(), 0x7FE0, 0x0010, lambda rest: rest[:8] + b"\xff" * 4 + rest[12:]),
        "decoder_failed",
    ),
    "sequences 20,000 deep": (nested(20_000), "broken_header"),
    "rows and columns of 65,535": (plain(Rows=65535, Columns=65535), "size_limit"),
    "rows beyond the pixel data": (plain(Rows=4000, Columns=4000), "size_limit"),
    "a few rows beyond the pixel data": (plain(Rows=6), "truncated"),
    "rows as text": (with_rows(b"LO", b"four"), "bad_attribute"),
    "rows as a sequence": (with_rows(b"SQ", b"\0\0\0\0"), "bad_attribute"),
    "rows as a fraction": (with_rows(b"FD", struct.pack("<d", 4.5)), "bad_attribute"),
    "bits allocated 12": (plain(BitsAllocated=12), "unsupported_pixels"),
    "bits allocated 8 of 16": (plain(BitsAllocated=8), "wrong_frame_count"),
    "bits stored beyond allocated": (plain(BitsStored=24), "decoder_failed"),
    "palette without a table": (plain(PhotometricInterpretation="PALETTE COLOR"), "unsupported_pixels"),
    "a deflate bomb": (deflated(50_000_000), "size_limit"),
    "deflated data that are none": (deflated(10)[:-8] + b"\xff" * 64, "broken_header"),
    "deflated data that are cut": (deflated(3_000_000)[:-20], "truncated"),
    "no pixel data": (plain()[: plain().rindex(b"\xe0\x7f\x10\x00")], "no_pixel_data"),
    "pixel data twice": (plain() + plain()[plain().rindex(b"\xe0\x7f\x10\x00") :], "several_pixel_data"),
    "floating point pixel data": (plain().replace(b"\xe0\x7f\x10\x00OW", b"\xe0\x7f\x08\x00OF"), "unsupported_pixels"),
    "frames that are not there": (plain(NumberOfFrames=5000), "wrong_frame_count"),
    "frames below zero": (plain(NumberOfFrames=-1), "bad_attribute"),
    "frames that nobody declared": (
        at_element(plain(), 0x7FE0, 0x0010, lambda rest: rest[:8] + struct.pack("<L", 120) + rest[12:] * 3),
        "wrong_frame_count",
    ),
    "compressed data of a defined length": (
        at_element(compressed(bytes), 0x7FE0, 0x0010, lambda rest: rest[:8] + struct.pack("<L", 40) + rest[12:]),
        "decoder_failed",
    ),
    "no fragments": (compressed(lambda _: encapsulate([FRAME])[:12]), "no_pixel_data"),
    "a fragment that is cut": (compressed(bytes)[:-200], "truncated"),
    "a fragment of zeros": (compressed(lambda _: encapsulate([bytes(400)])), "decoder_failed"),
    "an RLE frame that is cut": (
        compressed(lambda data: encapsulate([get_frame(data, 0, number_of_frames=1)[:80]])),
        "decoder_failed",
    ),
    "fragments that are not items": (compressed(lambda data: data[:12] + b"\x01\x02" * 40), "no_pixel_data"),
    "a private compression": (
        plain().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"),
        "unsupported_syntax",
    ),
    "a NUL within a UID": (
        plain().replace(SERIES_UID.encode(), b"1.2.826.0.1.3\x00680043.10."),
        "bad_attribute",
    ),
    "a path as a UID": (plain().replace(SERIES_UID.encode(), b"../../../../etc/passwd.1"), ""),
    "an escape code as a UID": (plain().replace(SERIES_UID.encode(), b"1.2\x1b[31m.0.1.3680043.999"), "bad_attribute"),
    "a control character in PatientID": (plain().replace(b"MRN-4711", b"MRN\x1b[2J1"), "no_patient_id"),
    "a file beyond the limit": (plain() + bytes(5_000_000), "size_limit"),
    "a zip bomb": (archive(("a", bytes(30_000_000))), "archive_refused"),
    "a zip of too many entries": (archive(*((str(number), b"a") for number in range(101))), "archive_refused"),
    "a zip that is cut": (archive(("a", plain()))[:-30], "archive_refused"),
    "a damaged entry": (archive(("a", plain())).replace(b"\x01", b"\x02", 3), "archive_refused"),
    "a zip in a zip": (archive(("inner.zip", archive(("a", plain())))), "nested_archive"),
    "two entries of one name": (archive(("a", plain()), ("a", plain())), "archive_refused"),
}
"""Name -> content, and the reason why it is refused; none for a harmless one that is read."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[RejectedError]]:
    """Give one worker, which all files share: none may break it for the next."""
    with start_workers(1, SMALL) as started:
        yield started


def reasons(folder: Path, workers: Workers[RejectedError]) -> list[str]:
    """Read and decode a folder; return the reasons of what was refused, without the series' own rows."""
    found: list[str] = []
    for one in read_folder(find_files(folder), workers, SMALL):
        if isinstance(one, Rejection):
            found.append(one.reason)
            continue
        for _, result in workers.map(partial(encode, limits=SMALL), one.chunks()):
            parts = [result] if isinstance(result, RejectedError) else result
            found += [part.reason for part in parts if isinstance(part, RejectedError)]
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_for_its_reason(tmp_path: Path, workers: Workers[RejectedError], name: str) -> None:
    """The worker has limits of 4 MB a file and 400 MB of memory, and lives on."""
    content, reason = FILES[name]
    (tmp_path / "hostile").write_bytes(content)
    assert reasons(tmp_path, workers) == ([reason] if reason else [])


def test_an_archives_members_are_read_without_unpacking(tmp_path: Path, workers: Workers[RejectedError]) -> None:
    """Names that climb out of the folder are names, not paths; nothing appears on the disk."""
    slices = [(f"../../{number}", plain() if number else b"text") for number in range(2)]
    (tmp_path / "archive.bin").write_bytes(archive(*slices))
    assert reasons(tmp_path, workers) == ["not_dicom"]
    assert [path.name for path in tmp_path.iterdir()] == ["archive.bin"]


def test_a_good_file_beside_hostile_ones_is_read(tmp_path: Path, workers: Workers[RejectedError]) -> None:
    """All of them in one folder, with the same patient in most."""
    for number, (content, _) in enumerate(FILES.values()):
        (tmp_path / f"{number:03}").write_bytes(content)
    write_slice(tmp_path / "good", SeriesInstanceUID="1.9.9", SOPInstanceUID="1.9.9.1")
    taken = [one for one in read_folder(find_files(tmp_path), workers, SMALL) if not isinstance(one, Rejection)]
    assert "1.9.9" in {one.first.series_uid for one in taken}
