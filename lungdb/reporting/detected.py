"""The section of a report on nodules: how many were found and marked, and how well detectors find them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lungdb.reporting.detectors import MOST, Detectors, Measured, Rate
from lungdb.reporting.markup import number, paragraphs, picture
from lungdb.reporting.plots import Plot


def render_detectors(detectors: Detectors, plots: Sequence[Plot]) -> str:
    """Make the body of the section, as HTML."""
    blocks = [_counts(detectors)]
    if not detectors.measured:
        blocks.append(paragraphs(["No detector was measured against what readers marked, so no figures are given."]))
    for measured in detectors.measured:
        own = [plot for plot in plots if plot.name == f"detector_{measured.evaluation_id}_froc"]
        blocks.append(_measured(measured, own))
    if len(detectors.measured) == MOST:
        blocks.append(paragraphs([f"The {MOST} newest evaluations; dbo.detector_figures has all."]))
    return "".join(blocks)


def _counts(detectors: Detectors) -> str:
    rows = [
        (
            f"{one.network_name}, version {one.network_version}, {one.preprocessing}: candidates",
            one.scans,
            one.candidates,
        )
        for one in detectors.found
    ]
    rows.append(("Marked by readers, to be found", detectors.marked.scans, detectors.marked.nodules))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{scans}</td><td class="number">{count}</td></tr>'
        for name, scans, count in rows
    )
    columns = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("scans", "nodules"))
    head = f'<tr><th scope="col"></th>{columns}</tr>'
    note = (
        "All scans of the database that have any. A score of a detector is its own, and no probability of cancer."
        + (
            f" Readers also marked {detectors.marked.irrelevant} findings that are not to be found."
            if detectors.marked.irrelevant
            else ""
        )
    )
    return f'<table id="nodules"><thead>{head}</thead><tbody>{body}</tbody></table>' + paragraphs([note])


def _measured(measured: Measured, plots: Sequence[Plot]) -> str:
    rates = "".join(_rate(f"at {_of(rate)} a scan", rate) for rate in measured.rates)
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("sensitivity", "from", "to"))
    table = (
        f'<table><thead><tr><th scope="col">false alarms</th>{head}</tr></thead><tbody>'
        f"{_rate('mean', measured.mean)}{rates}</tbody></table>"
    )
    texts = [
        f"Measured on {measured.dataset}, version {measured.dataset_version}, {measured.evaluated_at:%Y-%m-%d}: "
        f"{measured.scans} scans, {measured.test_scans} of them of test patients; {measured.nodules} nodules to be "
        f"found, of which {measured.hits} have a candidate, and {measured.false_alarms} false alarms. "
        f"Counted are {measured.rule}.",
        "By LUNA16's rule a nodule is found by a candidate nearer to its centre than its radius. Intervals are of 95 "
        "%, by bootstrap over scans.",
    ]
    return f"<h3>{escape(measured.title)}</h3>" + paragraphs(texts) + table + "".join(map(picture, plots))


def _rate(name: str, rate: Rate) -> str:
    cells = "".join(f'<td class="number">{number(value)}</td>' for value in (rate.sensitivity, rate.low, rate.high))
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _of(rate: Rate) -> str:
    alarms = rate.false_alarms or 0.0
    return f"1/{1 / alarms:.0f}" if 0 < alarms < 1 else f"{alarms:g}"
