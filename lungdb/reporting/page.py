"""The report as one HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from lungdb import __version__
from lungdb.reporting import card
from lungdb.reporting.detected import render_detectors
from lungdb.reporting.detectors import Detectors
from lungdb.reporting.evaluated import render_evaluations
from lungdb.reporting.explained import Explained, render_explained
from lungdb.reporting.facts import Facts
from lungdb.reporting.markup import definitions, document, number, paragraphs, picture, section
from lungdb.reporting.names import FIGURES, FIGURES_OF_NUMBERS, OPERATING_POINTS, PARTS, part_title
from lungdb.reporting.plots import Plot
from lungdb.reporting.several import MeasuredVersion


def render_page(
    facts: Facts,
    plots: Sequence[Plot],
    evaluated: Sequence[Plot] = (),
    explained: Sequence[Explained] | None = None,
    detectors: Detectors | None = None,
) -> str:
    """Make the page, with plots of the run and of evaluations, explained scores, detectors: it needs no other file."""
    model = facts.model
    title = f"{model.name}, version {model.version}"
    head = (
        f"<header><h1>{escape(title)}</h1><p>{escape(card.champion(facts))}</p>"
        f'<p class="summary">{escape(card.opening(facts))}</p>'
        f'<p class="notice">{escape(card.RESEARCH_ONLY)}</p></header>'
    )
    of_classes = (
        section("Operating points", _operating_points(facts)),
        section("Calibration", _calibration(facts)),
        section("Measured on data sets", render_evaluations(facts.evaluations, facts.looks, evaluated)),
    )
    sections = (
        section("Figures", _figures(facts)),
        section("Plots", _plots(plots)),
        *(() if facts.regresses else of_classes),
        *(
            (section("Nodules", render_detectors(detectors, evaluated)),)
            if detectors is not None and (detectors.measured or _reads_nodules(facts))
            else ()
        ),
        *(() if explained is None else (section("Explained scores", render_explained(explained)),)),
        section("Model card", _card(facts)),
        section("Patients", _patients(facts)),
        section("Training run", _run(facts)),
        section("Features", _features(facts)),
        section("Lineage", _lineage(facts)),
    )
    foot = f'<footer class="soft"><p>lungdb {escape(__version__)}, from the tables of the database.</p></footer>'
    return document(f"{title} · lungdb", head + "<main>" + "".join(sections) + "</main>" + foot)


def _reads_nodules(facts: Facts) -> bool:
    return facts.network is not None and facts.network.layer == "nodules"


def _parts(facts: Facts) -> list[str]:
    return [part for part in PARTS if any(measured == part for measured, _ in facts.metrics)]


def _cell(facts: Facts, part: str, metric: str, *, whole: bool = False) -> str:
    key = (part, metric)
    shown = number(facts.metrics.get(key), recorded=key in facts.metrics, whole=whole, of_any_size=facts.regresses)
    return f'<td class="number" data-part="{escape(part)}" data-metric="{escape(metric)}">{shown}</td>'


def _figures(facts: Facts) -> str:
    parts = _parts(facts)
    if facts.run is None:
        return paragraphs(["No training run is recorded here, and so no figures of one."])
    if not parts:
        return paragraphs(["No figures are recorded for this run."])
    head = "".join(f'<th scope="col" class="number">{escape(part_title(part, facts.metrics))}</th>' for part in parts)
    body = []
    for group, metrics in (FIGURES_OF_NUMBERS if facts.regresses else FIGURES).items():
        body.append(f'<tr><th colspan="{len(parts) + 1}" scope="colgroup">{escape(group)}</th></tr>')
        for metric, title, is_part in metrics:
            cells = "".join(_cell(facts, part, metric) for part in parts)
            kind = ' class="part-of"' if is_part else ""
            body.append(f'<tr{kind}><th scope="row">{escape(title)}</th>{cells}</tr>')
    table = f'<table><thead><tr><th scope="col"></th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    constant = (
        "the mean of the patients trained on; intervals are by bootstrap over patients."
        if facts.regresses
        else "the share of cancer among the patients trained on; its AUC is 0.5, and its average precision the share "
        "of cancer."
    )
    notes = [
        "Test patients are those whom dbo.splits holds out; the model has learnt nothing from them. "
        f"Constant prediction gives everybody {constant}"
    ]
    return table + paragraphs(notes)


def _plots(plots: Sequence[Plot]) -> str:
    if not plots:
        return paragraphs(["No curves are recorded, or none is defined."])
    missing = ""
    if all(plot.name != "training_curve" for plot in plots):
        missing = paragraphs(["There is no training curve: the run recorded none."])
    return f'<div class="grid">{"".join(picture(plot) for plot in plots)}</div>{missing}'


def _operating_points(facts: Facts) -> str:
    text = (
        "A patient is called positive from the threshold on. All thresholds but 0.5 are chosen without the test "
        "patients, so their sensitivity and specificity may differ from what was aimed at."
    )
    blocks = [paragraphs([text])]
    for part in reversed(_parts(facts)):
        cards = "".join(_confusion(facts, part, point, title) for point, title in OPERATING_POINTS.items())
        blocks.append(f'<h3>{escape(part_title(part, facts.metrics))}</h3><div class="grid small">{cards}</div>')
    return "".join(blocks)


def _confusion(facts: Facts, part: str, point: str, title: str) -> str:
    def row(name: str, *metrics: str, whole: bool = False) -> str:
        cells = (_cell(facts, part, f"{metric}_at_{point}", whole=whole) for metric in metrics)
        return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'

    return (
        f'<div class="card"><h3>{escape(title)}</h3><table><thead>'
        '<tr><th></th><th colspan="2" scope="colgroup" class="number">called</th></tr><tr><th scope="col">truth</th>'
        '<th scope="col" class="number">cancer</th><th scope="col" class="number">none</th></tr></thead><tbody>'
        + row("cancer", "true_positives", "false_negatives", whole=True)
        + row("none", "false_positives", "true_negatives", whole=True)
        + "</tbody></table><table><tbody>"
        + "".join(row(name, name) for name in ("threshold", "sensitivity", "specificity"))
        + "</tbody></table></div>"
    )


def _calibration(facts: Facts) -> str:
    after = {point.position: point for point in facts.curves.get(("test", "calibration"), [])}
    before = {point.position: point for point in facts.curves.get(("test", "calibration_raw"), [])}
    if not after:
        return paragraphs(["No calibration is recorded for test patients."])
    rows = []
    for place in range(10):
        cells = []
        for points in (before, after):
            point = points.get(place)
            if point is None:
                cells.append('<td class="number">0</td><td class="number"></td><td class="number"></td>')
            else:
                values = (number(point.threshold, whole=True), number(point.x), number(point.y))
                cells.extend(f'<td class="number">{value}</td>' for value in values)
        rows.append(f'<tr><th scope="row">{place / 10:.1f}–{(place + 1) / 10:.1f}</th>{"".join(cells)}</tr>')
    columns = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("n", "mean", "share") * 2)
    table = (
        '<table id="calibration"><thead><tr><th></th><th colspan="3" scope="colgroup" class="number">before</th>'
        '<th colspan="3" scope="colgroup" class="number">after</th></tr>'
        f'<tr><th scope="col">bin</th>{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )
    text = "Test patients by probability: how many (n), their mean probability, and the share of them with cancer."
    if not facts.is_calibrated:
        text += " The model is not calibrated, so before and after are the same."
    return paragraphs([text]) + table


def _card(facts: Facts) -> str:
    blocks: Iterable[tuple[str, Iterable[str]]] = (
        ("Intended use", card.intended_use(facts)),
        ("Data", card.data(facts)),
        ("Limits", card.limits(facts)),
    )
    return "".join(f"<h3>{title}</h3>{paragraphs(texts)}" for title, texts in blocks)


def _patients(facts: Facts) -> str:
    columns = ("patients",) if facts.regresses else ("patients", "with cancer", "without")
    rows = []
    for part, counts in facts.parts.items():
        shown = (counts.patients, counts.positives, counts.negatives)[: len(columns)]
        cells = "".join(f'<td class="number">{count}</td>' for count in shown)
        rows.append(f'<tr><th scope="row">{escape(part)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in columns)
    body = "".join(rows)
    return f'<table id="patients"><thead><tr><th scope="col">part</th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _run(facts: Facts) -> str:
    run, details = facts.run, facts.model.details
    if run is None:
        return paragraphs(["No training run is recorded here."])
    seconds = (run.ended_at - run.started_at).total_seconds()
    libraries = details.get("libraries")
    rows: list[tuple[str, object]] = [
        ("Run by", run.run_by),
        ("Started, UTC", f"{run.started_at:%Y-%m-%d %H:%M:%S}"),
        ("Took", f"{seconds:.1f} seconds"),
        ("Seed", run.seed),
    ]
    for name, value in run.parameters.items():
        if name != "seed":
            rows.append((name, "none" if value is None else value))
    if details.get("best_iteration"):
        rows.append(("trees of the stored model", details["best_iteration"]))
    if isinstance(details.get("l2"), float):
        rows.append(("l2 of the stored model", f"{details['l2']:.6g}"))
    if isinstance(libraries, dict):
        rows.append(("Libraries", ", ".join(f"{name} {version}" for name, version in libraries.items())))
    return definitions(rows)


def _features(facts: Facts) -> str:
    network = facts.network
    if network is None:
        return definitions([(part.name, f"width {part.width}") for part in facts.combined])
    return definitions(
        [
            ("Network", f"{network.name}, version {network.version}, {network.library}"),
            ("Precision", network.details.get("precision")),
            ("Layer", network.layer),
            ("Preprocessing", network.preprocessing),
            ("Width", network.width),
            ("Pooling", facts.model.pooling),
        ]
    )


def _lineage(facts: Facts) -> str:
    model, network, scans = facts.model, facts.network, facts.scans
    damaged = "the stored bytes no longer have this SHA-256"
    rows: list[tuple[str, object]] = [
        ("Model, made", f"{model.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Model, SHA-256", model.sha256),
        *([] if model.is_intact else [("Model", damaged)]),
        *([] if network is None else [("Network, SHA-256", network.sha256)]),
        *([] if network is None or network.is_intact else [("Network", damaged)]),
        *((part.name, part.origin) for part in facts.combined),
    ]
    promotion = facts.champion
    if promotion is not None and promotion.version == model.version:
        value, previous = (
            "not defined" if figure is None else f"{figure:.3f}"
            for figure in (promotion.value, promotion.previous_value)
        )
        rows.append(
            ("Promoted", f"by {promotion.promoted_by}, {promotion.metric} {value}; of the champion before: {previous}")
        )
    for part in PARTS:
        if part in facts.vectors:
            vectors = facts.vectors[part]
            rows.append(
                (f"Vectors, {part}", f"{vectors.recorded} recorded, {vectors.unchanged} still stored unchanged")
            )
            rows.append((f"Vectors, {part}, SHA-256", vectors.digest))
    if scans.count:
        rows.append(("Scans", f"{scans.count} stored now"))
        rows.append(("Scans, SHA-256", scans.digest))
    text = "The SHA-256 of vectors and scans is over the sorted SHA-256 of each, as the tables have them."
    return definitions(rows) + paragraphs([text])


def render_several(versions: Sequence[MeasuredVersion], plot: Plot) -> str:
    """Make the page: it needs no other file and no network."""
    rows = []
    for tested in versions:
        cells = "".join(
            f'<td class="number">{number(tested.figures.get(name), whole=name in ("patients", "positives"))}</td>'
            for name in ("patients", "positives", "auc", "auc_low", "auc_high", "average_precision", "brier")
        )
        rows.append(f'<tr><th scope="row">{escape(tested.title)}</th>{cells}</tr>')
    head = "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in ("patients", "with cancer", "AUC", "from", "to", "average precision", "Brier score")
    )
    table = f'<table><thead><tr><th scope="col">model</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    title = f"ROC of {len(versions)} models"
    same = len({tested.patients for tested in versions}) == 1
    notes = [
        "Each version on its own test patients, from its training run; from and to are the ends of the AUC's 95 % "
        "interval (DeLong, or by bootstrap over patients where they have several scans).",
        "All were tested on the same patients."
        if same
        else "They were not all tested on the same patients, so that the curves differ by chance too: CompareModels "
        "compares two on those whom both have scored.",
    ]
    body = (
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="notice">{escape(card.RESEARCH_ONLY)}</p></header><main>'
        + section("Curves", picture(plot))
        + section("Figures", table + paragraphs(notes))
        + f'</main><footer class="soft"><p>lungdb {escape(__version__)}, from the tables of the database.</p></footer>'
    )
    return document(f"{title} · lungdb", body)
