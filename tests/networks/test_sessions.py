"""Networks run where they are told to, and say where."""

import sys

import numpy as np
import onnxruntime
import pytest

from lungdb.errors import ProcedureError
from lungdb.networks.layers import select_layer
from lungdb.networks.resnet import build_resnet
from lungdb.networks.sessions import open_session

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture
def network(make_network):
    """The small network cut at its penultimate layer."""
    return select_layer(make_network().SerializeToString(), "penultimate")[0]


def test_the_session_names_its_provider(network):
    """CUDA when ONNX Runtime has it and a GPU, else the CPU."""
    listed = [provider for provider in (CUDA, CPU) if provider in onnxruntime.get_available_providers()]
    expected = onnxruntime.InferenceSession(network, providers=listed).get_providers()[0]
    assert open_session(network).provider == expected


def test_a_missing_runtime_names_the_package(network, monkeypatch):
    """The two wheels exclude each other, so neither is installed by default."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ProcedureError, match=r"pip install \"lungdb\[cpu\]\"") as caught:
        open_session(network)
    assert caught.value.number == 50116


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
