"""What a gate reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong in one file.

    Attributes
    ----------
    path : Path
        The file.
    line : int
        The line in the file, from 1.
    gate : str
        The rule that refuses it, for example ``syntax`` or ``semicolon``.
    message : str
        What is wrong.
    """

    path: Path
    line: int
    gate: str
    message: str

    def __str__(self) -> str:
        """Give the form that compilers use: path, line, gate, message."""
        return f"{self.path}:{self.line}: {self.gate}: {self.message}"
