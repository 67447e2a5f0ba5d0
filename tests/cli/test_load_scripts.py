"""The loader scripts are the commands under another name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.test_load_scans import ROOT


@pytest.mark.parametrize("name", ["load_scans", "load_labels", "load_patients", "load_images", "load_network"])
def test_a_script_gives_the_help_of_its_command(name: str) -> None:
    """Both run in processes of their own and must say the same."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    told = [
        subprocess.run(
            [sys.executable, *command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            timeout=60,
        ).stdout
        for command in (
            [str(ROOT / "scripts" / f"{name}.py")],
            ["-m", "lungdb.cli.main", name.replace("_", "-")],
        )
    ]
    assert told[0] == told[1]
    assert "--database" in told[0]
