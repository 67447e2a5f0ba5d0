"""What a network would take is told before it runs, with the figure."""

import numpy as np
import pytest
from onnx import load_from_string

from lungdb.errors import ProcedureError
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.cost import check_cost
from tests.networks.writing import node, whole, write

F = np.float32


def added(*nodes):
    """Add the sum of what nodes give as `k` to every activation."""
    return [*nodes, node("ReduceSum", ["k"], "z", keepdims=0), node("Add", ["r", "z"], "q")]


# bytes: 4 × 10^10; 8 maps of (14 × 100)² for one picture and so on, each by hand
@pytest.mark.parametrize(
    ("nodes", "weights", "figure"),
    [
        (added(node("ConstantOfShape", ["s"], "k")), [("s", whole(10**10))], "40.0 GB of constants"),
        (
            added(node("Mul", ["s", "s"], "t"), node("ConstantOfShape", ["t"], "k")),
            [("s", whole(40_000))],
            "6.4 GB of constants",
        ),
        (
            added(node("Range", ["a", "b", "d"], "k")),
            [("a", F(0)), ("b", F(1e9)), ("d", F(1))],
            "4.0 GB of constants",
        ),
        (
            added(node("ConstantOfShape", ["one"], "v"), node("Expand", ["v", "s"], "k")),
            [("one", whole(1)), ("s", whole(100_000, 100_000))],
            "40.0 GB of constants",
        ),
        ([node("Tile", ["r", "t"], "q")], [("t", whole(1, 1, 1000, 1000))], "6.3 GB for one picture"),
        ([node("Pad", ["r", "t"], "q")], [("t", whole(0, 0, 0, 0, 0, 0, 9986, 9986))], "3.2 GB for one picture"),
        ([node("Resize", ["r", "", "s"], "q")], [("s", np.array([1, 1, 500, 500], F))], "1.6 GB for one picture"),
        (
            [node("Shape", ["r"], "h"), node("Mul", ["h", "m"], "s"), node("Resize", ["r", "", "", "s"], "q")],
            [("m", whole(1, 1, 500, 500))],
            "1.6 GB for one picture",
        ),
        (
            [node("Conv", ["r", "K"], "q", pads=[5000] * 4)],
            [("K", np.ones((8, 8, 1, 1), F))],
            "3.2 GB for one picture",
        ),
    ],
)
def test_a_small_file_that_asks_for_gigabytes_is_refused_with_the_figure(nodes, weights, figure):
    """Constants that the network computes from nothing, and activations of one picture of 16 × 16."""
    with pytest.raises(ProcedureError, match=figure) as caught:
        prepare_network(write(nodes, weights))
    assert caught.value.number == 50116


def test_constants_that_double_again_and_again_are_refused():
    """Each Concat reads the one before it twice: 4 bytes times 2^28 at the end, and as much before."""
    doubling = [node("Concat", [f"d{n}", f"d{n}"], f"d{n + 1}", axis=0) for n in range(28)]
    nodes = [*doubling, node("ReduceSum", ["d28"], "z", keepdims=0), node("Add", ["r", "z"], "q")]
    with pytest.raises(ProcedureError, match=r"2\.1 GB of constants"):
        prepare_network(write(nodes, [("d0", np.ones(1, F))]))


def test_activations_count_together_while_they_are_needed():
    """Two of 512 MB are alive when they are added, one at a time is not too many: 8 × 4000 × 4000 × 4 bytes each."""
    pads = ("t", whole(0, 0, 0, 0, 0, 0, 3986, 3986))
    both = [node("Pad", ["r", "t"], "a"), node("Neg", ["a"], "b"), node("Add", ["a", "b"], "q")]
    with pytest.raises(ProcedureError, match=r"1\.5 GB for one picture"):
        check_cost(load_from_string(write(both, [pads])), (16, 16))
    check_cost(load_from_string(write([node("Pad", ["r", "t"], "q")], [pads])), (16, 16))


def test_a_network_with_constants_of_an_ordinary_size_is_taken():
    """Sixteen megabytes, folded away."""
    nodes = added(node("ConstantOfShape", ["s"], "k"))
    assert prepare_network(write(nodes, [("s", whole(4_000_000))]))
