"""A network file is prepared in a process of its own: what it asks for ends there, in one sentence."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.isolation import Bounds, Workers
from lungdb.loading.network_file import find_file
from lungdb.loading.preparing import PreparationError, Prepared, Task, prepare, prepare_apart
from tests.networks.writing import node, whole, write


def task(path: Path, content: bytes | None = None, **described: object) -> Task:
    """Say what is to be prepared."""
    if content is not None:
        path.write_bytes(content)
    return Task(find_file(str(path), None, None), None, None, None, described)


def test_what_another_process_prepared_is_what_this_one_would(tmp_path: Path) -> None:
    """Bytes, format and details."""
    chosen = task(tmp_path / "n.onnx", write([node("Relu", ["r"], "q")]))
    assert prepare_apart(chosen) == prepare(chosen)


def growing() -> bytes:
    """Write a network that asks for 12 GB, as no shape of it tells: the size comes from the picture's values."""
    nodes = [
        node("Abs", ["r"], "a"),
        node("ReduceMax", ["a"], "m", keepdims=0),
        node("Clip", ["m", "many", "many"], "n"),
        node("Cast", ["n"], "i", to=TensorProto.INT64),
        node("Unsqueeze", ["i", "axis"], "s"),
        node("ConstantOfShape", ["s"], "k"),
        node("ReduceSum", ["k"], "z", keepdims=0),
        node("Add", ["r", "z"], "q"),
    ]
    return write(nodes, [("many", np.float32(3e9)), ("axis", whole(0))])


def test_memory_that_only_running_asks_for_is_bounded(tmp_path: Path) -> None:
    """It is refused, and no process of it took as much."""
    with pytest.raises(PreparationError, match="memory"):
        prepare_apart(task(tmp_path / "n.onnx", growing()))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 4_500_000


def burn(_item: int) -> int:
    """Compute for ever."""
    while True:
        pass


def test_time_is_bounded() -> None:
    """The refusal says the limit."""
    with Workers(1, Bounds(0.5, 500, PreparationError, "json")) as workers:
        ((_, result),) = workers.map(burn, [1])
    assert str(result) == "Preparing the network took more than 0.5 s. Use a smaller network."


def die(_item: int) -> int:
    """End as a library in C that lost its way does."""
    os.abort()


def test_a_process_that_dies_is_one_refusal() -> None:
    """With a sentence, and no core of words."""
    with Workers(1, Bounds(20, 500, PreparationError, "json")) as workers:
        ((_, result),) = workers.map(die, [1])
    assert "died of it" in str(result)


def broken(values: np.ndarray, kind: int, dims: list[int]) -> bytes:
    """Write a Reshape to a target whose kind and size contradict its bytes."""
    target = numpy_helper.from_array(values, "s")
    target.data_type = kind
    del target.dims[:]
    target.dims.extend(dims)
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "s"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 192])],
        [target],
    )
    return bytes(
        helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )


TARGET = np.array([1, 192], np.int64)


@pytest.mark.parametrize(
    "content",
    [
        broken(TARGET, TensorProto.UINT64, [-2]),
        broken(TARGET, TensorProto.STRING, [2]),
        broken(TARGET, 9999, [2]),
        broken(TARGET, TensorProto.INT64, [1 << 40]),
        broken(TARGET, TensorProto.INT64, [2, 0]),
        broken(TARGET, TensorProto.FLOAT, [4]),
        b"\x08\x08" + b"\xff" * 200,
        b"PK\x03\x04" + bytes(100),
        b"",
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence_that_a_terminal_can_show(tmp_path: Path, content: bytes) -> None:
    """Whatever onnx, ONNX Runtime, NumPy or a reader raised."""
    with pytest.raises(PreparationError) as caught:
        prepare(task(tmp_path / "n.onnx", content))
    assert str(caught.value).isprintable()
    assert "Traceback" not in str(caught.value)


def test_a_file_that_changes_between_hash_and_reading_is_refused(tmp_path: Path) -> None:
    """What is stored has the hash that was checked."""
    chosen = task(tmp_path / "n.onnx", write([node("Relu", ["r"], "q")]))
    (tmp_path / "n.onnx").write_bytes(write([node("Neg", ["r"], "q")]))
    with pytest.raises(LungdbError, match="changed while it was read"):
        prepare(chosen)


def test_a_folder_or_pipe_is_no_network(tmp_path: Path) -> None:
    """A pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing"):
        with pytest.raises(LungdbError, match="is no file, or not there"):
            find_file(str(path), None, None)


def test_weights_beside_a_file_are_part_of_what_it_is(tmp_path: Path) -> None:
    """Other weights under the same file are another network."""
    data = Path(__file__).parents[1] / "data" / "networks" / "external"
    (tmp_path / "model.onnx").write_bytes((data / "model.onnx").read_bytes())
    weights = bytearray((data / "model.onnx.data").read_bytes())
    results: list[Prepared] = []
    for _ in range(2):
        (tmp_path / "model.onnx.data").write_bytes(weights)
        results.append(prepare(task(tmp_path / "model.onnx")))
        weights[3] ^= 1
    one, other = (result.details["source"] for result in results)
    assert one["sha256"] == other["sha256"]
    assert one["beside"].keys() == {"model.onnx.data"}
    assert one["beside"] != other["beside"]
    assert results[0].model != results[1].model
