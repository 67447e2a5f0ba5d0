"""Where the time of the tests goes, by file: `make profile` prints it."""

from __future__ import annotations

from collections import defaultdict

import pytest

SHOWN = 40


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print seconds of preparing, running and ending the tests of each file, the slowest first, and of all."""
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    tests: dict[str, int] = defaultdict(int)
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if isinstance(report, pytest.TestReport):
            file = report.nodeid.partition("::")[0]
            seconds[file][report.when or "call"] += report.duration
            tests[file] += report.when == "call"
    terminalreporter.section("seconds by file")
    terminalreporter.line(f"{'setup':>8}{'call':>8}{'teardown':>9}{'all':>8}{'tests':>7}")
    rows = sorted(seconds.items(), key=lambda row: -sum(row[1].values()))
    total: dict[str, float] = defaultdict(float)
    for place, (file, phases) in enumerate(rows):
        for phase, value in phases.items():
            total[phase] += value
        if place < SHOWN:
            _line(terminalreporter, phases, tests[file], file)
    _line(terminalreporter, total, sum(tests.values()), f"{len(rows)} files, of all processes together")


def _line(reporter: pytest.TerminalReporter, phases: dict[str, float], tests: int, name: str) -> None:
    setup, call, teardown = (phases.get(phase, 0.0) for phase in ("setup", "call", "teardown"))
    reporter.line(f"{setup:8.1f}{call:8.1f}{teardown:9.1f}{setup + call + teardown:8.1f}{tests:7}  {name}")
