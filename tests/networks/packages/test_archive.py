"""Zip archives are read within limits, and nothing of them is written anywhere."""

import io
import stat
import struct
import warnings
import zipfile

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.packages import is_package
from lungdb.networks.packages.archive import MOST_ENTRIES, read_networks
from tests.networks.packages.packing import featurizer, nupkg, pack


def test_only_networks_and_what_may_hold_their_weights_is_read():
    """Other folders and other endings stay packed."""
    files = {
        "a/n.onnx": b"1",
        "a/n.onnx.data": b"2",
        "a/weight": b"3",
        "a/read.me": b"4",
        "b/x.data": b"5",
        "a/._n.onnx": b"6",
    }
    assert read_networks(pack(files)) == {"a/n.onnx": b"1", "a/n.onnx.data": b"2", "a/weight": b"3"}


@pytest.mark.parametrize(
    "name", ["../n.onnx", "/n.onnx", "a/../../n.onnx", "..\\n.onnx", "C:/n.onnx", "n" * 600 + ".onnx"]
)
def test_a_path_that_leaves_the_archive_is_refused(name):
    """Although nothing is unpacked to disk: who writes that means no good."""
    with pytest.raises(LungdbError, match="path leaves the package"):
        read_networks(pack({name: featurizer()}))


def test_a_bomb_is_refused_by_what_it_claims():
    """A hundred megabytes of zeros take a hundred kilobytes."""
    with pytest.raises(LungdbError, match="would unpack from"):
        read_networks(pack({"n.onnx": bytes(100_000_000)}))


def test_a_bomb_that_claims_less_than_it_holds_is_refused():
    """The size in both headers is made small; what follows is never unpacked further."""
    content = bytearray(pack({"n.onnx": bytes(30_000_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + place
        content[at : at + 4] = struct.pack("<I", 1000)
    with pytest.raises(LungdbError, match="damaged"):
        read_networks(bytes(content))


def test_overlapping_entries_are_refused():
    """Many directory entries that show the same bytes, as overlapping bombs have."""
    content = pack({"n.onnx": featurizer()}, zipfile.ZIP_STORED)
    start = content.index(b"PK\x01\x02")
    entry, tail = content[start : content.index(b"PK\x05\x06")], content[content.index(b"PK\x05\x06") :]
    second = entry.replace(b"n.onnx", b"m.onnx")
    end = tail[:8] + struct.pack("<HHI", 2, 2, 2 * len(entry)) + tail[16:]
    with pytest.raises(LungdbError, match=r"overlap|damaged"):
        read_networks(content[:start] + entry + second + end)


def test_encrypted_entries_are_refused():
    """By the flag in the directory."""
    content = bytearray(pack({"n.onnx": featurizer()}))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    with pytest.raises(LungdbError, match="encrypted"):
        read_networks(bytes(content))


def test_links_are_refused():
    """Unix's, in the attributes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("n.onnx")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(LungdbError, match="is a link"):
        read_networks(buffer.getvalue())


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compression_is_refused(compression):
    """LZMA may ask for 4 GB before it gives a byte."""
    with pytest.raises(LungdbError, match="rare way"):
        read_networks(pack({"n.onnx": featurizer()}, compression))


def test_a_file_twice_is_refused():
    """Which one is meant, readers disagree on."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("n.onnx", featurizer())
        archive.writestr("n.onnx", featurizer("other"))
    with pytest.raises(LungdbError, match="twice"):
        read_networks(buffer.getvalue())


def test_archives_inside_are_not_opened():
    """Their names are told."""
    content = pack({"inner.zip": nupkg(), "x.txt": b""})
    assert is_package(content)
    with pytest.raises(LungdbError, match=r"only other archives \(inner\.zip\)"):
        read_networks(content)


def test_too_many_entries_are_refused():
    """Before they are looked at one by one."""
    content = pack({f"{number}": b"" for number in range(MOST_ENTRIES)} | {"n.onnx": b""}, zipfile.ZIP_STORED)
    assert not is_package(content)
    with pytest.raises(LungdbError, match=f"more than {MOST_ENTRIES} files"):
        read_networks(content)
    with pytest.raises(LungdbError, match="holds 17 networks"):
        read_networks(pack({f"{number}.onnx": b"" for number in range(17)}))


def test_a_damaged_package_is_refused_in_a_sentence():
    """Bytes changed or cut off anywhere: our errors only, or the right networks."""
    content = nupkg()
    chance = np.random.default_rng(9)
    outcomes = []
    for _ in range(300):
        changed = bytearray(content)
        for place in chance.integers(0, len(changed), 4):
            changed[place] = chance.integers(0, 256)
        cut = bytes(
            changed[: chance.integers(len(changed) // 2, len(changed) + 1)] if chance.random() < 0.3 else changed
        )
        try:
            read_networks(cut)
            outcomes.append("read")
        except LungdbError as error:
            outcomes.append(str(error))
    assert 0 < outcomes.count("read") < len(outcomes)
    assert all(outcome.isprintable() for outcome in outcomes)
