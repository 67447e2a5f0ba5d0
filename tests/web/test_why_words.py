"""What a page says of why a score is what it is, without a database: signs, bars, sentences, and what is left out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from lungdb_web import why
from lungdb_web.formatting import value
from lungdb_web.queries import installed as absences
from lungdb_web.queries.reasons import Contribution, ExplainedModel, Reasons, Triple, explain, read_reasons

from lungdb.database import ResultSet, sql_directory
from lungdb.errors import SqlError


@pytest.mark.parametrize(
    ("library", "refusals", "calls"),
    [
        ("lightgbm", [], [(1, 32)]),
        ("lightgbm", [50371], [(1, 32), (0, 32)]),
        ("lightgbm", [50372], [(1, 32), (1, 0)]),
        ("lightgbm", [50371, 50372], [(1, 32), (0, 32), (0, 0)]),
        ("lightgbm", [50372, 50371], [(1, 32), (1, 0), (0, 0)]),
        ("network", [50372], [(1, 32), (0, 0)]),
        ("ensemble", [50372, 50372], [(1, 32), (1, 0), (0, 0)]),
        ("ensemble", [50372, 50101], [(1, 32), (1, 0), (0, 0)]),
        ("onnx", [], [(0, 32)]),
        ("onnx", [50372], [(0, 32), (0, 0)]),
    ],
)
def test_what_cannot_be_told_of_a_model_is_left_out(
    library: str, refusals: list[int], calls: list[tuple[int, int]]
) -> None:
    """Contributions, estimates or both, as the library lets know; any other refusal, and the last again, is raised."""
    made: list[tuple[Any, ...]] = []
    waiting = list(refusals)

    def call(sql: str, *parameters: Any, lane: str = "pages") -> list[Any]:
        made.append(parameters[1:])
        assert lane == "comparisons"
        if waiting:
            raise SqlError(waiting.pop(0), "refused")
        return []

    here = absences.Installed(*(True,) * len(absences.Installed.__dataclass_fields__))
    explain(call, here, 1, library)
    assert made == calls
    again = refusals[-1:] if calls[-1] == (0, 0) else []
    for last in (50374, *again):
        waiting[:] = [*refusals, last]
        with pytest.raises(SqlError) as caught:
            explain(call, here, 1, library)
        assert caught.value.number == last


@pytest.mark.parametrize(("refusals", "raised"), [([50232], None), ([50232, 50232], 50232), ([50145], 50145)])
def test_what_changed_while_it_was_read_is_read_once_more(refusals: list[int], raised: int | None) -> None:
    """Then whole, or not at all; what is refused otherwise is not asked for again."""
    waiting = list(refusals)
    head = {name: 0 for name in Reasons.__dataclass_fields__ if name not in ("models", "features", "slices", "maps")}

    def call(sql: str, *parameters: Any, lane: str = "pages") -> list[ResultSet]:
        if waiting:
            raise SqlError(waiting.pop(0), "refused")
        return [ResultSet(list(head), [tuple(head.values())]), *(ResultSet([], []) for _ in range(4))]

    here = absences.Installed(*(True,) * len(absences.Installed.__dataclass_fields__))
    if raised is None:
        assert read_reasons(call, here, 1).triples == 0
    else:
        with pytest.raises(SqlError) as caught:
            read_reasons(call, here, 1)
        assert caught.value.number == raised
    assert waiting == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "+0.500"), (-1.23456, "−1.235"), (0.0, "+0.000"), (0.00042, "+0.00042"), (-1e-9, "−1e−09"), (12, "+12.000")],
)
def test_numbers_have_a_sign_and_are_never_rounded_to_nothing(value: float, text: str) -> None:
    """A minus that is one, and small ones with two digits."""
    assert why.signed(value) == text


def test_bars_say_by_their_side_and_in_words_what_raises() -> None:
    """To the right of the line what raises, to the left what lowers; the largest is longest, nothing has no bar."""
    features = [Contribution(1, 1, "a", 1.0, added, 0.0005, place, 0) for place, added in enumerate((2.0, -1.0, 0.0))]
    (_, up), (_, down), (_, none) = why.feature_bars(features)
    assert (up.x, up.width, up.direction, up.error) == (50.0, 48.0, "raises", "± 0.0005")
    assert (down.x, down.width, down.direction) == (26.0, 24.0, "lowers")
    assert (none.width, none.direction) == (0.0, "leaves")


def test_what_is_exact_is_called_so_and_estimates_are_not() -> None:
    """By the library of the model and the kind of the values, as docs/explaining.md has them."""
    trees = ExplainedModel(0, "m", 1, "lightgbm", True, 0.0, 1.0, 5)
    assert why.kind_of_features(trees, 32).startswith("Exact: TreeSHAP")
    assert why.kind_of_features(replace(trees, library="logistic"), 32).startswith("Exact: each is the coefficient")
    network = replace(trees, library="network", is_exact=False)
    assert why.kind_of_features(network, 32) == "Estimates by 32 permutations, each with its standard error."
    assert why.kind_of_features(network, 2) == "Estimates by 2 permutations, too few to have a standard error."
    share = Triple(1, 1, 0, 2, None, None, 0.5, None, None, -0.3, 3, 0)
    only = replace(share, share=None)
    assert "such as age, are this scan's own in both" in why.kind_of_slices(_reasons(share))
    assert why.kind_of_slices(_reasons(share)).startswith(
        "Exact shares. All of them sum to the margin less the one of −1.000 "
    )
    estimate = replace(share, share=None, shapley=0.5, standard_error=0.1)
    assert why.kind_of_slices(_reasons(estimate)).startswith("Estimates (Shapley values) by 32 permutations, each ")
    alone = replace(_reasons(estimate), permutations=1)
    assert "by 1 permutation, too few to have a standard error" in why.kind_of_slices(alone)
    assert why.kind_of_slices(_reasons(only)).startswith("Exact: what the margin loses")
    assert why.without(share) == "left out: −0.300, like 2 others"
    assert why.without(replace(share, tied=2)) == "left out: −0.300, like one other"
    assert why.without(replace(share, tied=1)) == "left out: −0.300"
    assert why.without(only) == ""
    assert [bar.added for _, bar in why.slice_bars([share, only])] == ["+0.500", "+0.300"]


def test_what_became_of_the_margin_is_said() -> None:
    """Calibrated and corrected, or neither; of a number nothing is said, because there is no probability."""
    whole = _reasons()
    assert why.from_margin(whole) == (
        "The margin is in log-odds, before calibration: −0.847 is 30.0 %. The score of 12.0 % is that after "
        "calibration by Platt's method, corrected to a share of positives of 1.0 %."
    )
    bare = replace(whole, calibration=None, prevalence=None, probability_percent=30.0)
    assert why.from_margin(bare).endswith("is 30.0 %. The score of 30.0 % is that, not calibrated.")
    assert why.from_margin(replace(whole, probability_percent=None, predicted=61.0)) == ""


def test_what_is_neither_0_nor_100_percent_is_not_rounded_to_it() -> None:
    """In the score, the raw score and the prevalence alike."""
    few = replace(_reasons(), raw_percent=99.99, probability_percent=0.02, prevalence=0.0004)
    said = why.from_margin(few)
    assert "−0.847 is > 99.9 %. The score of < 0.1 % is that" in said
    assert said.endswith("a share of positives of < 0.1 %.")


@pytest.mark.parametrize(
    ("number", "text"),
    [(123456.0, "123456"), (1234567890.0, "1234567890"), (-61.0, "-61"), (61.25, "61.25"), (0.1234567, "0.123457")],
)
def test_values_keep_the_digits_that_they_have(number: float, text: str) -> None:
    """All of whole numbers, six of others."""
    assert value(number) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("age", "Age in years"),
        ("pack_years", "pack_years"),
        ("demo/avgpool/lung mean 12", "Network feature 12, mean over the scan"),
        ("net/a/layer4/seed lower third 3", "Network feature 3, mean over the lowest third"),
        ("demo/x/lung thirds part 4 7", "Network feature 7, thirds part 4"),
    ],
)
def test_features_are_named_in_words_where_there_are_some(name: str, words: str) -> None:
    """A column that nobody knows keeps its name."""
    assert why.words_of(name) == words


def test_every_column_of_the_view_has_words() -> None:
    """As sql/views/scan_columns.sql names them; scan_id is what they are of."""
    text = (sql_directory() / "views" / "scan_columns.sql").read_text(encoding="utf-8")
    body = text.partition("SELECT\n")[2].partition("\nFROM")[0]
    names = re.findall(r"(?:AS |^    s\.)(\w+),?$", body, re.MULTILINE)
    assert set(names) - {"scan_id"} == set(why.COLUMNS)


def _reasons(*slices: Triple) -> Reasons:
    return Reasons(
        prediction_id=1, patient_index=0, scan_id=1, is_primary=True, model_name="m", model_version=1,
        library="lightgbm", probability_percent=12.0, raw_percent=30.0, prevalence=0.01, predicted=None,
        calibration="platt", margin=-0.847, reference_margin=-1.0, triples=len(slices), seed=1, permutations=32,
        explained_at=None, explained_by=None, scope=None, scope_reason=None, models=(),
        features=(), slices=slices, maps=(),
    )  # fmt: skip
