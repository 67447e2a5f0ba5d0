"""Bad input is refused with a documented number, and nothing is half-written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.database import Connection, run
from lungdb.errors import SqlError

Counts = Callable[[Connection], dict[str, int]]
GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model'"

ON_LOADED = {
    "a call inside a transaction": ("", f"BEGIN TRANSACTION; {GENERATE};", 50100, "inside a transaction"),
    "training inside a transaction": ("", "BEGIN TRANSACTION; EXECUTE dbo.TrainLungCancerModel;", 50100, "inside"),
    "an unknown preprocessing": ("", f"{GENERATE}, @Preprocessing = N'bone';", 50101, "'bone'"),
    "an unknown pooling": ("", f"{GENERATE}, @Pooling = N'mean,median';", 50101, "'mean,median'"),
    "a NULL batch size": ("", f"{GENERATE}, @BatchSize = NULL;", 50101, "NULL for the parameter @BatchSize"),
    "a chunk of nothing": ("", f"{GENERATE}, @ChunkMegabytes = 0;", 50101, "@ChunkMegabytes"),
    "a setting that is no number": (
        "UPDATE dbo.settings SET value = N'all' WHERE name = N'threads';",
        f"{GENERATE};",
        50101,
        "'all'",
    ),
    "an unknown provider": (
        "UPDATE dbo.settings SET value = N'TpuExecutionProvider' WHERE name = N'providers';",
        f"{GENERATE};",
        (50101, 50116),
        "TpuExecutionProvider",
    ),
    "an unknown network name": ("", "EXECUTE dbo.GenerateFeatures @ModelName = N'VGG';", 50102, "'VGG'"),
    "unknown bytes": ("", "EXECUTE dbo.GenerateFeatures @Model = 0x010203;", 50103, "3 bytes"),
    "neither name nor bytes": ("", "EXECUTE dbo.GenerateFeatures;", 50114, "ResNet_152.model"),
    "a layer asked for twice": ("", f"{GENERATE}, @Layer = N'layer4,layer4';", 50101, "'layer4,layer4'"),
    "an empty name of a layer": ("", f"{GENERATE}, @Layer = N'layer4,';", 50101, "'layer4,'"),
    "an unknown layer": ("", f"{GENERATE}, @Layer = N'layer9';", 50115, "layer9"),
    "a network with damaged bytes": (
        "UPDATE dbo.networks SET model = CONVERT(VARBINARY(MAX), '00', 2) + model;",
        f"{GENERATE};",
        50105,
        "SHA-256",
    ),
    "a network that is no ONNX": (
        "UPDATE dbo.networks SET model = 0x00, sha256 = HASHBYTES('SHA2_256', 0x00);",
        f"{GENERATE};",
        50116,
        "ONNX",
    ),
    "training without features": ("", "EXECUTE dbo.TrainLungCancerModel;", 50117, "GenerateFeatures"),
    "a score without a model": ("", "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;", 50108, "'lightgbm_sql'"),
    "a damaged slice": (
        "UPDATE dbo.scan_images SET pixels_sha256 = HASHBYTES('SHA2_256', 0x00);",
        f"{GENERATE};",
        50120,
        "40 of 40",
    ),
}
ON_TRAINED = {
    "an unknown patient": ("", "EXECUTE dbo.PredictLungCancer @PatientIndex = 4000;", 50107, "4000"),
    "a negative patient": ("", "EXECUTE dbo.PredictLungCancer @PatientIndex = -1;", 50107, "-1"),
    "no patient": ("", "EXECUTE dbo.PredictLungCancer;", 50101, "@PatientIndex is NULL"),
    "an unknown model": ("", "EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @ModelName = N'x%d';", 50108, "'x%d'"),
    "a patient without features": (
        "DELETE FROM dbo.pooled_features WHERE scan_id = 1;",
        "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;",
        50109,
        "@Pooling = N'mean'",
    ),
    "features of another width": (
        "UPDATE dbo.pooled_features SET vector = N'[1, 2, 3]', "
        "vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), N'[1, 2, 3]'));",
        "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;",
        50110,
        "3 features",
    ),
    "a damaged model": (
        "UPDATE dbo.classifiers SET model = CAST('tree' AS VARBINARY(MAX));",
        "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;",
        50105,
        "SHA-256",
    ),
    "a model that is no LightGBM": (
        "UPDATE dbo.classifiers SET model = 0x00, sha256 = HASHBYTES('SHA2_256', 0x00);",
        "EXECUTE dbo.PredictLungCancer @PatientIndex = 0;",
        50116,
        "",
    ),
    "no labels": ("DELETE FROM dbo.labels;", "EXECUTE dbo.TrainLungCancerModel;", 50111, "label"),
    "one class": (
        "UPDATE dbo.labels SET label = 1;",
        "EXECUTE dbo.TrainLungCancerModel;",
        50112,
        "nothing to tell apart",
    ),
    "too few patients": (
        "DELETE FROM dbo.labels WHERE patient_id NOT IN (SELECT TOP (3) patient_id FROM dbo.labels WHERE label = 1) "
        "AND patient_id NOT IN (SELECT TOP (1) patient_id FROM dbo.labels WHERE label = 0);",
        "EXECUTE dbo.TrainLungCancerModel;",
        (50112, 50113),
        "",
    ),
    "a NULL algorithm": ("", "EXECUTE dbo.TrainLungCancerModel @Algorithm = NULL;", 50101, "NULL"),
    "leaves and name at once": (
        "",
        "EXECUTE dbo.TrainLungCancerModel @NumLeaves = 1, @ModelName = N'';",
        50101,
        "@NumLeaves",
    ),
    "a pooling without features": ("", "EXECUTE dbo.TrainLungCancerModel @Pooling = N'pca1';", 50117, "'pca1'"),
    "a test percentage that is none": (
        "UPDATE dbo.settings SET value = N'many' WHERE name = N'test_percent';",
        "EXECUTE dbo.TrainLungCancerModel;",
        50101,
        "'many'",
    ),
}


@pytest.mark.parametrize("case", ON_LOADED)
def test_it_is_refused_before_features(loaded: Connection, row_counts: Counts, case: str) -> None:
    """Number and value are in the error, and no table has another number of rows."""
    refuse(loaded, row_counts, *ON_LOADED[case])


@pytest.mark.parametrize("case", ON_TRAINED)
def test_it_is_refused_after_training(trained: Connection, row_counts: Counts, case: str) -> None:
    """Number and value are in the error, and no table has another number of rows."""
    refuse(trained, row_counts, *ON_TRAINED[case])


@pytest.mark.parametrize("shape", [(1, 224, 224), (3, 224)])
def test_a_network_of_another_input_shape_is_refused(
    loaded: Connection, row_counts: Counts, shape: tuple[int, ...]
) -> None:
    """One channel or three dimensions: error 50104."""
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", *shape])
    classes = helper.make_tensor_value_info("classes", TensorProto.FLOAT, None)
    size = int(np.prod(shape))
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["picture"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["classes"])],
        "other",
        [picture],
        [classes],
        [numpy_helper.from_array(np.zeros((size, 2), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    run(loaded, "UPDATE dbo.networks SET model = ?, sha256 = ?;", (model, hashlib.sha256(model).digest()))
    refuse(loaded, row_counts, "", f"{GENERATE};", 50104, "")


def refuse(
    connection: Connection, row_counts: Counts, before: str, call: str, number: int | tuple[int, ...], text: str
) -> None:
    """Run a call that must fail and compare what is there before and after."""
    if before:
        run(connection, before)
    counts = row_counts(connection)
    with pytest.raises(SqlError) as caught:
        run(connection, call)
    run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    assert caught.value.number in (number if isinstance(number, tuple) else (number,)), caught.value
    assert text in caught.value.message
    after = row_counts(connection)
    if caught.value.number == 50120:  # which scans failed is kept for the worklist, and nothing else
        assert after.pop("scan_failures") > counts.pop("scan_failures")
    assert after == counts
