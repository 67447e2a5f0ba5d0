"""The interval of a share is that of SciPy's exact binomial test, and holds what it promises."""

from __future__ import annotations

import pytest
from lungdb_web.intervals import exact_interval
from scipy.stats import binom, binomtest


@pytest.mark.parametrize(
    ("hits", "of"), [(2, 20), (0, 20), (20, 20), (8, 20), (1, 1), (0, 1), (19, 20), (137, 1000), (3, 50_000)]
)
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_the_interval_is_scipys_by_the_exact_method(hits: int, of: int, level: float) -> None:
    """To ten digits."""
    wanted = binomtest(hits, of).proportion_ci(confidence_level=level, method="exact")
    assert exact_interval(hits, of, level) == pytest.approx((wanted.low, wanted.high), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_it_holds_the_true_share_in_at_least_95_of_100_draws(share: float) -> None:
    """Counted over all outcomes of 20 with their chances, not drawn."""
    held = sum(
        binom.pmf(hits, 20, share)
        for hits in range(21)
        if exact_interval(hits, 20)[0] <= share <= exact_interval(hits, 20)[1]
    )
    assert held >= 0.95


@pytest.mark.parametrize(("hits", "of"), [(-1, 20), (21, 20), (0, 0)])
def test_what_is_no_share_is_refused(hits: int, of: int) -> None:
    """A programmer's error."""
    with pytest.raises(ValueError, match="is no share"):
        exact_interval(hits, of)
