"""What is declared of a network's input is read, used, or refused by its name."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from lungdb.errors import LungdbError, ProcedureError
from lungdb.learning.pooling import pool
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.graphs.layers import cut_layers
from lungdb.networks.inputs.declaring import read_declared, read_detects, read_gives
from lungdb.networks.inputs.kinds import own_words
from tests.volume_features.writing import write_map, write_network

VOLUME = {"spacing": [1.0, 1.0, 1.0], "window": [-1000.0, 400.0]}


def test_several_keys_stand_in_one_text_or_in_many() -> None:
    """Commas are between numbers and between keys."""
    declared = read_declared(["spacing=1,0.7,0.7,window=-1000,400", "size=96,any,96", "multiple=8,orientation=ras"])
    assert declared == {
        "spacing": [1.0, 0.7, 0.7],
        "window": [-1000.0, 400.0],
        "size": [96, None, 96],
        "multiple": [8, 8, 8],
        "orientation": "RAS",
    }
    assert read_declared(["spacing=any,window=any"]) == {"spacing": None, "window": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spacing=1,1", "spacing=1,1,1"),
        ("spacing=0,1,1", "spacing=1,1,1"),
        ("window=400,-1000", "lower end first"),
        ("size=0,8,8", "whole numbers"),
        ("orientation=SSL", "L or R, P or A, S or I"),
        ("channels=0", "how many channels"),
        ("layout=middle", "first or last"),
        ("depth=3", "Its keys are"),
        ("spacing", "key=value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_an_example(text, words) -> None:
    """The sentence says what to write."""
    with pytest.raises(LungdbError, match=words):
        read_declared([text])


def test_what_a_detector_gives_is_read_as_json_where_it_is_some() -> None:
    """Lists of lists as RetinaNets need them, numbers, and texts."""
    found = read_detects(["retinanet,anchor_shapes=[[4,4,4],[8,8,8]],threshold=0.5", "score=logit"])
    shapes = [[4, 4, 4], [8, 8, 8]]
    assert found == {"form": "retinanet", "anchor_shapes": shapes, "threshold": 0.5, "score": "logit"}


def prepared(file, **arguments) -> bytes:
    """Prepare the network of a file."""
    return prepare_network(file.read_bytes(), **arguments)


@pytest.mark.parametrize(
    ("sides", "declared", "words"),
    [
        ((8, 16, 16), {}, r"--input spacing=1,1,1.* nor .*--input window=-1000,400"),
        ((8, 16, 16), {"spacing": None}, "--input window=-1000,400"),
        (("d", 16, 16), VOLUME, "--input size=96,96,96"),
        ((8, 16, 16), {**VOLUME, "size": [9, 16, 16]}, "is not what the network takes"),
        ((8, 16, 16), {**VOLUME, "channels": 3}, "is not what the network takes"),
        ((16, 16), {"spacing": [1.0, 1.0, 1.0]}, "says nothing of a network that takes"),
    ],
)
def test_a_network_of_which_something_is_doubtful_is_refused(tmp_path, sides, declared, words) -> None:
    """By the name of the option that would say it."""
    file = write_network(tmp_path / "network.onnx", sides)
    with pytest.raises(ProcedureError, match=words) as caught:
        prepared(file, declared=declared)
    assert caught.value.number == 50101


def test_a_file_may_say_of_itself_what_it_reads(tmp_path) -> None:
    """As its exporter knows it; what is declared goes first."""
    model = onnx.load(write_network(tmp_path / "network.onnx", ("d", "h", "w")))
    told = {"input": {**VOLUME, "size": [8, 16, 16]}, "normalisation": {"mean": [0.4], "std": [0.2]}}
    onnx.helper.set_model_props(model, {"lungdb": json.dumps(told)})
    stored = prepare_network(model.SerializeToString())
    details = network_details(stored, declared={"window": [-500.0, 100.0]})
    assert details["input"] == {
        "name": "scan", "dimensions": 3, "channels": 1, "size": [8, 16, 16], "multiple": [1, 1, 1],
        "spacing": [1.0, 1.0, 1.0], "orientation": "SPL", "window": [-500.0, 100.0],
    }  # fmt: skip
    assert details["normalisation"] == {"mean": [0.4], "std": [0.2]}
    assert (details["penultimate"], details["width"]) == ("vector", 4)


@pytest.mark.parametrize(("batch", "last"), [("N", False), (1, False), ("N", True)])
def test_layers_of_the_stored_network_are_those_of_the_file(tmp_path, batch, last) -> None:
    """Whatever its batch and where its channels stand; two volumes at once, against the user's file one by one."""
    file = write_network(tmp_path / "network.onnx", (8, 16, 20), batch=batch, last=last)
    stored = prepared(file, declared=VOLUME)
    apart = cut_layers(stored, ["malignancy", "relu"], size=(8, 16, 20))
    assert not apart.weights  # small ones stay in the graph
    volumes = np.random.default_rng(0).normal(size=(2, 1, 8, 16, 20)).astype(np.float32)
    found = onnxruntime.InferenceSession(apart.graph).run(None, {"scan": volumes})
    model = onnx.load(file)
    model.graph.output.append(onnx.ValueInfoProto(name="relu"))
    own = onnxruntime.InferenceSession(model.SerializeToString())
    for place, volume in enumerate(volumes[:, None]):
        given = np.moveaxis(volume, 1, -1) if last else volume
        malignancy, relu = own.run(["malignancy", "relu"], {"scan": given})
        np.testing.assert_allclose(found[0][place : place + 1], malignancy, atol=1e-5)
        np.testing.assert_allclose(found[1][place], relu[0].mean(axis=(1, 2, 3)), atol=1e-5)


def test_a_network_that_mixes_volumes_is_refused(tmp_path) -> None:
    """Its features would depend on @BatchSize."""
    model = onnx.load(write_network(tmp_path / "network.onnx", (8, 16, 16)))
    model.graph.node.insert(0, onnx.helper.make_node("ReduceMean", ["scan"], ["middle"], axes=[0]))
    model.graph.node.insert(1, onnx.helper.make_node("Sub", ["scan", "middle"], ["apart"]))
    model.graph.node[2].input[0] = "apart"
    with pytest.raises(ProcedureError, match="depends on the pictures") as caught:
        prepare_network(model.SerializeToString(), declared=VOLUME)
    assert caught.value.number == 50104


def test_a_volume_that_takes_too_much_memory_is_refused(tmp_path) -> None:
    """With the figure, before it is tried."""
    file = write_network(tmp_path / "network.onnx", ("d", "h", "w"))
    with pytest.raises(ProcedureError, match=r"GB for one volume of 1000 × 1000 × 1000.*Use smaller volumes"):
        prepared(file, declared={**VOLUME, "size": [1000, 1000, 1000]})


def test_a_detector_is_declared_by_what_it_gives(tmp_path) -> None:
    """What is missing of a form is named with --detects; --layer beside it is refused."""
    stored = prepared(write_map(tmp_path / "map.onnx", (8, 16, 16)), declared=VOLUME, detects=True)
    heat = {"form": "heatmap", "diameter": 8, "score": "probability"}
    details = network_details(stored, declared=VOLUME, output=heat)
    assert (details["layers"], details["output"], details["width"]) == ({"nodules": "map"}, heat, 6)
    with pytest.raises(ProcedureError, match=r"diameter is missing.*--detects"):
        network_details(stored, declared=VOLUME, output={"form": "heatmap"})
    with pytest.raises(ProcedureError, match="Give one of them"):
        network_details(stored, declared=VOLUME, output=heat, layer="map")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class=1", "activation None"),
        ("activation=tanh", "activation 'tanh'"),
        ("activation=softmax,class=-1", "class -1"),
        ("activation=none,threshold=1", "no key 'threshold'"),
    ],
)
def test_a_stage_of_which_something_is_wrong_is_refused(tmp_path, text, words) -> None:
    """By the value, and with what to write."""
    stored = prepared(write_network(tmp_path / "network.onnx", (8, 16, 16)), declared=VOLUME)
    with pytest.raises(ProcedureError, match=words) as caught:
        network_details(stored, declared=VOLUME, output=read_gives([text]))
    assert caught.value.number == 50101


def test_the_five_largest_scores_are_pooled() -> None:
    """Zeros where there are fewer."""
    candidates = np.zeros((7, 6), np.float32)
    candidates[:, 5] = [0.1, 0.9, 0.3, 0.2, 0.8, 0.05, 0.7]
    assert pool(candidates, "top5").tolist() == pytest.approx([0.9, 0.8, 0.7, 0.3, 0.2])
    assert pool(candidates[:2], "top5").tolist() == pytest.approx([0.9, 0.1, 0, 0, 0])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"multiple": [1_000_000_000, 1, 1]}, "The multiple"),
        ({"multiple": [0, 8, 8]}, "The multiple"),
        ({"spacing": "1 mm"}, "The spacing '1 mm'"),
        ({"window": [400, -1000]}, "does not rise"),
        ({"size": [1_000_000_000, 16, 16]}, "The size"),
        ({"size": ["a", "b", "c"]}, "The size"),
        ({"orientation": "XYZ"}, "The orientation 'XYZ'"),
    ],
)
def test_what_a_file_says_of_itself_and_no_volume_can_be_is_refused(tmp_path, said, words) -> None:
    """When it is loaded, before anything of that size is made, and not when scans are run."""
    model = onnx.load(write_map(tmp_path / "network.onnx", ("d", "h", "w")))
    onnx.helper.set_model_props(model, {"lungdb": json.dumps({"input": {**VOLUME, "size": [8, 16, 16], **said}})})
    with pytest.raises(ProcedureError, match=words) as caught:
        prepare_network(model.SerializeToString(), detects=True)
    assert caught.value.number == 50116
    assert "Load the network again with its input as --input" in caught.value.message


def test_metadata_nested_without_end_say_nothing(tmp_path) -> None:
    """So that what is needed is asked for."""
    model = onnx.load(write_network(tmp_path / "network.onnx", (8, 16, 16)))
    onnx.helper.set_model_props(model, {"lungdb": "[" * 200_000})
    assert own_words(model) == {}
    assert read_detects([f"boxes,columns={'[' * 200_000}"])["columns"] == "[" * 200_000
