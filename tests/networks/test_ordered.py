"""Networks that pool: as PyTorch exports and computes them, how they read a scan, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError, ProcedureError
from lungdb.networks.ordered import prepare_pooling
from lungdb.networks.running.ordered import Pooler, read_ordered

RECORDED = Path(__file__).parents[1] / "data" / "pooling"
WIDTH = 5
SAME = helper.make_node("Identity", ["rows"], ["vector"])
CHANCE = helper.make_node("RandomNormalLike", ["rows"], ["vector"])
WIDTHS = {"gru": 4, "lstm": 3, "attention": 8}


def write(
    nodes: Sequence[NodeProto],
    shape: Sequence[int | str],
    *,
    outputs: Sequence[str] = ("vector",),
    rank: int | None = None,
    more: Sequence[tuple[str, int, Sequence[int | str]]] = (),
    weights: dict[str, np.ndarray] | None = None,
) -> bytes:
    """Write a network that reads `rows` of a shape, and other inputs; what it gives has a dimension fewer."""
    sizes = [f"side{place}" for place in range(len(shape) - 1 if rank is None else rank)]
    given = [("rows", TensorProto.FLOAT, shape), *more]
    graph = helper.make_graph(
        list(nodes),
        "pooling",
        [helper.make_tensor_value_info(*each) for each in given],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def mean(axis: int, output: str = "vector") -> tuple[NodeProto, dict[str, np.ndarray]]:
    """Write the mean over an axis."""
    node = helper.make_node("ReduceMean", ["rows", f"{output}_axes"], [output], keepdims=0)
    return node, {f"{output}_axes": np.array([axis], np.int64)}


def poolers(model: bytes, **said: Any) -> tuple[Pooler, dict[str, Any]]:
    """Prepare a network, and open it."""
    stored, details = prepare_pooling(model, **said)
    return Pooler(stored, read_ordered(details), ["CPU"]), details


@pytest.mark.parametrize("name", WIDTHS)
def test_vectors_are_those_of_pytorch(name: str) -> None:
    """For scans of one row up to 120, within 1e-5; which axis is the rows' is found out."""
    pooler, details = poolers((RECORDED / f"{name}.onnx").read_bytes())
    recorded = np.load(RECORDED / "references.npz")
    assert details["width"] == WIDTHS[name]
    assert details["input"]["layout"] == (["rows", "N", "width"] if name == "lstm" else ["N", "rows", "width"])
    for rows in (1, 2, 7, 33, 120):
        found = pooler.pool(recorded[f"rows_{rows}"])
        np.testing.assert_allclose(found, recorded[f"{name}_{rows}"], rtol=0, atol=1e-5)


def test_a_network_may_be_told_the_number_of_rows() -> None:
    """An int64[N] beside the rows is filled with it: the sum over the number is the mean."""
    nodes = [
        helper.make_node("ReduceSum", ["rows", "axes"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["count"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["sum", "number"], ["vector"]),
    ]
    more = [("count", TensorProto.INT64, ["N"])]
    pooler, details = poolers(write(nodes, ["rows", WIDTH], more=more, weights={"axes": np.array([0], np.int64)}))
    assert details["input"]["lengths"] == {"name": "count", "kind": "int64", "rank": 1}
    scan = np.random.default_rng(1).normal(size=(9, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(pooler.pool(scan), scan.mean(axis=0), atol=1e-6)


def test_too_few_rows_and_what_is_no_number_are_named() -> None:
    """A convolution of three rows needs three; a NaN, other widths and an overflow are said with number and value."""
    kernel = np.ones((2, WIDTH, 3), np.float32)
    nodes = [
        helper.make_node("Transpose", ["rows"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["turned", "kernel"], ["conv"]),
        helper.make_node("ReduceMax", ["conv", "axes"], ["vector"], keepdims=0),
    ]
    weights = {"kernel": kernel, "axes": np.array([2], np.int64)}
    pooler, details = poolers(write(nodes, ["N", "rows", WIDTH], weights=weights))
    assert details["input"]["at_least"] == 3
    scan = np.ones((4, WIDTH), np.float32)
    assert pooler.pool(scan).tolist() == [15, 15]
    for changed, told in (
        (scan[:2], "Its features have 2 rows, and the network reads 3 at least."),
        (scan[:, :4], "A row of its features has 4 numbers, and the network reads 5."),
        (np.where(np.arange(20).reshape(4, 5) == 7, np.nan, scan), "The number 2 of row 1 of its features is nan."),
        (scan * np.float32(3e38), "The number 0 of what the network gives for its 4 rows is inf."),
    ):
        with pytest.raises(LungdbError, match=re.escape(told)):
            pooler.pool(changed.astype(np.float32))


def test_a_network_of_a_fixed_number_of_rows_reads_no_other() -> None:
    """The number is in the file."""
    node, weights = mean(1)
    pooler, details = poolers(write([node], [1, 12, WIDTH], weights=weights))
    assert details["input"]["rows"] == 12
    with pytest.raises(LungdbError, match=r"Its features have 9 rows, and the network reads 12 and no other number\."):
        pooler.pool(np.ones((9, WIDTH), np.float32))


def test_what_is_doubtful_is_asked_for_by_name() -> None:
    """A mean over both axes reads either way; two vectors could be meant; both are settled by saying which."""
    axes = {"axes": np.array([0, 1], np.int64)}
    both = write(
        [helper.make_node("ReduceMean", ["rows", "axes"], ["vector"], keepdims=0)],
        ["a", "b", WIDTH],
        rank=1,
        weights=axes,
    )
    with pytest.raises(ProcedureError, match="--pooling N,rows,width"):
        prepare_pooling(both)
    assert prepare_pooling(both, layout="rows,N,width")[1]["input"]["layout"] == ["rows", "N", "width"]
    (first, one), (second, two) = mean(0, "low"), mean(0, "high")
    several = write([first, second], ["rows", WIDTH], outputs=("low", "high"), weights=one | two)
    with pytest.raises(ProcedureError, match=r"several vectors: low, high\. Say which is meant: --output low"):
        prepare_pooling(several)
    assert prepare_pooling(several, output="high")[1]["vector"] == {"name": "high"}


@pytest.mark.parametrize(
    ("model", "said", "told"),
    [
        (write([SAME], ["N", "rows", WIDTH], rank=3), {}, "one vector"),
        (write([SAME], ["N", "rows", "w"], rank=3), {}, "width is fixed"),
        (write([SAME], [4, 3, WIDTH], rank=3), {}, "N is free or 1"),
        (write([SAME], [2**40, 4096], rank=2), {}, "268,435,456 numbers at most"),
        (write([SAME], ["N", 3, 8, 8], rank=4), {}, "Use one with a single"),
        (
            write([helper.make_node("Add", ["rows", "h0"], ["vector"])], ["N", "rows", WIDTH],
                  rank=3, more=[("h0", TensorProto.FLOAT, [1, "N", WIDTH])]),
            {}, "with the states that it starts from inside",
        ),
        (write([SAME], ["r", WIDTH], rank=2), {"layout": "width,rows"}, "layout"),
        (write([SAME], ["r", WIDTH], rank=2), {"output": "h"}, "no output 'h'"),
        (write([CHANCE], ["r", WIDTH], rank=2), {}, "RandomNormalLike"),
        (b"no network", {}, "not an ONNX model"),
    ],
)  # fmt: skip
def test_other_networks_are_refused(model: bytes, said: dict[str, Any], told: str) -> None:
    """Each says what is wrong and what to do."""
    with pytest.raises(ProcedureError, match=re.escape(told)):
        prepare_pooling(model, **said)
