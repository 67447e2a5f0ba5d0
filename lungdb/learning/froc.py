"""Free-response ROC: how many nodules a detector finds, at how many false alarms a scan.

The rules are those by which LUNA16 evaluates (Setio et al., Validation, comparison, and combination of algorithms for
automatic detection of pulmonary nodules in computed tomography images: the LUNA16 challenge, Medical Image Analysis
2017, and the evaluation script that it publishes, noduleCADEvaluationLUNA16.py):

- A candidate hits a finding if it lies nearer to its centre than its radius; a finding without a diameter has one of
  10 mm.
- Of several candidates that hit one nodule the highest score counts, and the others are neither hits nor false alarms.
- Candidates that hit an irrelevant finding, and no nodule, are neither.
- All scans count, also those without a candidate or a nodule. Of a scan the 100 candidates with the highest scores.
- Between the points of the curve sensitivity is interpolated; beyond the last one it stays.

Two things differ from the script, both where it gives no number: without a hit the sensitivity is 0, and samples of the
bootstrap without a nodule do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False alarms a scan at which the sensitivity is read; the mean of the seven is LUNA16's score."""
RESAMPLES = 1000
MOST_PER_SCAN = 100
UNKNOWN_DIAMETER = 10.0

_SHARE_BELOW, _SHARE_ABOVE = 0.025, 0.975

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Findings:
    """What readers and a detector found in a scan.

    Attributes
    ----------
    nodules, irrelevant : float64[findings, 4]
        x, y, z of the centre and the diameter, in mm; NaN for one that is not known.
    candidates : float64[candidates, 4]
        x, y, z in mm, and the score.
    """

    nodules: Values
    irrelevant: Values
    candidates: Values


@dataclass(frozen=True)
class Point:
    """The sensitivity at a rate of false alarms.

    Attributes
    ----------
    rate : float or None
        False alarms a scan; None for the mean over `RATES`.
    sensitivity : float or None
        None where there is no nodule.
    low, high : float or None
        95 % interval by bootstrap over scans; None where it is not defined.
    """

    rate: float | None
    sensitivity: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Froc:
    """A detector, measured.

    Attributes
    ----------
    scans, nodules, hits, candidates : int
        Nodules of which any candidate hits one are `hits`; `candidates` were given before the most of a scan were
        chosen.
    repeated, ignored, false_alarms, beyond : int
        Candidates: on a nodule that a higher score hits; on irrelevant findings; on nothing; more than a scan may have.
    points : tuple of Point
        One a rate.
    mean : Point
        Of the seven.
    """

    scans: int
    nodules: int
    hits: int
    candidates: int
    repeated: int
    ignored: int
    false_alarms: int
    beyond: int
    points: tuple[Point, ...]
    mean: Point


@dataclass(frozen=True)
class _Matched:
    """Of a scan: the score of each nodule that is hit, those of false alarms, and counts."""

    nodules: int
    hits: Values
    alarms: Values
    repeated: int
    ignored: int
    beyond: int


def froc(
    scans: Sequence[Findings], seed: int, resamples: int = RESAMPLES, most_per_scan: int | None = MOST_PER_SCAN
) -> Froc:
    """Measure a detector on scans.

    Parameters
    ----------
    scans : sequence of Findings
        At least one.
    seed : int
        Of the bootstrap: as many scans as there are are drawn with replacement.
    most_per_scan : int or None
        Candidates of a scan that count at most; as in the script those whose scores are equal to the first one that
        does not count go, too. None for all.
    """
    matched = [_match(one, most_per_scan) for one in scans]
    nodules = np.array([one.nodules for one in matched], dtype=np.float64)
    owners = np.concatenate([np.full(one.hits.size + one.alarms.size, place) for place, one in enumerate(matched)])
    scores = np.concatenate([np.concatenate([one.hits, one.alarms]) for one in matched])
    is_hit = np.concatenate([np.arange(one.hits.size + one.alarms.size) < one.hits.size for one in matched])
    order = np.argsort(-scores, kind="stable")
    owners, scores, is_hit = owners[order].astype(np.intp), scores[order], is_hit[order]
    last = np.append(scores[1:] != scores[:-1], True)[: scores.size]  # of each distinct score

    def sensitivities(weights: Values) -> Values | None:
        total = float(weights @ nodules)
        if not total:
            return None
        drawn = weights[owners]
        found = np.cumsum(np.where(is_hit, drawn, 0))[last] / total
        alarms = np.cumsum(np.where(is_hit, 0, drawn))[last] / len(matched)
        at_rates: Values = np.interp(RATES, np.append(0.0, alarms), np.append(0.0, found))
        return at_rates

    def draw(generator: np.random.Generator) -> Values | None:
        drawn = generator.integers(0, len(matched), len(matched))
        return sensitivities(np.bincount(drawn, minlength=len(matched)).astype(np.float64))

    whole = sensitivities(np.ones(len(matched)))
    generator = np.random.default_rng(seed)
    samples = [
        one for one in (draw(generator) for _ in range(resamples if whole is not None else 0)) if one is not None
    ]
    return Froc(
        scans=len(matched),
        nodules=int(nodules.sum()),
        hits=sum(one.hits.size for one in matched),
        candidates=sum(len(one.candidates) for one in scans),
        repeated=sum(one.repeated for one in matched),
        ignored=sum(one.ignored for one in matched),
        false_alarms=sum(one.alarms.size for one in matched),
        beyond=sum(one.beyond for one in matched),
        points=tuple(
            _point(rate, None if whole is None else whole[place], [one[place] for one in samples])
            for place, rate in enumerate(RATES)
        ),
        mean=_point(None, None if whole is None else whole.mean(), [one.mean() for one in samples]),
    )


def _point(rate: float | None, sensitivity: float | None, samples: Sequence[float]) -> Point:
    if sensitivity is None or not samples:
        return Point(rate, None if sensitivity is None else float(sensitivity), None, None)
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    low, high = (float(ordered[int(share * ordered.size)]) for share in (_SHARE_BELOW, _SHARE_ABOVE))
    return Point(rate, float(sensitivity), low, high)


def _match(scan: Findings, most: int | None) -> _Matched:
    candidates = scan.candidates
    if most is not None and len(candidates) > most:
        scores = np.sort(candidates[:, 3])[::-1]
        candidates = candidates[candidates[:, 3] > scores[most]]
    on_nodules = _near(scan.nodules, candidates)
    counts = on_nodules.sum(axis=1)
    hits = np.array([candidates[row, 3].max() for row in on_nodules[counts > 0]], dtype=np.float64)
    on_any = on_nodules.any(axis=0)
    ignored = _near(scan.irrelevant, candidates).any(axis=0) & ~on_any
    return _Matched(
        nodules=len(scan.nodules),
        hits=hits,
        alarms=candidates[~on_any & ~ignored, 3],
        repeated=int(np.clip(counts - 1, 0, None).sum()),
        ignored=int(ignored.sum()),
        beyond=len(scan.candidates) - len(candidates),
    )


def _near(findings: Values, candidates: Values) -> NDArray[np.bool_]:
    """Tell of each finding which candidates lie within its radius: bool[findings, candidates]."""
    radii = np.where(np.isnan(findings[:, 3]), UNKNOWN_DIAMETER, findings[:, 3]) / 2
    squares = ((findings[:, None, :3] - candidates[None, :, :3]) ** 2).sum(axis=2)
    return np.asarray(squares < radii[:, None] ** 2, dtype=np.bool_)
