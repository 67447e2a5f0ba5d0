"""Candidates of several tiles as candidates of a scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lungdb.networks.detecting.boxes import shared, sizes_of
from lungdb.networks.detecting.candidates import Candidates, no_candidates

_COMPARED = 10  # times as many as may stay are compared with each other, the most probable ones
_WITHIN = 0.5  # of the smaller box: a nodule that a tile cuts lies in what another tile sees of it


def merge(found: Sequence[Candidates], overlap: float = 0.1, most: int = 300) -> Candidates:
    """Count what tiles that overlap see twice once, the most probable candidates first.

    Two candidates of different tiles are one nodule where their boxes share more than a part of their union, where the
    centre of one lies within the other's radius, or where half of the smaller box lies in the larger one and one of
    them is cut off by the border of its tile. The place and size are those of what a tile sees whole, else of the more
    probable; the score is the highest that any tile gave. Of one tile all stay: its form declares what of it is one.

    Parameters
    ----------
    found : sequence of Candidates
        Of the tiles of one scan.
    overlap : float
        Part of the union, 0 to 1.
    most : int
        Candidates of a scan at most.
    """
    every = _joined(found)
    tiles = np.repeat(np.arange(len(found)), [len(each) for each in found])
    if len(every) > _COMPARED * most:
        compared = np.argsort(-every.scores, kind="stable")[: _COMPARED * most]
        every, tiles = every.taken(compared), tiles[compared]
    whole = np.ones(len(every), bool) if every.whole is None else every.whole
    boxes = np.concatenate([every.centres - every.sides / 2, every.centres + every.sides / 2], axis=1)
    volumes, scores = sizes_of(boxes), every.scores.copy()
    left = np.lexsort((-every.scores, ~whole))
    kept: list[int] = []
    while len(left):
        first, left = int(left[0]), left[1:]
        kept.append(first)
        both = shared(boxes[first], boxes[left])
        same = both > overlap * (volumes[first] + volumes[left] - both)
        apart = np.linalg.norm(every.centres[left] - every.centres[first], axis=1)
        same |= apart < np.maximum(every.diameters[left], every.diameters[first]) / 2
        is_cut = ~(whole[left] & whole[first])
        same |= is_cut & (both > _WITHIN * np.minimum(volumes[left], volumes[first]))
        same &= tiles[left] != tiles[first]
        scores[first] = max(scores[first], scores[left[same]].max(initial=0.0))
        left = left[~same]
    chosen = np.asarray(kept, np.intp)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")[:most]]
    merged = every.taken(chosen)
    return Candidates(merged.centres, merged.sides, merged.diameters, merged.volumes, scores[chosen])


def _joined(found: Sequence[Candidates]) -> Candidates:
    if not found:
        return no_candidates()
    whole: list[NDArray[np.bool_]] = [np.ones(len(each), bool) if each.whole is None else each.whole for each in found]
    return Candidates(
        np.concatenate([each.centres for each in found]),
        np.concatenate([each.sides for each in found]),
        np.concatenate([each.diameters for each in found]),
        np.concatenate([each.volumes for each in found]),
        np.concatenate([each.scores for each in found]),
        np.concatenate(whole),
    )
