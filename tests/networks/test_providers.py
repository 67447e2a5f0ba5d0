"""ONNX Runtime is found or its absence explained, and the provider that runs is the best that can."""

from __future__ import annotations

import sys
from types import ModuleType

import onnxruntime
import pytest

from lungdb.errors import ProcedureError
from lungdb.networks.running.providers import choose_providers, import_runtime, lacks_memory, start_session

TENSORRT, CUDA, DIRECTML, OPENVINO, CPU = (
    f"{name}ExecutionProvider" for name in ("Tensorrt", "CUDA", "Dml", "OpenVINO", "CPU")
)
LISTED = onnxruntime.get_available_providers()


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        ([TENSORRT, CUDA, CPU], [CUDA, CPU]),
        ([CPU, OPENVINO], [OPENVINO, CPU]),
        ([OPENVINO, DIRECTML, CPU], [DIRECTML, OPENVINO, CPU]),
        (["AzureExecutionProvider", CPU], [CPU]),
    ],
)
def test_unasked_the_best_of_those_listed_is_taken(available, chosen):
    """CUDA, DirectML, OpenVINO, CPU, whatever the order of the list; TensorRT and others only when asked for."""
    assert choose_providers(None, available) == (chosen, {})


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([TENSORRT], [TENSORRT, CPU]),
        ([TENSORRT, CUDA], [TENSORRT, CUDA, CPU]),
        ([CPU], [CPU]),
        ([CPU, CUDA], [CPU]),
        ([CUDA, CUDA, CPU], [CUDA, CPU]),
        (["cuda", "TensorRT", "cpuexecutionprovider"], [CUDA, TENSORRT, CPU]),
    ],
)
def test_what_is_wanted_is_taken_in_its_order(wanted, chosen):
    """The CPU's comes last in any case, because it takes what the others cannot; short names mean the same."""
    assert choose_providers(wanted, [TENSORRT, CUDA, CPU]) == (chosen, {})


def test_a_provider_that_is_not_listed_is_passed_over_by_name():
    """So that one setting does for machines with and without a GPU."""
    chosen, missing = choose_providers(["DirectML", "CUDA", "CPU"], [CUDA, CPU])
    assert chosen == [CUDA, CPU]
    assert missing == {DIRECTML: "is not in this ONNX Runtime"}


def test_a_provider_that_only_another_onnx_runtime_has_is_known():
    """What ONNX Runtime can be built with is no spelling mistake."""
    with pytest.raises(ProcedureError):
        choose_providers(["CoreMLExecutionProvider"], [CPU])
    assert choose_providers(["CoreMLExecutionProvider"], [CPU], onnxruntime.get_all_providers())[0] == [CPU]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("CUDAExecutionProvidr", f"Did you mean {CUDA}?"),
        ("tensort", f"Did you mean {TENSORRT}?"),
        ("xyzzy", "Supported values are Tensorrt"),
        ("", "Supported values are Tensorrt"),
    ],
)
def test_a_misspelt_provider_is_refused(name, advice):
    """Not passed over, which would run something else without a word."""
    with pytest.raises(ProcedureError) as caught:
        choose_providers([name, CPU], [CUDA, CPU])
    assert caught.value.number == 50101
    assert f"The provider {name!r} is not supported. {advice}" in caught.value.message


@pytest.mark.parametrize("wanted", [None, [TENSORRT, CUDA], ["CUDA"], ["DirectML", "OpenVINO"], ["CPU"]])
def test_the_notice_names_what_was_wanted_and_does_not_run(make_network, wanted, capfd):
    """Listed or not, with driver or without: the first that starts runs, and nothing is printed."""
    session, notice = start_session(make_network().SerializeToString(), wanted, 1)
    running = session.get_providers()[0]
    chosen, missing = choose_providers(wanted, LISTED)
    reasons = notice.partition(": ")[2]
    passed_over = [*missing, *chosen[: chosen.index(running)]]
    assert [name for name in (TENSORRT, CUDA, DIRECTML, OPENVINO) if f"{name} " in reasons] == passed_over
    assert notice.startswith(f"{running} runs the network: " if passed_over else "")
    assert bool(notice) == bool(passed_over)
    assert capfd.readouterr() == ("", "")


def test_a_missing_runtime_names_the_package(monkeypatch):
    """The wheels exclude each other, so none is installed by default."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ProcedureError, match=r"pip install \"lungdb\[cpu\]\"") as caught:
        import_runtime()
    assert caught.value.number == 50116


def test_what_is_left_of_a_runtime_is_refused(monkeypatch):
    """Uninstalling one of two wheels takes the other's files along and leaves a folder that imports."""
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    with pytest.raises(ProcedureError, match="incomplete; uninstall every onnxruntime package first") as caught:
        import_runtime()
    assert caught.value.number == 50116


def test_wheels_over_each_other_are_refused_with_the_way_out(monkeypatch, tmp_path):
    """Beside the one that is installed, pip's record of two others."""
    for wheel in ("onnxruntime", "onnxruntime-directml", "onnxruntime-gpu"):
        folder = tmp_path / f"{wheel.replace('-', '_')}-1.20.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {wheel}\nVersion: 1.20.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProcedureError) as caught:
        import_runtime()
    assert caught.value.number == 50116
    for words in ("onnxruntime-directml", "pip uninstall -y onnxruntime onnxruntime-gpu", 'pip install "lungdb[cpu]"'):
        assert words in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 205520896",
        "Available memory of 1048576 is smaller than requested bytes of 205520896",
        "Non-zero status code returned while running Conv node. Status Message: std::bad_alloc",
        "CUDA failure 2: out of memory ; GPU=0",
        "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        "Exception(1) 8007000E Not enough memory resources are available to complete this operation.",
    ],
)
def test_running_out_of_memory_is_recognised(text):
    """In the words of ONNX Runtime's sources, for the processor and for GPUs."""
    assert lacks_memory(RuntimeError(text))
    assert not lacks_memory(RuntimeError("The input tensor cannot be reshaped to the requested shape."))
