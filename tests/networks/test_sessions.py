"""Networks run where they are told to, and say where."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import ProcedureError
from lungdb.networks.architectures.resnet import build_resnet
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running import sessions
from lungdb.networks.running.sessions import Session, cached_session, open_session

CPU = "CPUExecutionProvider"


@pytest.fixture
def network(make_network):
    """The small network cut at its penultimate layer."""
    return select_layer(make_network().SerializeToString(), "penultimate")[0]


def test_threads_below_one_are_refused(network):
    """ONNX Runtime would take 0 for all of them and −1 for none."""
    for threads in (0, -1):
        with pytest.raises(ProcedureError, match="threads") as caught:
            open_session(network, threads=threads)
        assert caught.value.number == 50101


def test_what_onnx_runtime_refuses_is_reported(make_network):
    """With its own words, as a refusal of ours."""
    model = make_network()
    model.graph.node[0].input[1] = "nothing"
    with pytest.raises(ProcedureError, match=r"cannot run the network: .*nothing") as caught:
        open_session(model.SerializeToString())
    assert caught.value.number == 50116


@pytest.mark.parametrize("threads", [1, 2])
def test_features_do_not_depend_on_the_batch(thin, pictures, threads):
    """Bit for bit on the CPU: a picture alone, or with others in any order."""
    session = open_session(select_layer(build_resnet(thin[0]), "penultimate")[0], [CPU], threads)
    alone = np.concatenate([session.run(picture[None])[0] for picture in pictures])
    together = session.run(np.concatenate([pictures, pictures, pictures[:1]]))[0]
    np.testing.assert_array_equal(together, np.concatenate([alone, alone, alone[:1]]))


LIMITED = """
import resource, sys
import numpy as np
from lungdb.errors import ProcedureError
from lungdb.networks.running.sessions import open_session

model, megabytes, *sizes = sys.argv[1:]
session = open_session(open(model, "rb").read(), ["CPU"], 1)
pictures = np.random.default_rng(5).random((24, 3, 224, 224), np.float32)
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + int(megabytes) * 2**20
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
found = []
for size in map(int, sizes):
    try:
        found.append((session.run(pictures[:size])[0], session.notice))
    except ProcedureError as error:
        print(error.number, error.message)
resource.setrlimit(resource.RLIMIT_AS, before)
alone = np.concatenate([session.run(picture[None])[0] for picture in pictures[: max(map(int, sizes))]]) if found else []
for features, notice in found:
    print(np.array_equal(features, alone[: len(features)]), notice)
"""


@pytest.fixture
def hungry(tmp_path):
    """A file with a network that needs 25 MB and more a picture."""
    kernel = np.random.default_rng(1).standard_normal((128, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["conv"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hungry",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", 128])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    path = tmp_path / "hungry.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return path


def run_limited(model: Path, megabytes: int, *sizes: int) -> list[str]:
    """Run batches in a process that may take so much memory beside what it has; one line a batch."""
    command = [sys.executable, "-c", LIMITED, str(model), *map(str, (megabytes, *sizes))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stderr == ""
    return done.stdout.splitlines()


on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the memory as Linux does")


@on_linux
def test_a_batch_that_does_not_fit_the_memory_is_halved(hungry):
    """Bit for bit what the pictures give alone; later batches start with what fitted."""
    first, *halved = run_limited(hungry, 500, 2, 24, 24, 7)
    assert first == "True "
    assert re.fullmatch(r"True A batch of 24 did not fit the memory; batches of (12|6|3) run\.", halved[0])
    assert halved == halved[:1] * 3


@on_linux
def test_memory_for_less_than_a_picture_is_refused(hungry):
    """Down to one picture, and what to do."""
    (line,) = run_limited(hungry, 1, 24)
    assert line.startswith("50116 The memory does not hold the network and one picture: ")
    assert line.endswith("or use a smaller network.")


def test_a_session_is_opened_once_for_a_key(network):
    """Another network, provider or number of threads is another session; of three the oldest is opened anew."""
    made = []

    def make() -> bytes:
        made.append(1)
        return network

    first = cached_session("one", make, None, 1)
    assert cached_session("one", make, None, 1) is first
    assert cached_session("one", make, [CPU], 1) is not first
    assert cached_session("one", make, None, 1) is first
    assert len(made) == 2
    cached_session("two", make, None, 1)
    assert cached_session("one", make, None, 1) is first
    cached_session("one", make, None, 2)
    cached_session("three", make, None, 2)
    assert cached_session("one", make, None, 1) is not first
    assert len(made) == 6


class Cramped:
    """As an InferenceSession that has memory for two pictures."""

    def get_inputs(self):
        """Return one, of pictures."""
        return [SimpleNamespace(name="image", shape=["N", 3, 2, 2])]

    def get_outputs(self):
        """Return one, of numbers."""
        return [SimpleNamespace(name="numbers")]

    def get_providers(self):
        """Return the one that runs."""
        return [CPU]

    def run(self, outputs, inputs):
        """Give the first value of each picture."""
        if len(inputs["image"]) > self.fits:
            raise RuntimeError("std::bad_alloc")
        return [inputs["image"][:, :1, 0, 0]]

    fits = 2


def test_a_kept_session_forgets_that_memory_ran_out(monkeypatch):
    """It says nothing of an earlier call, and takes whole batches again."""
    cramped = Cramped()
    monkeypatch.setattr(sessions, "open_session", lambda *_: Session(cramped))
    pictures = np.zeros((8, 3, 2, 2), np.float32)
    session = cached_session("cramped", bytes)
    session.run(pictures)
    assert session.notice == "A batch of 8 did not fit the memory; batches of 2 run."
    cramped.fits = 8
    assert cached_session("cramped", bytes) is session
    session.run(pictures)
    assert session.notice == ""


def test_a_session_on_a_second_choice_of_provider_is_not_kept(monkeypatch):
    """The first may start for the next call."""
    monkeypatch.setattr(sessions, "open_session", lambda *_: Session(Cramped(), "CUDA did not start"))
    assert cached_session("second", bytes) is not cached_session("second", bytes)


def test_a_network_that_cannot_be_opened_is_not_kept(network):
    """The next call tries again."""
    with pytest.raises(ProcedureError):
        cached_session("mended", lambda: b"no network")
    assert cached_session("mended", lambda: network).input_size == (224, 224)


def test_another_provider_gives_the_features_of_the_cpu(thin, pictures):
    """To a hundredth of the largest feature; skipped where only the CPU runs."""
    model = select_layer(build_resnet(thin[0]), "penultimate")[0]
    session = open_session(model)
    if session.provider == CPU:
        pytest.skip("ONNX Runtime has no provider but the CPU's that starts here")
    expected = open_session(model, [CPU]).run(pictures)[0]
    np.testing.assert_allclose(session.run(pictures)[0], expected, atol=1e-2 * np.abs(expected).max())


def test_a_layer_that_gives_no_row_a_picture_is_refused():
    """What the load did not try, such as a tensor that somebody names, may give one row for a whole batch."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=1)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), [CPU])
    with pytest.raises(ProcedureError, match="1 rows for 2 pictures") as caught:
        session.run(np.zeros((2, 3, 4, 4), np.float32))
    assert caught.value.number == 50104
