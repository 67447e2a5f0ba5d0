"""One of several devices of a provider can be named, and what is no device is refused."""

from __future__ import annotations

from types import SimpleNamespace

import onnxruntime
import pytest

from lungdb.errors import ProcedureError
from lungdb.networks.running import providers
from lungdb.networks.running.devices import chosen_devices, split_device
from lungdb.networks.running.providers import choose_providers, devices_of, start_session

TENSORRT, CUDA, DIRECTML, OPENVINO, CPU = (
    f"{name}ExecutionProvider" for name in ("Tensorrt", "CUDA", "Dml", "OpenVINO", "CPU")
)


@pytest.mark.parametrize(
    ("name", "split"),
    [("CUDA", ("CUDA", None)), ("CUDA:1", ("CUDA", 1)), ("cuda : 12", ("cuda", 12)), (f"{CUDA}:0", (CUDA, 0))],
)
def test_what_follows_a_colon_is_the_number_of_a_device(name, split):
    """Spaces around either are nothing."""
    assert split_device(name) == split


@pytest.mark.parametrize("name", ["CUDA:", "CUDA:-1", "CUDA:1.0", "CUDA:x", "CUDA:1:2", "CUDA:²", "CUDA:١"])
def test_what_is_no_number_of_a_device_is_refused(name):
    """Not read as device 0, which would run on another one than was meant."""
    with pytest.raises(ProcedureError, match="Give a number from 0 after the colon") as caught:
        split_device(name)
    assert caught.value.number == 50340
    assert repr(name) in caught.value.message


def test_a_device_is_that_of_the_provider_it_stands_at():
    """Others keep their own choice, and the order of providers is not changed by it."""
    wanted = ["TensorRT:0", "cuda:1", "CPU"]
    assert devices_of(wanted) == {TENSORRT: 0, CUDA: 1}
    assert devices_of(None) == devices_of(["CUDA", "CPU"]) == {}
    assert choose_providers(wanted, [TENSORRT, CUDA, CPU]) == ([TENSORRT, CUDA, CPU], {})


@pytest.mark.parametrize(
    ("named", "gpus", "said"),
    [
        ([(CPU, 0)], 0, f"{CPU} takes no number"),
        ([(OPENVINO, 1)], 4, f"{OPENVINO} takes no number"),
        ([(CUDA, 0), (CUDA, 1)], 2, f"{CUDA} is also named with device 0. Name one of them."),
        ([(CUDA, 2)], 2, "the NVIDIA driver lists 2, from 0 to 1. Name one of those"),
        ([(TENSORRT, 1)], 1, "the NVIDIA driver lists 1, from 0 to 0"),
    ],
)
def test_a_device_that_cannot_be_is_refused_with_its_name_and_the_way_out(named, gpus, said):
    """Number, value and remedy."""
    with pytest.raises(ProcedureError) as caught:
        chosen_devices(named, gpus)
    assert caught.value.number == 50340
    provider, device = named[-1]
    assert caught.value.message.startswith(f"The device {provider}:{device} is not supported: ")
    assert said in caught.value.message


def test_a_driver_that_lists_no_gpu_refuses_no_number():
    """So that one setting does for machines with and without; DirectML's devices are none of NVIDIA's driver."""
    assert chosen_devices([(CUDA, 7)], 0) == {CUDA: 7}
    assert chosen_devices([(DIRECTML, 3)], 1) == {DIRECTML: 3}
    assert chosen_devices([(CUDA, 1), (CUDA, 1), (CPU, None)], 2) == {CUDA: 1}


@pytest.fixture
def asked_for(monkeypatch):
    """What an ONNX Runtime that lists every provider is asked to start, by name; nothing is run."""
    asked = {}

    def start(model, options, providers, enable_fallback):
        asked.update(providers)
        return SimpleNamespace(get_providers=lambda: [name for name, _ in providers])

    runtime = SimpleNamespace(
        SessionOptions=onnxruntime.SessionOptions,
        InferenceSession=start,
        get_available_providers=lambda: [TENSORRT, CUDA, DIRECTML, OPENVINO, CPU],
        get_all_providers=lambda: [TENSORRT, CUDA, DIRECTML, OPENVINO, CPU],
        set_default_logger_severity=lambda severity: None,
    )
    monkeypatch.setattr(providers, "import_runtime", lambda: runtime)
    return asked


def test_the_device_is_an_option_of_the_provider_beside_its_others(asked_for):
    """`device_id` is how ONNX Runtime's CUDA, TensorRT and DirectML providers take it, as text."""
    assert start_session(b"", ["CUDA:1", "DirectML:2", "TensorRT", "CPU"], 3)[1] == ""
    assert asked_for[CUDA] == {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    assert asked_for[DIRECTML] == {"device_id": "2"}
    assert asked_for[TENSORRT] == asked_for[CPU] == {}


def test_without_a_device_no_option_names_one(asked_for):
    """ONNX Runtime then takes its own default."""
    start_session(b"", None, 3)
    assert {name for name, options in asked_for.items() if "device_id" in options} == set()
    assert CUDA in asked_for
