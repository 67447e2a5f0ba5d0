"""Explained scores in the report: what counted most among features and triples of slices, and where in the slices."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lungdb.database import Connection, run
from lungdb.errors import SqlError
from lungdb.reporting.markup import number, paragraphs

SCORES, MAPS = 3, 2  # shown at most, of a model and of a score
_SCORES = f"""
SELECT TOP ({SCORES}) prediction_id, probability_percent, predicted, margin
FROM dbo.explained_scores
WHERE classifier_id = ?
ORDER BY maps DESC, prediction_id DESC;
"""
_FEATURES = """
SELECT TOP (5) name, feature_value, contribution
FROM dbo.explained_features
WHERE prediction_id = ? AND feature IS NOT NULL
ORDER BY ABS(contribution) DESC, member, feature;
"""
_TRIPLES = """
SELECT first_slice, last_slice, COALESCE(share, shapley, -change_without) AS added
FROM dbo.explained_slices
WHERE prediction_id = ?
ORDER BY triple;
"""
# The slices of a triple have the same map.
_MAPS = f"""
SELECT TOP ({MAPS}) MIN(slice_index), method
FROM dbo.score_maps
WHERE prediction_id = ?
GROUP BY slice_index / 3, method
ORDER BY MAX(CASE WHEN highest > -lowest THEN highest ELSE -lowest END) DESC, MIN(slice_index);
"""
_RENDER = "EXECUTE dbo.RenderMap @PredictionId = ?, @SliceIndex = ?, @Method = ?;"
_BAR, _HEIGHT = 14, 60  # pixels


@dataclass(frozen=True)
class Explained:
    """An explained score.

    Attributes
    ----------
    prediction : int
        Its number; whose it is the page does not tell.
    percent, predicted : float or None
        What was told of the patient: a probability, or of a regression the number.
    margin : float or None
    features : list of (name, value, contribution)
        Those that added most, in either direction.
    triples : list of (first slice, last slice, added)
        All of the scan, from below upward.
    maps : list of (slice index, method, PNG)
    failure : str
        Why maps could not be drawn, or empty.
    """

    prediction: int
    percent: float | None
    predicted: float | None
    margin: float | None
    features: list[tuple[str, float | None, float]]
    triples: list[tuple[int, int, float | None]]
    maps: list[tuple[int, str, bytes]]
    failure: str


def read_explained(connection: Connection, classifier: int) -> list[Explained]:
    """Read a few explained scores of a model, those with maps first."""
    found = []
    for prediction, percent, predicted, margin in run(connection, _SCORES, (classifier,))[-1].rows:
        features = [tuple(row) for row in run(connection, _FEATURES, (prediction,))[-1].rows]
        triples = [tuple(row) for row in run(connection, _TRIPLES, (prediction,))[-1].rows]
        maps, failure = [], ""
        for index, method in run(connection, _MAPS, (prediction,))[-1].rows:
            try:
                drawn = run(connection, _RENDER, (prediction, index, method))[-1].rows[0]
            except SqlError as error:
                failure = f"A map cannot be drawn: {error.message}"
                continue
            maps.append((index, method, bytes(drawn[-1])))
        found.append(Explained(prediction, percent, predicted, margin, features, triples, maps, failure))
    return found


def render_explained(scores: Sequence[Explained]) -> str:
    """Make the HTML of explained scores."""
    if not scores:
        return paragraphs(
            ["No score of this model is explained. ExplainScans explains scores, ExplainRegions makes maps."]
        )
    head = paragraphs(
        [
            "What counted in a few scores, in units of the margin (of a classifier the log-odds before calibration): "
            "above 0 raised the score. How they are computed, and what they do not say, is in docs/explaining.md."
        ]
    )
    return head + "".join(_score(score) for score in scores)


def _score(score: Explained) -> str:
    if score.percent is None:
        told = f"predicted {number(score.predicted, recorded=True, of_any_size=True)}"
    else:
        told = f"{score.percent:.1f} %"
    margin = "not recorded" if score.margin is None else f"{score.margin:+.3f}"
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{"missing" if value is None else f"{value:.4g}"}</td>'
        f'<td class="number">{added:+.4f}</td></tr>'
        for name, value, added in score.features
    )
    table = (
        "<table><thead><tr><th>Feature</th><th class='number'>Value</th><th class='number'>Added to the margin</th>"
        f"</tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    return (
        f"<h3>Score {score.prediction}: {told}, margin {margin}</h3>{table}{_strip(score.triples)}"
        f"{''.join(_map(*each) for each in score.maps)}{paragraphs([score.failure]) if score.failure else ''}"
    )


def _strip(triples: Sequence[tuple[int, int, float | None]]) -> str:
    """Draw a bar for each triple of slices, from the lowest slice on the left to the highest."""
    known = [added for _, _, added in triples if added is not None]
    largest = max((abs(added) for added in known), default=0.0)
    if not known:
        return ""
    bars = []
    for place, (first, last, added) in enumerate(triples):
        height = _HEIGHT * abs(added or 0.0) / (largest or 1.0)
        top = _HEIGHT - height if (added or 0.0) > 0 else _HEIGHT
        shown = "not known" if added is None else f"{added:+.4f}"
        colour = "#b8621b" if (added or 0.0) > 0 else "#2f6fb0"
        bars.append(
            f'<rect x="{place * _BAR}" y="{top:.1f}" width="{_BAR - 2}" height="{height:.1f}" fill="{colour}">'
            f"<title>slices {first} to {last}: {shown}</title></rect>"
        )
    width = len(triples) * _BAR
    text = f"What each of {len(triples)} triples of slices added, lowest slices left; the largest is {largest:.4f}."
    return (
        f'<figure><svg viewBox="0 0 {width} {2 * _HEIGHT}" width="{width}" height="{2 * _HEIGHT}" role="img" '
        f'aria-label="{escape(text)}">{"".join(bars)}<line x1="0" y1="{_HEIGHT}" x2="{width}" y2="{_HEIGHT}" '
        f'stroke="currentColor"/></svg><figcaption>{escape(text)}</figcaption></figure>'
    )


def _map(index: int, method: str, png: bytes) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = f"Slice {index}, {method}: left the slice, right with the map. Orange raised the score, blue lowered it."
    return (
        f'<figure><img class="slice" src="data:image/png;base64,{data}" alt="{escape(text)}">'
        f"<figcaption>{escape(text)}</figcaption></figure>"
    )
