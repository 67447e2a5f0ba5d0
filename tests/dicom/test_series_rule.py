"""The series rule as a text, what it prefers, and the rule that a new installation has."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from lungdb.dicom.series_rule import Extent, choose_series, parse_rule, rank_series, why_not_chosen
from lungdb.errors import LungdbError

SETTINGS = Path(__file__).parents[2] / "sql" / "data" / "settings.sql"


def default_rule() -> str:
    """Read the rule off the file that installs it."""
    line = SETTINGS.read_text(encoding="utf-8").split("(N'series_rule', N'")[1].split("'),")[0]
    return line.replace("'\n            + N'", "")


@pytest.mark.parametrize(
    ("expected", "others"),
    [
        (Extent("2", 2.0, 160, None, 2.0, "B30f"), [Extent("1", 0.7, 450, None, 1.0, "B80f")]),
        (Extent("2", 1.0, 300, None, 1.25, "STANDARD"), [Extent("1", 1.0, 300, None, 1.25, "LUNG")]),
        (Extent("2", 1.0, 300, None, 1.0, "Br40d\\3"), [Extent("1", 1.0, 300, None, 1.0, "Bl57d\\3")]),
        (Extent("2", 1.0, 300, None, 2.0, "FC10"), [Extent("1", 1.0, 300, None, 2.0, "FC51")]),
        (Extent("2", 1.0, 300, None, 2.0, "C"), [Extent("1", 1.0, 300, None, 2.0, "D")]),
        (Extent("2", 1.0, 300, None, 1.0, "B50f"), [Extent("1", 1.0, 300, None, 1.0, "B80f")]),
        # Thick slices lose small nodules, whatever their kernel; of too thick ones the thinner.
        (Extent("2", 1.0, 300, None, 1.0, "B80f"), [Extent("1", 5.0, 60, None, 5.0, "B30f")]),
        (Extent("2", 3.0, 100, None, 3.0, "B80f"), [Extent("1", 5.0, 60, None, 5.0, "B30f")]),
        (Extent("2", 1.0, 300, None, 1.0, None), [Extent("1", 2.0, 150, None, 2.0, None)]),
        (Extent("2", 1.0, 300, None, None, "B30f"), [Extent("1", 1.0, 300, 70.0, 1.0, "B30f")]),
        (Extent("2", 5.0, 60, None, 5.0, "B80f"), [Extent("1", 0.5, 40, None, 0.5, "B30f")]),
    ],
)
def test_the_installed_rule_takes_thin_slices_of_a_soft_or_medium_kernel(
    expected: Extent, others: list[Extent]
) -> None:
    """Reconstructions of one study as manufacturers name them; the order in which they come does not matter."""
    rule = parse_rule(default_rule())
    for order in permutations([expected, *others]):
        assert choose_series(order, rule) == expected


def test_the_most_slices_can_count_before_the_thinnest() -> None:
    """And are then named as the reason."""
    many, thin = Extent("1", 2.0, 300), Extent("2", 1.0, 299)
    assert choose_series([many, thin], parse_rule("prefer=slices")) == many
    assert choose_series([many, thin], parse_rule("prefer=thinnest")) == many, "thin covers less than half"
    thin = Extent("2", 1.5, 299)
    assert choose_series([many, thin], parse_rule("")) == thin
    assert why_not_chosen(thin, many, [], parse_rule("prefer=slices")) == "Not chosen: the chosen one has more slices."
    assert why_not_chosen(many, thin, [], parse_rule("")) == (
        "Not chosen: the slices of the chosen one lie closer together."
    )


def test_ranking_gives_what_would_be_chosen_without_the_ones_before() -> None:
    """Without the long series the short ones are no longer short."""
    long, middle, short = Extent("1", 1.0, 300), Extent("2", 1.0, 140), Extent("3", 0.5, 150)
    assert rank_series([short, middle, long], parse_rule("")) == [long, short, middle]


def test_a_rule_is_read_whatever_its_case_order_and_spaces() -> None:
    """All parts may be left out."""
    rule = parse_rule(" Prefer = SLICES ; kernels = b3*, Standard > C ;; THICKNESS=0.5-2.5;")
    assert (rule.thickness, rule.prefers_slices) == ((0.5, 2.5), True)
    assert rule.kernels == (("b3*", "standard"), ("c",))
    empty = parse_rule("")
    assert (empty.thickness, empty.kernels, empty.prefers_slices) == (None, (), False)


WRONG = [
    "thickness=2.5-0", "thickness=2.5", "thickness=-1-2", "thickness=0-2,5", "thickness=0-1e3", "thickness=",
    "kernels=", "kernels=B3*,,C", "kernels=*", "kernels=B*0", "kernels=B 30", "kernels=B%", "kernels=B[3",
    "kernels='B'", "prefer=", "prefer=thick", "kernel=B30", "thickness=0-1;thickness=0-2", "soft",
    "kernels=" + "B30f," * 90 + "B", "thickness=0-12345", "thickness=0-1.2345", 'kernels=A"B',
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_rule_is_refused_with_how_one_is_written(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(LungdbError, match=r"cannot be read: .*Write it like thickness=0-2\.5;kernels="):
        parse_rule(text)
