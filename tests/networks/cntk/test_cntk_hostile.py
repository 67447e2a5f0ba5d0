"""Bytes that are made to do harm: they end in a sentence, soon, and without eating memory."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cntk_models import ALL_AXES, DATA, Axis, Model, Shape, block, dictionary_message, scalar, varint

from lungdb.errors import LungdbError
from lungdb.networks.cntk import convert_cntk

SECONDS = 60  # on a busy machine; a refusal takes a few


def refusal(content):
    """Give the message with which a file is refused, within the time."""
    started = time.monotonic()
    with pytest.raises(LungdbError) as error:
        convert_cntk(content)
    assert time.monotonic() - started < SECONDS
    return str(error.value)


def survives(content):
    """Convert, or refuse in a sentence; anything else is an error of ours."""
    try:
        convert_cntk(content)
    except LungdbError:
        return


@pytest.mark.parametrize("head", [b"\x08\x01\x12", b"\x08\x02\x12\x04\x0a", b"ktnc\x40\0\0\0\x08\x01\x12"])
def test_random_bytes_behind_a_right_start_are_refused(head):
    """A file that starts like CNTK's, plain and split, and goes on with noise."""
    noise = random.Random(5)
    for length in range(300):
        refusal(head + noise.randbytes(length))


@pytest.mark.parametrize("name", ["resnet_tiny_ops.split", "mlp_splice_slice"])
def test_every_truncation_is_refused(name):
    """A file that ends early never becomes a network."""
    content = (DATA / f"{name}.model").read_bytes()
    for length in random.Random(1).sample(range(len(content)), 100):
        refusal(content[:length])


_LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from cntk_models import DATA
from lungdb.errors import LungdbError
from lungdb.networks.cntk import convert_cntk
import random
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
numbers = random.Random(int(sys.argv[2]))
converted = refused = 0
for turn in range(400):
    path = numbers.choice(sorted(DATA.glob("*.model")))
    content = bytearray(path.read_bytes())
    # Structure stands at both ends and between the weights: change runs of bytes there as well as single ones.
    for _ in range(numbers.randint(1, 6)):
        place = numbers.randrange(2, len(content))
        change = numbers.choice(["byte", "varint", "delete", "copy"])
        if change == "byte":
            content[place] ^= 1 << numbers.randrange(8)
        elif change == "varint":
            content[place : place + 1] = b"\\xff" * numbers.randint(1, 9) + b"\\x01"
        elif change == "delete":
            del content[place : place + numbers.randint(1, 20)]
        else:
            other = numbers.randrange(len(content))
            content[place:place] = content[other : other + numbers.randint(1, 200)]
    signal.alarm(20)
    try:
        convert_cntk(bytes(content))
        converted += 1
    except LungdbError:
        refused += 1
    signal.alarm(0)
assert converted + refused == 400 and refused > 50, (converted, refused)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits on memory are set as Linux has them")
@pytest.mark.parametrize("seed", [1, 2])
def test_changed_files_stay_within_memory_and_time(seed):
    """Four hundred changed files in a process that may take 256 MB more than it starts with, and 20 s for each."""
    command = [sys.executable, "-c", _LIMITED, str(Path(__file__).parent), str(seed)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_changed_attributes_are_converted_or_refused():
    """Every attribute of a network's functions takes values of every type and size."""
    odd = [
        True,
        0,
        2**63,
        2**64 - 3,
        -1.5,
        float("nan"),
        "",
        Shape(()),
        Shape((0,)),
        Shape((2**64 - 1,) * 3),
        [],
        [[]],
        {},
    ]
    numbers = random.Random(3)
    for _ in range(600):
        model = Model()
        x = model.input("x", 3, 8, 8)
        conv = model.add(
            "Convolution", model.weight(np.ones((4, 3, 3, 3))), x,
            strides=Shape((1,)), autoPadding=[True, True, False], dilation=Shape((1,)), groups=1,
        )  # fmt: skip
        pool = model.add("Pooling", conv, poolingType=0, poolingWindowShape=Shape((2, 2)), strides=Shape((2,)))
        wide = model.add("Pad", pool, paddingHead=[1, 0, 0], paddingFoot=[0, 0, 0], paddingMode=1)
        flat = model.add("Reshape", wide, newShape=Shape((80,)))
        model.add("Times", model.weight(np.ones((80, 2))), flat, outputRank=1)
        for _ in range(numbers.randint(1, 2)):
            attributes = numbers.choice(model.functions)["attributes"]
            attributes[numbers.choice(list(attributes))] = numbers.choice(odd)
        survives(model.save())


def nested(depth):
    """Write vectors in vectors."""
    message = b""
    for _ in range(depth):
        message = scalar(1, 1) + scalar(2, 9) + block(11, block(1, message))
    return message


@pytest.mark.parametrize("depth", [25, 2000])
def test_deep_nesting_is_refused(depth):
    """Messages inside messages never reach Python's recursion limit."""
    entry = block(1, b"version") + block(2, nested(depth))
    assert "deep" in refusal(scalar(1, 2) + block(2, entry))


def test_huge_claims_in_few_bytes_are_refused():
    """A length, a shape and a count that go far past the end of the file."""
    assert "announces" in refusal(b"\x08\x01\x12" + varint(2**60) + b"\x0a\x01a")
    assert "metadata" in refusal(b"ktnc\xff\xff\xff\x7f" + b"\x08\x01\x12\x02\x0a\x00")
    view = scalar(1, 1) + block(3, block(1, varint(2**31) + varint(2**31)))
    entry = block(1, b"value") + block(2, scalar(1, 1) + scalar(2, 11) + block(13, view))
    assert "fewer are there" in refusal(scalar(1, 2) + block(2, entry))
    entry = block(1, b"shape") + block(2, scalar(1, 1) + scalar(2, 7) + block(9, block(1, b"\x01" * 1000)))
    assert "dimensions" in refusal(scalar(1, 2) + block(2, entry))


def test_more_fields_than_any_network_has_are_refused():
    """Three million empty entries, six megabytes."""
    assert "fields" in refusal(b"\x08\x01\x12\x02\x0a\x00" + b"\x12\x00" * 3_000_000)


def test_cycles_are_refused():
    """A function that reads itself, placeholders in a ring, a Block inside itself."""
    model = Model()
    model.add("Plus", "Self_Output_0", model.input("x", 3), uid="Self")
    assert "depends on itself" in refusal(model.save())

    model = Model()
    inner = [model.variable(4, (3,)) for _ in range(3)]
    body = model.add("ReLU", inner[0])
    model.block("Ring", body, {inner[0]: inner[1], inner[1]: inner[2], inner[2]: inner[0]})
    assert "stands for itself" in refusal(model.save())

    model = Model()
    model.block("Snake", "Block0_Output_0", {}, name="snake")
    assert "deep" in refusal(model.save())


def test_a_node_with_thousands_of_outputs_is_refused():
    """A Combine of forty thousand, read by thousands of others through a Block."""
    model = Model()
    picture = model.input("x", 3)
    model.add("Combine", *[model.add("ReLU", picture)] * 40_000, uid="Wide")
    last = model.block("Wide", "Wide_Output_0", {}, name="wide")
    for _ in range(5000):
        last = model.add("Plus", last, "Block2_Output_7")
    assert "40000 outputs" in refusal(model.save())


def test_a_node_that_becomes_a_hundred_thousand_is_refused():
    """A weight that one Splice repeats for every picture again and again."""
    model = Model()
    picture, weight = model.input("x", 3), model.weight(np.ones(3))
    model.add("Splice", picture, *[weight] * 100_000, axis=Axis(0))
    assert "ONNX nodes" in refusal(model.save())


def test_a_chain_of_thousands_of_functions_is_converted():
    """Depth is no recursion."""
    model = Model()
    last = model.input("x", 3)
    for _ in range(5000):
        last = model.add("Negate", last, name="same")
    started = time.monotonic()
    assert convert_cntk(model.save())
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("new_axes", [False, True])
def test_shapes_do_not_grow_without_bound(new_axes):
    """Sixty doublings along an axis, and sixty new axes, in a few kilobytes."""
    model = Model()
    last = model.input("x", 3)
    for step in range(60):
        last = model.add("Splice", last, last, axis=Axis(step + 1 if new_axes else 0))
    assert "At most" in refusal(model.save())


def test_one_weight_in_many_shapes_does_not_multiply():
    """A weight of 4 MB that is read in ninety shapes would make a file of 360 MB."""
    model = Model()
    last, weight = model.input("x", 1), model.weight(np.ones(1 << 20))
    for rows in range(10):
        for columns in range(9):
            shape = Shape((1 << rows, 1 << columns, 1 << (20 - rows - columns)))
            wide = model.add("Reshape", weight, newShape=shape)
            whole = {"axis": Axis(ALL_AXES), "reductionOpName": "Max", "reductionKeepDimensions": False}
            last = model.add("Plus", last, model.add("ReduceElements", wide, **whole))
    assert "more room" in refusal(model.save())


def test_a_dictionary_of_anything_but_a_network_is_refused():
    """The root and its lists have the wrong type, or are missing."""
    for entries in (
        {},
        {"type": "CompositeFunction"},
        {"type": "CompositeFunction", "root": "a", "inputs": 3, "primitive_functions": []},
        {"type": "CompositeFunction", "root": "a", "inputs": [], "primitive_functions": [1]},
        {"type": "CompositeFunction", "root": "a", "inputs": [{}], "primitive_functions": []},
        {"type": "CompositeFunction", "root": "a", "inputs": [], "primitive_functions": []},
    ):
        assert "damaged" in refusal(dictionary_message({"version": 3, **entries}))
