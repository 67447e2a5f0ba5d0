"""Every form of weights file gives the same arrays as the library that wrote it."""

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.weights import is_weights, limits, read_weights

FORMS = ["tensors.safetensors", "tensors.zip.pth", "tensors.protocol4.pth", "tensors.legacy.pth"]


@pytest.mark.parametrize("file", FORMS)
def test_kinds_and_views_are_read_as_pytorch_converts_them(data, file):
    """float64, float32, float16, bfloat16; scalar, transposed, strided, repeated and shared views; a Parameter."""
    weights = read_weights(data / file)
    with np.load(data / "tensors.reference.npz") as expected:
        assert weights.keys() == set(expected)
        for name, array in weights.items():
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
            np.testing.assert_array_equal(array, expected[name])


def test_a_file_that_others_wrote_is_read_alike_in_both_forms(data):
    """ResNet-18 by safetensors and by torch.save, ResNet-50 by safetensors and by torch.save's old form."""
    for one, other in (("resnet18_thin", "resnet18_thin.pth"), ("resnet50_thin", "resnet50_thin.legacy.pth")):
        weights, again = read_weights(data / f"{one}.safetensors"), read_weights((data / other).read_bytes())
        assert weights.keys() == again.keys()
        assert not any(name.endswith("num_batches_tracked") for name in weights)
        assert [name for name in weights if not np.array_equal(weights[name], again[name])] == []


@pytest.mark.parametrize(
    ("file", "form"), [("tensors.safetensors", "safetensors"), ("script.pt", "pytorch"), ("input_224.npy", None)]
)
def test_the_form_is_told_by_the_content(data, file, form):
    """Also of files that are refused when read."""
    assert is_weights((data / file).read_bytes()) == form


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x00" * 400, b"GIF89a" + b"\x00" * 400, b"{}"])
def test_a_file_of_another_form_is_refused(content):
    """One sentence says which forms are read."""
    with pytest.raises(LungdbError, match=r"neither safetensors nor what torch\.save writes"):
        read_weights(content)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """By its path."""
    with pytest.raises(LungdbError, match=r"none\.pth cannot be read"):
        read_weights(tmp_path / "none.pth")


def test_a_file_over_the_cap_is_refused_unread(tmp_path):
    """A sparse file of 1 GiB and a byte: reading it would take a gigabyte of memory."""
    path = tmp_path / "large.pth"
    with path.open("wb") as file:
        file.truncate(limits.MOST_BYTES + 1)
    with pytest.raises(LungdbError, match=r"1,073,741,825 bytes"):
        read_weights(path)
