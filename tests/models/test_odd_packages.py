"""What a package's own object may be at its oddest: told with the package, and in the way of nothing of lungdb's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.steps.pipelines import recipe
from lungdb.learning.algorithms import find_algorithm
from lungdb.learning.parameters import read_parameters
from lungdb.learning.pooling import check_packages
from lungdb.learning.training import train
from lungdb.procedures import list_extensions
from tests.support.packages import write_package

MODULE = """
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lungdb.imaging.steps.registry import Step
from lungdb.learning.algorithms import Algorithm, Bound


class Raises:
    def __getattribute__(self, name):
        raise ZeroDivisionError("looked at")


class Items(dict):
    def items(self):
        raise ZeroDivisionError("looked at")


def middle(features):
    return np.median(features, axis=0)


def fit(vectors, labels, parameters, seed):
    # exp(x) / exp(x): 1, but no number where float32 holds no exp(x).
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["x", "first"], ["f"], axis=1),
            helper.make_node("Exp", ["f"], ["e"]),
            helper.make_node("Div", ["e", "e"], ["p"]),
        ],
        "overflows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", vectors.shape[1]])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.array([0], dtype=np.int64), "first")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _check(arguments):
    arguments.given["none"] + 1


def _numbers(arguments):
    arguments.checked["size"] = object()


OVERFLOWS = Algorithm(fit)
NONE = Algorithm(fit, None)
TEXTS = Algorithm(fit, {"depth": Bound("x", "y", "z")})
NO_LOW = Algorithm(fit, {"depth": Bound(None, 3, 1)})
HUGE = Algorithm(fit, {"depth": Bound(0, 10**400, 1)})
NAN = Algorithm(fit, {"depth": Bound(0.0, float("nan"), 1.0)})
NUMBERED = Algorithm(fit, {1: Bound(0, 1, 0)})
RAISES = Algorithm(fit, Items(depth=Bound(0, 1, 0)))
BREAKS = Raises()
NO_FUNCTIONS = Step(1, 2)
FAILS = Step(_check, lambda image, arguments: image)
NO_JSON = Step(_numbers, lambda image, arguments: image)
"""


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Install the package with one entry point."""

    def install(group: str, entry: str) -> None:
        site = write_package(tmp_path / "site", "odd_objects", MODULE, f"[lungdb.{group}]\n{entry}\n")
        monkeypatch.syspath_prepend(site)

    return install


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("NONE", "no names with a Bound each"),
        ("TEXTS", "bounds of its parameter depth"),
        ("NO_LOW", "bounds of its parameter depth"),
        ("HUGE", "bounds of its parameter depth"),
        ("NAN", "bounds of its parameter depth"),
        ("NUMBERED", "no names with a Bound each"),
        ("RAISES", "ZeroDivisionError: looked at"),
        ("BREAKS", "ZeroDivisionError: looked at"),
    ],
)
def test_an_odd_algorithm_is_refused_with_its_package(
    registered: Callable[[str, str], None], entry: str, reason: str
) -> None:
    """When it is found for training, and when RegisterExtensions lists it."""
    registered("algorithms", f"odd = odd_objects:{entry}")
    with pytest.raises(ProcedureError) as caught:
        find_algorithm("odd")
    assert caught.value.number == ErrorNumber.NOT_REGISTERED
    frame, number, message = list_extensions()
    assert (len(frame), number) == (0, 50394)
    for text in (message, caught.value.message):
        assert "lungdb-extra 1.2" in text
        assert reason in text


def test_a_step_without_functions_is_not_listed(registered: Callable[[str, str], None]) -> None:
    """RegisterExtensions tells it, before a preprocessing is stored with it."""
    registered("steps", "odd = odd_objects:NO_FUNCTIONS")
    _, number, message = list_extensions()
    assert number == 50394
    assert "'odd' of the package lungdb-extra 1.2 cannot be used: its check or its apply is no function" in message


@pytest.mark.parametrize(("entry", "reason"), [("FAILS", "KeyError"), ("NO_JSON", "TypeError")])
def test_a_step_that_fails_over_its_arguments_is_refused_with_its_package(
    registered: Callable[[str, str], None], entry: str, reason: str
) -> None:
    """Whatever it raises, or makes of them."""
    registered("steps", f"odd = odd_objects:{entry}")
    with pytest.raises(ProcedureError, match=reason) as caught:
        recipe('[{"step": "odd"}]')
    assert caught.value.number == ErrorNumber.NOT_REGISTERED
    assert "lungdb-extra 1.2" in caught.value.message


def test_a_pooling_with_a_name_of_lungdbs_is_in_nobodys_way(registered: Callable[[str, str], None]) -> None:
    """Features are made with lungdb's own; another name still has to be registered."""
    registered("poolings", "mean = odd_objects:middle\nown = odd_objects:middle")
    check_packages(["mean", "max"], {})
    check_packages(["mean"], {"mean": "lungdb-extra 0.1"})
    with pytest.raises(ProcedureError) as caught:
        check_packages(["mean", "own"], {})
    assert caught.value.number == ErrorNumber.NOT_REGISTERED


@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("patient", [7, 50])
def test_a_model_that_gives_no_number_for_one_patient_is_told_with_its_package(
    registered: Callable[[str, str], None], folds: int, patient: int
) -> None:
    """Not among the first of them; learnt from or held out."""
    registered("algorithms", "odd = odd_objects:OVERFLOWS")
    vectors = np.random.default_rng(2).normal(size=(60, 4)).astype(np.float32)
    vectors[patient] = 100  # exp of which no float32 holds
    with pytest.raises(ProcedureError) as caught:
        train(vectors, np.arange(60) % 2, read_parameters(f'{{"algorithm": "odd", "folds": {folds}}}'))
    assert caught.value.number == ErrorNumber.UNFIT_ALGORITHM
    assert "lungdb-extra 1.2" in caught.value.message
    assert "no probability" in caught.value.message
