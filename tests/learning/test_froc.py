"""Free-response ROC follows LUNA16's rules, worked by hand and written again by its script's own steps."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_curve

from lungdb.learning.froc import RATES, Findings, froc

NAN = float("nan")


def scan(nodules=(), candidates=(), irrelevant=()):
    """Make the findings of a scan; each is four numbers."""
    return Findings(*(np.array(one, dtype=np.float64).reshape(-1, 4) for one in (nodules, irrelevant, candidates)))


def sensitivities(found):
    """Give those at the seven rates."""
    return [point.sensitivity for point in found.points]


# Scan A: a nodule of 10 mm. 0.9 and 0.95 lie in it: 0.95 counts, 0.9 is repeated. 0.7 lies 5 mm away, which is not
#         nearer than the radius: a false alarm, as 0.6 is.
# Scan B: a nodule of 6 mm that nothing hits. 0.99 lies 4.9 mm from an irrelevant finding without a diameter, which
#         counts as one of 10 mm: ignored. 0.3 lies 5 mm from it: a false alarm.
# Scan C: nothing. Scan D: a nodule that 0.6 hits.
# From the highest score down, of 3 nodules and 4 scans: 0.95 a hit: 1/3 at 0; 0.7: 1/3 at 1/4; 0.6 a hit and a false
# alarm at once: 2/3 at 1/2; 0.3: 2/3 at 3/4.
WORKED = [
    scan([(0, 0, 0, 10)], [(1, 0, 0, 0.9), (0, 2, 0, 0.95), (0, 0, 5, 0.7), (50, 0, 0, 0.6)]),
    scan([(0, 0, 0, 6)], [(34.9, 0, 0, 0.99), (35, 0, 0, 0.3)], [(30, 0, 0, NAN)]),
    scan(),
    scan([(-7, 8, 9, 8)], [(-7, 8, 9, 0.6)]),
]


def test_the_case_worked_by_hand():
    """1/3 at 1/8 and 1/4, 2/3 from 1/2 on, which is 4/7 in the mean."""
    found = froc(WORKED, seed=1)
    assert sensitivities(found) == pytest.approx([1 / 3, 1 / 3, *[2 / 3] * 5])
    assert found.mean.sensitivity == pytest.approx(4 / 7)
    assert (found.scans, found.nodules, found.hits, found.candidates) == (4, 3, 2, 7)
    assert (found.repeated, found.ignored, found.false_alarms, found.beyond) == (1, 1, 3, 0)


def test_scans_without_anything_count():
    """Four more halve the false alarms a scan: 1/3 at 1/8 still, 2/3 at 1/4 already."""
    assert sensitivities(froc([*WORKED, *[scan()] * 4], seed=1)) == pytest.approx([1 / 3, *[2 / 3] * 6])


def test_between_points_it_is_a_line():
    """A hit and two false alarms of one score lead from 0 at 0 straight to 1 at 2 a scan."""
    one = scan([(0, 0, 0, 4)], [(0, 0, 0, 0.5), (20, 0, 0, 0.5), (40, 0, 0, 0.5)])
    assert sensitivities(froc([one], seed=1)) == pytest.approx([min(1.0, rate / 2) for rate in RATES])


def test_a_candidate_in_two_nodules_hits_both_and_one_on_both_kinds_is_a_hit():
    """As in the script, which takes it from the false alarms once."""
    both = scan([(0, 0, 0, 8), (3, 0, 0, 8)], [(1.5, 0, 0, 0.4)], [(1, 0, 0, 8)])
    found = froc([both], seed=1)
    assert (found.hits, found.repeated, found.ignored, found.false_alarms) == (2, 0, 0, 0)
    assert sensitivities(found) == [1.0] * 7


def test_the_most_of_a_scan_are_those_above_the_first_that_does_not_count():
    """Of 0.1 to 0.5 two: 0.5 and 0.4. Of three equal ones two would be chosen by chance, and none is."""
    one = scan([(0, 0, 0, 4)], [(0, 0, 0, 0.1), *[(20.0 * place, 0, 0, place / 10) for place in (2, 3, 4, 5)]])
    found = froc([one], seed=1, most_per_scan=2)
    assert (found.false_alarms, found.hits, found.beyond) == (2, 0, 3)
    equal = scan([(0, 0, 0, 4)], [(20.0 * place, 0, 0, 0.3) for place in (1, 2, 3)])
    assert froc([equal], seed=1, most_per_scan=2).beyond == 3
    assert froc([equal], seed=1, most_per_scan=3).beyond == 0


def test_without_a_nodule_there_is_no_sensitivity_and_without_a_hit_it_is_zero():
    """Neither is a number that something else could be taken for."""
    empty = froc([scan([], [(0, 0, 0, 0.5)])], seed=1)
    assert {(point.sensitivity, point.low, point.high) for point in (*empty.points, empty.mean)} == {(None, None, None)}
    missed = froc([scan([(0, 0, 0, 4)], [(9, 0, 0, 0.5)])], seed=1)
    assert {(point.sensitivity, point.low, point.high) for point in (*missed.points, missed.mean)} == {(0, 0, 0)}


def by_the_scripts_steps(scans):
    """Evaluate as the script does, on scikit-learn's ROC curve; nodules without a candidate are left out of that."""
    truth, scores, missed = [], [], 0
    for one in scans:
        left = dict(enumerate(one.candidates))
        for finding, is_nodule in [(each, True) for each in one.nodules] + [(each, False) for each in one.irrelevant]:
            radius = (10.0 if np.isnan(finding[3]) else finding[3]) / 2
            inside = [
                place
                for place, candidate in enumerate(one.candidates)
                if sum((candidate[:3] - finding[:3]) ** 2) < radius**2
            ]
            for place in inside:
                left.pop(place, None)
            if is_nodule and inside:
                truth.append(1)
                scores.append(max(one.candidates[place][3] for place in inside))
            elif is_nodule:
                missed += 1
        for candidate in left.values():
            truth.append(0)
            scores.append(candidate[3])
    alarms, found, _ = roc_curve(truth, scores)
    per_scan = alarms * truth.count(0) / len(scans)
    return np.interp(RATES, per_scan, found * truth.count(1) / (truth.count(1) + missed))


@pytest.mark.parametrize("seed", range(8))
def test_curves_are_those_of_the_scripts_own_steps(seed):
    """On findings at random, with ties, overlaps and irrelevant ones."""
    rng = np.random.default_rng(seed)

    def some(count, last):
        return np.column_stack([rng.uniform(0, 40, (count, 3)), last(count)])

    scans = [
        Findings(
            some(rng.integers(0, 4), lambda count: rng.uniform(3, 30, count)),
            some(rng.integers(0, 3), lambda count: np.where(rng.random(count) < 0.5, NAN, 12.0)),
            some(rng.integers(0, 12), lambda count: rng.random(count).round(1)),
        )
        for _ in range(12)
    ]
    found = froc(scans, seed=1, resamples=200)
    assert sensitivities(found) == pytest.approx(by_the_scripts_steps(scans), abs=1e-12)
    curve = sensitivities(found)
    assert curve == sorted(curve)
    assert found.mean.sensitivity == pytest.approx(np.mean(curve))
    assert found.candidates == found.false_alarms + found.ignored + sum(
        bool(np.any(((one.nodules[:, :3] - candidate[:3]) ** 2).sum(axis=1) < (one.nodules[:, 3] / 2) ** 2))
        for one in scans
        for candidate in one.candidates
    )


def test_intervals_are_those_of_drawing_scans():
    """Where each scan has one nodule, found for certain or missed, sensitivity is a share: binomial."""
    hit, miss = scan([(0, 0, 0, 4)], [(0, 0, 0, 0.9)]), scan([(0, 0, 0, 4)])
    found = froc([hit] * 60 + [miss] * 20, seed=3, resamples=4000)
    low, high = stats.binom(80, 0.75).ppf([0.025, 0.975]) / 80
    for point in (*found.points, found.mean):
        assert point.sensitivity == pytest.approx(0.75)
        assert (point.low, point.high) == pytest.approx((low, high), abs=1.01 / 80)
    assert froc([hit] * 60 + [miss] * 20, seed=3, resamples=4000) == found
