"""What a call costs is measured around it, and its own values come through unchanged."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from lungdb.procedures import measured


def _spins(seconds: float) -> tuple[str, int]:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return "given", 7


def _run(source: str) -> str:
    return subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True).stdout


def test_the_processor_time_of_the_call_alone_is_counted() -> None:
    """A call that uses 0.2 seconds has these, whatever the process used before; it gives what it gives."""
    _spins(0.2)
    *given, cpu, _ = measured(_spins, 0.2)
    assert given == ["given", 7]
    assert cpu == pytest.approx(0.2, abs=0.1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="compared with Linux's own count")
def test_the_most_memory_is_the_process_s_own() -> None:
    """A small process that one with 400 MB has started says what it had, not what that one had, as ru_maxrss would."""
    held = bytearray(b"x") * 400_000_000
    source = "from lungdb.procedures.usage import peak_megabytes; print(peak_megabytes())"
    before, after = (float(_run(text)) for text in (source, f"taken = bytearray(b'x') * 200_000_000; {source}"))
    assert before < len(held) / 1e6
    assert after - before == pytest.approx(200, abs=10)


def test_a_refusal_comes_through() -> None:
    """What the function raises is raised."""

    def fails() -> tuple[int]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        measured(fails)
