"""On what a benchmark runs: the processor and what it can do, the versions, the commit."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lungdb.networks.running.processors import allowed_processors

_CPUINFO = Path("/proc/cpuinfo")
_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("numpy", "pandas", "onnxruntime", "lightgbm", "pydicom", "isal", "opencv-python-headless", "torch")
# What Linux calls the instructions, on x86-64 and on ARM.
_ABILITIES: Mapping[str, frozenset[str]] = {
    "VNNI (products of int8)": frozenset({"avx512_vnni", "avx_vnni", "asimddp"}),
    "SHA extensions": frozenset({"sha_ni", "sha2"}),
    "AVX-512": frozenset({"avx512f"}),
}


def describe() -> str:
    """Give the lines that stand above the figures."""
    cpuinfo = _CPUINFO.read_text(encoding="utf-8") if _CPUINFO.is_file() else ""
    lines = [
        f"processor: {processor(cpuinfo)}, {allowed_processors()} of {os.cpu_count()} processors",
        *(f"{name}: {answer}" for name, answer in abilities(cpuinfo).items()),
        f"memory: {_memory()}",
        f"system: {platform.platform()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        f"packages: {', '.join(f'{name} {_version(name)}' for name in _PACKAGES)}",
        f"commit: {commit(_ROOT)}",
    ]
    return "\n".join(lines)


def processor(cpuinfo: str) -> str:
    """Give the processor's name from the text of /proc/cpuinfo; empty text is a system that has none."""
    return _field(cpuinfo, "model name") or platform.processor() or "not known"


def abilities(cpuinfo: str) -> dict[str, str]:
    """Tell by the flags in the text of /proc/cpuinfo what the processor can do: yes, no, or not known."""
    flags = frozenset((_field(cpuinfo, "flags") or _field(cpuinfo, "Features")).split())
    if not flags:
        return dict.fromkeys(_ABILITIES, "not known")
    return {name: "yes" if flags & ones else "no" for name, ones in _ABILITIES.items()}


def commit(folder: Path) -> str:
    """Give the commit that a checkout is at, and whether its files are others; not known where there is no git."""
    try:
        hash_ = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "not known"
    return f"{hash_[:12]}{', with changes that are not committed' if changed else ''}"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own arguments
    return done.stdout.strip()


def _field(cpuinfo: str, name: str) -> str:
    """Give the first processor's value of a line of /proc/cpuinfo; empty when there is none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (AttributeError, ValueError, OSError):
        return "not known"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
