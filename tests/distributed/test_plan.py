"""`lungdb plan`: what it says follows from the rates that it prints, and rates are of something measured."""

from __future__ import annotations

import math
import re

import pytest

from lungdb.cli import plan
from lungdb.distributed.plan import Cohort, Rates, cost_of, lines_of
from tests.support.fixtures import DEMO_NETWORK

NUMBER = r"([0-9.e+,]+)"


def _printed(text: str, what: str, unit: str = "") -> float:
    [found] = re.findall(rf"^  {what} +{NUMBER} {unit}", f"{text}\n", re.MULTILINE)
    return float(found.replace(",", ""))


def test_a_cost_is_what_a_hand_computes() -> None:
    """36,000 slices at 10 and 40 a second are 3,600 and 900 seconds, which is 1.25 hours of one core."""
    rates = Rates(16, 10.0, 40.0, 5.0, 500_000.0, 200_000.0, 100.0, 1_000.0, 64.0)
    cost = cost_of(rates, Cohort(360, 100, 0.5))
    assert cost.core_hours == pytest.approx(1.25)
    assert cost.executors == 3
    assert cost.dicom_bytes == 18_000_000_000
    assert cost.parquet_bytes == 3_600_000 + 360 * 256
    assert cost.features_bytes == 3_600_000 + 360_000
    assert cost.slices_bytes == 7_200_000_000
    assert cost.load_seconds == 72
    assert cost_of(rates, Cohort(360, 100)).executors is None
    assert cost_of(rates, Cohort(1, 1, 100.0)).executors == 1


def test_what_is_printed_says_what_is_not_measured() -> None:
    """And executors only where there is a deadline."""
    rates = Rates(16, 10.0, 40.0, 5.0, 500_000.0, 200_000.0, 100.0, 1_000.0, 64.0)
    text = "\n".join(lines_of(rates, Cohort(360, 100)))
    assert "Not measured: other machines" in text
    assert "executors of one core" not in text
    assert "to be done in 0.5 hours" in "\n".join(lines_of(rates, Cohort(360, 100, 0.5)))


@pytest.mark.slow
def test_the_command_measures_and_what_it_says_follows_from_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """With the network of the demo."""
    given = ["--series", "1000", "--slices", "200", "--network", str(DEMO_NETWORK), "--deadline", "2"]
    assert plan.main(given) == 0
    text = capsys.readouterr().out
    read, featurized = _printed(text, "read and decoded"), _printed(text, "features")
    hours = 200_000 * (1 / read + 1 / featurized) / 3600
    assert _printed(text, "work") == pytest.approx(hours, rel=1e-4)
    assert abs(_printed(text, "executors of one core") - math.ceil(hours / 2)) <= 1
    assert _printed(text, "to load the features") == pytest.approx(1000 / _printed(text, "features inserted"), rel=1e-4)
    assert _printed(text, "DICOM", "bytes/slice") == pytest.approx(512 * 512 * 2, rel=0.02)
    assert "64 numbers" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--series", "0"], "--series 0 is not supported; give 1 to 1,000,000,000"),
        (["--slices", "-3"], "--slices -3 is not supported"),
        (["--deadline", "0"], "--deadline 0 is not supported; give hours above 0"),
        (["--deadline", "nan"], "--deadline nan is not supported"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """Before anything is measured."""
    with pytest.raises(SystemExit) as caught:
        plan.main(["--series", "10", "--slices", "10", "--network", "none.onnx", *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "none.onnx"], "none.onnx"),
        (["--layer", "nowhere"], "nowhere"),
        (["--pooling", "median"], "median"),
    ],
)
def test_a_network_layer_or_pooling_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """With a sentence."""
    assert plan.main(["--series", "10", "--slices", "10", "--network", str(DEMO_NETWORK), *options]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert "Extrapolated" not in said.out
