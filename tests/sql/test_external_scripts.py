"""The Python inside the stored procedures runs alike in every context, and gives the T-SQL around it what it takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pytest

import lungdb.procedures
from lungdb.database.own_scripts import script_hashes
from tests.sql import question_samples, samples, volume_samples
from tests.sql.gates.check import SQL
from tests.sql.gates.contexts import CONTEXTS, as_function_body, as_module, with_locals_apart
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.external_calls import ExternalCall, external_calls, query_columns
from tests.sql.gates.parser import parse

pytestmark = pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)

# What a result column may be: the runtime refuses every other dtype.
COLUMN_TYPES = {"bool", "uint8", "int16", "int32", "int64", "float32", "float64", "object", "datetime64[ns]"}
PLAIN_TYPES = {"INT": int, "BIGINT": int, "FLOAT": float, "BIT": bool, "VARBINARY": bytes}


def _calls() -> list[tuple[str, ExternalCall]]:
    if not has_runtime_wheel():
        return []
    files = [path for path in sorted(SQL.rglob("*.sql")) if path.parent != SQL]
    found = [(path, external_calls(parse(path.read_text(encoding="utf-8")))) for path in files]
    # RunOnDataset runs what its caller gives, and nothing of ours but its last lines.
    return [(path.stem, call) for path, calls in found for call in calls if path.stem != "RunOnDataset"]


@cache
def _trained() -> dict[str, Any]:
    [call] = [call for name, call in _calls() if name == "TrainModel"]
    return as_module(call.script or "", samples.inputs_of_training())


@cache
def _trained_images() -> dict[str, Any]:
    [call] = [call for name, call in _calls() if name == "TrainImageClassifier"]
    return as_module(call.script or "", samples.inputs_of_training_images())


INPUTS: dict[str, Callable[[], dict[str, Any]]] = {
    "04_featurize_images": samples.inputs_of_image_classes,
    "AddSimilarRows": question_samples.inputs_of_adding_rows,
    "CheckRuntime": dict,
    "CheckTransform": question_samples.inputs_of_picture_steps,
    "ClusterScans": question_samples.inputs_of_clustering,
    "CompareScores": samples.inputs_of_comparing,
    "CompareVectors": samples.inputs_of_similar_patients,
    "CompareInDetail": question_samples.inputs_of_contrasting,
    "CreateEnsemble": lambda: samples.inputs_of_ensemble(_trained()),
    "ExplainRegions": question_samples.inputs_of_regions,
    "ExplainScans": lambda: question_samples.inputs_of_explaining(_trained()),
    "DrawSlices": question_samples.inputs_of_drawing_slices,
    "FeatureImportance": lambda: question_samples.inputs_of_importance(_trained()),
    "FeaturizeImages": samples.inputs_of_images,
    "FindLungs": volume_samples.inputs_of_lungs,
    "FindSimilarRows": question_samples.inputs_of_similar_rows,
    "FindTopTriples": question_samples.inputs_of_top_triples,
    "GenerateFeatures": samples.inputs_of_features,
    "KeepMaps": question_samples.inputs_of_keeping_maps,
    "MaximiseImage": question_samples.inputs_of_maximising,
    "MeasureDrift": lambda: samples.inputs_of_drift(_trained()),
    "MeasureEvaluation": samples.inputs_of_evaluation,
    "MeasureNodules": volume_samples.inputs_of_measuring_nodules,
    "MeasureInspected": question_samples.inputs_of_inspecting,
    "MeasureExperiment": samples.inputs_of_measuring,
    "PlanMaps": question_samples.inputs_of_planning_maps,
    "PoolFeatures": volume_samples.inputs_of_pooling,
    "PredictImages": lambda: samples.inputs_of_predicting_images(_trained_images()),
    "PredictLungCancer": lambda: samples.inputs_of_prediction(_trained()),
    "PreviewPreprocessing": question_samples.inputs_of_preview,
    "PredictPatients": lambda: samples.inputs_of_many_predictions(_trained()),
    "RegisterExtensions": dict,
    "RefreshBinaryVectors": samples.inputs_of_binary_vectors,
    "RefreshStandardVectors": question_samples.inputs_of_standard_vectors,
    "RenderMap": question_samples.inputs_of_rendering,
    "RepeatExperiment": samples.inputs_of_training,
    "RunSearch": samples.inputs_of_running_trials,
    "ScoreEvaluated": lambda: samples.inputs_of_evaluated_predictions(_trained()),
    "ScoreCrops": volume_samples.inputs_of_stage,
    "SearchModels": samples.inputs_of_making_trials,
    "SimilarReports": question_samples.inputs_of_similar_reports,
    "SimilarToSlices": question_samples.inputs_of_new_slices,
    "ReadModelNodes": lambda: samples.inputs_of_nodes(_trained()),
    "StorePreprocessing": question_samples.inputs_of_steps,
    "TrainImageClassifier": samples.inputs_of_training_images,
    "TrainModel": samples.inputs_of_training,
    "TransformImages": question_samples.inputs_of_transforming,
}


@pytest.fixture(scope="module", params=_calls(), ids=lambda item: f"{item[0]} line {item[1].line}")
def ran(request: pytest.FixtureRequest) -> tuple[ExternalCall, dict[str, Any], dict[str, dict[str, Any]]]:
    """A call, its sample inputs, and its names after running in each context."""
    name, call = request.param
    if name not in INPUTS:
        pytest.fail(f"{name} has no sample inputs: add them to tests/sql/samples.py")
    inputs = INPUTS[name]()
    declared = {parameter.name for parameter in call.declared or () if not parameter.is_output}
    queried = {parameter for parameter in declared if f"@{parameter}" in (call.query or "")}
    frame = {call.input_name} if call.has_query else set()
    # What the query reads, the script may read too.
    assert declared - queried | frame <= inputs.keys() <= declared | frame
    return call, inputs, {context: run(call.script or "", inputs) for context, run in CONTEXTS.items()}


Ran = tuple[ExternalCall, dict[str, Any], dict[str, dict[str, Any]]]


_COSTS = {"CpuSeconds", "PeakMegabytes"}  # never the same twice


def _results(call: ExternalCall, names: dict[str, Any]) -> dict[str, Any]:
    outputs = [each.name for each in call.declared or () if each.is_output and each.name not in _COSTS]
    return {name: names[name] for name in [*outputs, *([call.output_name] if call.row_columns else [])]}


def test_the_three_contexts_agree(ran: Ran) -> None:
    """A module's globals, a function's body, and globals apart from locals give the same values and rows."""
    call, _, by_context = ran
    expected = _results(call, by_context["module"])
    assert expected
    for context, names in by_context.items():
        for name, value in _results(call, names).items():
            if isinstance(value, pd.DataFrame):
                pd.testing.assert_frame_equal(value, expected[name], check_exact=True)
            else:
                assert _timeless(value) == _timeless(expected[name]), f"{name} in the context {context}"


_HEX_COLUMN = re.compile(r"CONVERT\(VARCHAR\(MAX\), (?:[\w.]+|COALESCE\([\w., ]+\)), 2\) AS (\w+)", re.I)


def test_bytes_give_what_their_hexadecimal_text_gives(ran: Ran) -> None:
    """The embedded engine hands on bytes where a query of ours writes a binary column as text."""
    call, inputs, by_context = ran
    columns = _HEX_COLUMN.findall(call.query or "")
    if not columns or hashlib.sha256((call.script or "").encode()).digest() not in script_hashes():
        return
    frame = inputs[call.input_name].copy()
    for column in columns:
        frame[column] = pd.Series(list(map(bytes.fromhex, frame[column])), index=frame.index, dtype=object)
    given = _results(call, as_module(call.script or "", {**inputs, call.input_name: frame}))
    for name, value in _results(call, by_context["module"]).items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(given[name], value, check_exact=True)
        else:
            assert _timeless(given[name]) == _timeless(value)


def test_some_column_of_ours_is_hexadecimal_text() -> None:
    """The rule above is about real columns."""
    found = {name for name, call in _calls() if _HEX_COLUMN.search(call.query or "")}
    assert {"GenerateFeatures", "FeaturizeImages", "CompareVectors"} <= found


def _timeless(value: Any) -> Any:
    """Leave out how long work took."""
    times = r'"(?:seconds|call|preparing|keeping)": [0-9.e-]+|, [0-9.]+ s\.$'
    return re.sub(times, "", value) if isinstance(value, str) else value


def test_small_good_input_is_not_refused(ran: Ran) -> None:
    """The comparison is of real results: no error number, no failed scan, no empty result."""
    call, _, by_context = ran
    names = by_context["module"]
    assert names.get("ErrorNumber", 0) == 0, names["ErrorMessage"]
    if call.row_columns:
        rows = names[call.output_name]
        assert len(rows) > 0
        assert "error" not in rows or set(rows["error"]) == {""}


def test_output_values_are_plain_and_of_the_declared_type(ran: Ran) -> None:
    """The runtime turns a numpy scalar, or a float given to an INT, into NULL without a word."""
    call, _, by_context = ran
    names = by_context["module"]
    for parameter in call.declared or ():
        if parameter.is_output:
            wanted = PLAIN_TYPES.get(parameter.type.partition("(")[0], str)
            assert type(names[parameter.name]) is wanted, parameter.name


def test_text_that_comes_back_is_ascii(ran: Ran) -> None:
    """Microsoft's extension damages any other in a result column; the samples' patients have no ASCII in their ids."""
    call, _, by_context = ran
    for value in _results(call, by_context["module"]).values():
        if isinstance(value, pd.DataFrame):
            texts = [cell for name in value for cell in value[name] if isinstance(cell, str)]
        else:
            texts = [value] if isinstance(value, str) else []
        assert all(text.isascii() for text in texts)


def test_messages_are_cut_to_what_the_call_declares(ran: Ran) -> None:
    """The function's own lengths are those of the parameters that take its messages, NVARCHAR(2000) and the like."""
    call, _, _ = ran
    found = re.search(r"from lungdb\.procedures import (.+)", call.script or "")
    if found is None:
        return
    # What measures a function gives its outputs, and two more at the end.
    (imported,) = set(found[1].split(", ")) - {"measured"}
    function = getattr(lungdb.procedures, imported)
    names = re.findall(r"^(\w+(?:, \w+)*) = main\(", call.script or "", re.M)[0].split(", ")
    declared = {parameter.name: parameter.type for parameter in call.declared or () if parameter.is_output}
    for place, length in function.outputs.items():
        assert declared[names[place]] == f"NVARCHAR({length})"
    if "ErrorMessage" in names:
        assert names.index("ErrorMessage") in function.outputs


def test_rows_have_the_columns_that_the_t_sql_stores(ran: Ran) -> None:
    """INSERT … EXECUTE goes by position alone, so names and order are compared here; the runtime takes the dtypes."""
    call, _, by_context = ran
    rows = by_context["module"].get(call.output_name)
    assert (None if rows is None else tuple(rows.columns)) == call.row_columns
    assert rows is None or {str(dtype) for dtype in rows.dtypes} <= COLUMN_TYPES


def test_the_sample_rows_have_the_columns_of_the_query(ran: Ran) -> None:
    """What the script is tried with is what its query would send, by name and order."""
    call, inputs, _ = ran
    sent = inputs.get(call.input_name)
    assert (None if sent is None else list(sent.columns)) == (query_columns(call.query) if call.query else None)


def test_a_function_beside_main_fails_where_locals_are_apart() -> None:
    """Why the house wants one main(): what it calls at the top is not found there."""
    script = "def half(x):\n    return x / 2\n\ndef main(x):\n    return half(x)\n\nResult = main(Number)\n"
    assert as_module(script, {"Number": 8})["Result"] == 4
    assert as_function_body(script, {"Number": 8})["Result"] == 4
    with pytest.raises(NameError, match="half"):
        with_locals_apart(script, {"Number": 8})


def test_a_global_statement_fails_in_a_function_body() -> None:
    """The contexts differ for such a script, so the comparison can fail."""
    script = "def main():\n    global Count\n    Count = 2\n    return 1\n\nCount = 0\nResult = main()\n"
    assert as_module(script, {})["Count"] == 2
    assert as_function_body(script, {})["Count"] == 0
