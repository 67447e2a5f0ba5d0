"""What benchmarks print: the machine, ratios with their rounds, and the table of README."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"


@pytest.fixture(autouse=True)
def bench_modules(monkeypatch):
    """The benchmarks import one another by their plain names, as scripts do, and leave those to nobody else."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCH)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(BENCH)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("cpuinfo", "answers"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu sse sha_ni avx2\n\nmodel name\t: second\n", ("no", "yes", "no")),
        ("model name\t: Intel(R) Xeon(R)\nflags\t\t: avx512f avx512_vnni\n", ("yes", "no", "yes")),
        ("flags\t\t: avx_vnni_int8 avx_vnni\n", ("yes", "no", "no")),
        ("BogoMIPS\t: 50.00\nFeatures\t: fp asimd asimddp sha2\n", ("yes", "yes", "no")),
        ("", ("not known", "not known", "not known")),
    ],
)
def test_what_a_processor_can_do_is_read_from_its_flags(cpuinfo, answers):
    """As Linux lists them on x86-64 and on ARM; a system without the file is not guessed at."""
    import machine

    assert tuple(machine.abilities(cpuinfo).values()) == answers


def test_the_processor_s_name_is_that_of_the_first():
    """And a system that tells none says so, or what Python knows."""
    import machine

    assert machine.processor("model name\t: AMD EPYC\nflags\t: a\nmodel name\t: second\n") == "AMD EPYC"
    assert machine.processor("") != ""


def test_a_commit_with_other_files_is_said_to_have_them(tmp_path):
    """Figures of files that no commit holds cannot be repeated; without git it is not known."""
    import machine

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True, text=True).stdout

    assert machine.commit(tmp_path / "nowhere") == "not known"
    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "One")
    head = git("rev-parse", "HEAD").strip()
    assert machine.commit(tmp_path) == head[:12]
    (tmp_path / "file").write_text("2")
    assert machine.commit(tmp_path) == f"{head[:12]}, with changes that are not committed"


def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_times():
    """Each round compares what was timed one after the other."""
    from figures import Compared

    times = Compared(bare=(1.0, 2.0, 9.0), ours=(2.0, 1.0, 3.0))
    assert times.speedup() == ("2.00", "0.50, 2.00, 3.00")
    assert times.times_as_long(1) == ("0.5", "2.0, 0.5, 0.3")
    assert (times.bare_seconds, times.our_seconds) == (2.0, 2.0)


def test_a_single_round_is_said_to_be_one():
    """A time beside itself would read as a median that was the same each time."""
    from figures import Compared, each

    assert each([3.0]) == "one round"
    assert each([3.0, 4.5], 1) == "3.0, 4.5"
    assert Compared(bare=(1.0,), ours=(4.0,)).times_as_long() == ("4.00", "one round")


def test_two_ways_are_timed_in_turn_after_a_round_for_warmth():
    """So that what slows the machine for a while slows both."""
    from figures import compare

    calls = []
    times = compare(lambda: calls.append("bare"), lambda: calls.append("ours"), rounds=2)
    assert calls == ["bare", "ours"] * 3
    assert len(times.bare) == len(times.ours) == 2


def test_the_table_has_a_row_a_figure_and_no_cell_breaks_it():
    """Markdown's columns are parted by the bar."""
    from figures import Figure, markdown

    figures = [Figure("a | b", "c", "0.5", "0.4, 0.5, 0.6", "0.9"), Figure("d", "", "7 ms")]
    lines = markdown(figures).splitlines()
    assert lines[2:] == ["| a / b | c | 0.5 | 0.4, 0.5, 0.6 | 0.9 |", "| d |  | 7 ms |  |  |"]
    assert {line.count("|") for line in lines} == {6}
    smaller = markdown(figures, has_aims=False).splitlines()
    assert smaller[2:] == ["| a / b | c | 0.5 | 0.4, 0.5, 0.6 |", "| d |  | 7 ms |  |"]
    assert {line.count("|") for line in smaller} == {5}


def test_the_script_and_query_of_generate_features_are_found_in_its_file():
    """They are run for the memory under Microsoft's extension as they stand there."""
    import memory

    procedure = memory._PROCEDURE.read_text(encoding="utf-8")
    script, query = memory.script_and_query(procedure)
    compile(script, "script", "exec")
    assert script.strip().startswith("def main(")
    assert "''" not in query.replace("N''", "")
    assert query.strip().startswith("SELECT i.scan_id")
    assert 1 <= memory.default_chunk(procedure) <= 512


def test_the_descent_in_numpy_learns_what_it_is_timed_on():
    """Two classes that a line parts: a loop that forgot a gradient would be quick and end elsewhere."""
    import dense_networks

    examples = dense_networks._examples(200)
    labels = (examples.sum(axis=1) > 0).astype(int)
    losses = dense_networks.descend(examples, labels, 200)
    assert losses[-1] < 0.1 < losses[0]
    assert np.all(np.diff(losses[-50:]) <= 0)


def test_an_unknown_part_is_refused_by_name(tmp_path, capsys):
    """With the names that there are, and before anything is measured."""
    import whole
    from sizes import TINY

    assert whole.bench(tmp_path, TINY, ["serach"]) == 2
    assert capsys.readouterr().err.startswith("There is no part serach. There are features, ")
