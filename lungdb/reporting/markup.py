"""Pieces of HTML. Everything that comes from a table is escaped here and nowhere else."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from html import escape

from lungdb.reporting.plots import Plot

NOT_DEFINED = "not defined"
NOT_RECORDED = "not recorded"

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #555; --line: #ccc; --page: #fff; --panel: #f5f5f5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #b0b0b0; --line: #4a4a4a; --page: #16181b; --panel: #22262b; }
  img { filter: invert(0.91) hue-rotate(180deg); }
  img.slice { filter: none; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; color: var(--ink); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
.summary { font-size: 1.1rem; }
.notice { border: 2px solid var(--ink); padding: 0.4rem 0.7rem; font-weight: bold; }
.soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.5rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; overflow-wrap: normal; }
tr.part-of th { font-weight: normal; padding-left: 1.5rem; }
thead th[colspan] { text-align: center; }
tbody th[colspan] { padding-top: 0.8rem; }
.facts th { width: 32%; font-weight: normal; color: var(--soft); }
td, code { overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: 0.85rem; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); }
.grid.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); }
.card { background: var(--panel); padding: 0.6rem 0.8rem; border-radius: 6px; }
.card h3 { margin-top: 0; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption { color: var(--soft); font-size: 0.9rem; }
@media (max-width: 30rem) { body { padding: 0.7rem; } th, td { padding: 0.2rem 0.3rem; } .facts th { width: 38%; } }
@media print {
  :root { --ink: #000; --soft: #333; --line: #999; --page: #fff; --panel: #fff; color-scheme: light; }
  @page { margin: 14mm; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  img { filter: none; }
  .card { border: 1px solid var(--line); }
  figure, .card, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .grid { grid-template-columns: 1fr 1fr; }
  .grid.small { grid-template-columns: 1fr 1fr 1fr 1fr; gap: 0.5rem; }
}
"""


def number(value: float | None, *, recorded: bool = True, whole: bool = False, of_any_size: bool = False) -> str:
    """Show a number rounded to three decimals, to five digits or as a whole one, with its full value in <data>."""
    if not recorded:
        return NOT_RECORDED
    if value is None or not math.isfinite(value):
        return NOT_DEFINED
    shown = f"{value:.0f}" if whole else f"{value:.5g}" if of_any_size else f"{value:.3f}"
    return f'<data value="{value!r}">{shown}</data>'


def definitions(rows: Iterable[tuple[str, object]]) -> str:
    """Make a table of names and values, both text."""
    lines = (f'<tr><th scope="row">{escape(name)}</th><td>{_value(value)}</td></tr>' for name, value in rows)
    return f'<table class="facts"><tbody>{"".join(lines)}</tbody></table>'


def paragraphs(texts: Iterable[str]) -> str:
    """Make a paragraph of each text."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def section(title: str, body: str) -> str:
    """Make a section with a heading; body is HTML."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def picture(plot: Plot) -> str:
    """Make a figure that carries its own PNG."""
    data = base64.b64encode(plot.png).decode("ascii")
    return (
        f'<figure><h3>{escape(plot.title)}</h3><img src="data:image/png;base64,{data}" width="{plot.width}" '
        f'height="{plot.height}" alt="{escape(plot.text)}"><figcaption>{escape(plot.text)}</figcaption></figure>'
    )


def document(title: str, body: str) -> str:
    """Make the page; body is HTML. It may load nothing from anywhere."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _value(value: object) -> str:
    text = NOT_RECORDED if value is None else str(value)
    # A hash is one long word.
    is_hash = len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
    return f"<code>{text}</code>" if is_hash else escape(text)
