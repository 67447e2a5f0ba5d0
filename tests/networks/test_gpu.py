"""A GPU computes what the CPU does, and it is the GPU that does it; the same tests run on the CPU everywhere."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from lungdb.database import connect, run
from lungdb.database.site import set_setting
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.providers import start_session
from tests.support.databases import copy_to, target_of

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
NVIDIA = Path("/proc/driver/nvidia/gpus")
LARGEST_DIFFERENCE = 1e-2

pytestmark = pytest.mark.slow


@pytest.fixture(params=["CPU", "CUDA:0"])
def provider(request, make_network):
    """The setting `providers`; CUDA is skipped, with the reason, where there is no GPU."""
    if request.param != "CPU":
        session, notice = start_session(make_network().SerializeToString(), [request.param], 1)
        if session.get_providers()[0] != CUDA:
            # With a GPU at hand it is a failure, without one there is nothing to try.
            (pytest.fail if NVIDIA.is_dir() else pytest.skip)(f"CUDA did not run: {notice}")
    return request.param


@pytest.fixture
def profiled(monkeypatch, tmp_path):
    """ONNX Runtime writes down which provider ran each node."""
    real = onnxruntime.SessionOptions

    def options():
        made = real()
        made.enable_profiling = True
        made.profile_file_prefix = str(tmp_path / "profile")
        return made

    monkeypatch.setattr(onnxruntime, "SessionOptions", options)


def test_the_named_provider_runs_every_convolution_and_gives_the_cpu_s_features(provider, profiled):
    """A session may list a provider and leave the nodes to the CPU: ONNX Runtime's own record says who ran them."""
    model = select_layer(build_resnet(random_resnet(RESNETS["resnet18"], seed=0)), "penultimate")[0]
    pictures = np.random.default_rng(0).standard_normal((4, 3, 224, 224), dtype=np.float32)
    session, notice = start_session(model, [provider], 0)
    assert notice == ""
    (features,) = session.run(None, {session.get_inputs()[0].name: pictures})
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    convolutions = [event["args"]["provider"] for event in events if "Conv" in event.get("args", {}).get("op_name", "")]
    assert set(convolutions) == {CPU if provider == "CPU" else CUDA}
    bare = onnxruntime.InferenceSession(model, providers=[CPU])
    (expected,) = bare.run(None, {bare.get_inputs()[0].name: pictures})
    np.testing.assert_allclose(features, expected, atol=LARGEST_DIFFERENCE * np.abs(expected).max())


def test_generate_features_names_the_provider_that_ran_and_stores_the_cpu_s_features(provider, loaded_file, tmp_path):
    """From slices in the database to rows of dbo.features."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        arrays = []
        for chosen in ("CPU", provider):
            set_setting(connection, "providers", chosen)
            said = []
            run(
                connection,
                "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Recompute = 1;",
                on_message=lambda message, said=said: said.append(message.text),
            )
            (found,) = run(connection, "SELECT array FROM dbo.features ORDER BY scan_id;")
            arrays.append(np.concatenate([np.frombuffer(row[0], "<f4") for row in found.rows]))
        assert any(f"on {CPU if provider == 'CPU' else CUDA}" in text for text in said)
    np.testing.assert_allclose(arrays[1], arrays[0], atol=LARGEST_DIFFERENCE * np.abs(arrays[0]).max())
