"""`lungdb report`: what the tables know of a trained model, or of several side by side, as one HTML file with plots."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.reporting.facts import find_classifier, read_facts
from lungdb.reporting.several import read_names, read_tested


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb report", description=__doc__)
    add_database_argument(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="NAME", default="lightgbm_sql", help="a model's name (default: lightgbm_sql)")
    which.add_argument(
        "--models",
        metavar="NAME:N,NAME:N",
        help="several versions, whose ROC curves are drawn into one picture; without :N what the name stands for",
    )
    parser.add_argument("--version", type=int, metavar="N", help="its version (default: what the name stands for)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", default=Path("report.html"), help="default: report.html"
    )
    parser.add_argument(
        "--explained",
        action="store_true",
        help="show a few explained scores too, with slices of the patients' scans and maps over them",
    )
    parser.add_argument("--png", type=Path, metavar="DIR", help="write the plots as PNG files into this folder too")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _report(arguments))


def _report(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.reporting.detectors import read_detectors
        from lungdb.reporting.explained import read_explained
        from lungdb.reporting.files import write_page, write_plots
        from lungdb.reporting.page import render_page, render_several
        from lungdb.reporting.plots import draw_detectors, draw_evaluations, draw_plots, draw_several
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise LungdbError('The report needs matplotlib. Run: pip install "lungdb[report]"') from error
    if arguments.models is None:
        with open_database(arguments.database) as connection:
            facts = read_facts(connection, arguments.model, arguments.version)
            detectors = read_detectors(connection)
            explained = None
            if arguments.explained:
                classifier = find_classifier(connection, facts.model.name, facts.model.version)
                explained = read_explained(connection, classifier)
        plots, evaluated = draw_plots(facts), draw_evaluations(facts.evaluations)
        evaluated += draw_detectors(detectors.measured)
        page, title = (
            render_page(facts, plots, evaluated, explained, detectors),
            f"{facts.model.name} version {facts.model.version}",
        )
        plots += evaluated
    else:
        if arguments.explained:
            raise LungdbError("--explained goes with --model. Leave it out, or report one model.")
        if arguments.version is not None:
            raise LungdbError("--version goes with --model. Write the versions of --models after colons: a:1,b:2.")
        names = read_names(arguments.models)
        with open_database(arguments.database) as connection:
            versions = read_tested(connection, names)
        plots = [draw_several(versions)]
        page, title = render_several(versions, plots[0]), f"{len(versions)} models"
    if arguments.png is not None:
        write_plots(plots, arguments.png)
        print(f"{len(plots)} plots: {escaped(arguments.png)}")
    write_page(page, arguments.output)
    print(f"{title}: {escaped(arguments.output)}")
    return 0
