"""What JSON can hold and a space of a search cannot is refused with its own number, whatever its type."""

from __future__ import annotations

import pytest

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.parameters import read_parameters
from lungdb.learning.search import SETTINGS, read_space

HUGE = "1" + "0" * 400
DEEP = "[" * 100_000
ODD = ["null", "true", "[]", '[["lightgbm"]]', '{"a": 1}', '"text"', HUGE, f"-{HUGE}", "NaN", "1e999", DEEP]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ODD)
def test_no_value_of_a_space_escapes_its_refusal(name: str, value: str) -> None:
    """In a list, and at either end of a range; a null is a value of l2 alone, chosen by validation."""
    texts = [f'{{"{name}": {{"low": 5, "high": {value}}}}}', f'{{"{name}": {{"low": {value}, "high": 5}}}}']
    if (name, value) != ("l2", "null"):
        texts.append(f'{{"{name}": [{value}]}}')
    for text in texts:
        with pytest.raises(ProcedureError) as caught:
            read_space(text)
        assert caught.value.number == ErrorNumber.SEARCH_SPACE


@pytest.mark.parametrize("text", [DEEP, f'{{"learning_rate": {HUGE}}}', f'{{"l2": -{HUGE}}}', '{"algorithm": [["a"]]}'])
def test_no_training_parameter_escapes_its_refusal(text: str) -> None:
    """The same values given to a training."""
    with pytest.raises(ProcedureError) as caught:
        read_parameters(text)
    assert caught.value.number == ErrorNumber.ARGUMENT
