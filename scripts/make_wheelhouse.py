#!/usr/bin/env python
"""Gather what a SQL Server without the Internet installs: wheels for its Python 3.10, and their hashes.

    python scripts/make_wheelhouse.py windows      # or linux; made in wheelhouse/windows

On the server, from a copy of that folder:

    python -m pip install --no-index --find-links windows --require-hashes -r windows/requirements.txt
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = {
    "windows": ("x86_64-pc-windows-msvc", ["win_amd64"]),
    "linux": ("x86_64-manylinux_2_28", ["manylinux_2_28_x86_64", "manylinux2014_x86_64"]),
}
"""For each server: its name to uv, which resolves for a machine that it does not run on, and its tags to pip."""
RUNTIME = "dill\npatsy\npython-dateutil\n"
"""What Microsoft's revoscalepy asks for beside numpy and pandas."""
PYTHON = "3.10"


def _run(*command: str | Path, text: str | None = None) -> None:
    """Run a command of this interpreter's packages in the root of the repository; its messages are the user's."""
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, input=text, text=True, check=True)  # noqa: S603  our own arguments


def make_wheelhouse(platform: str, extra: str, folder: Path) -> Path:
    """Fill a folder with wheels and requirements.txt, which names each with its SHA-256, and return that file."""
    uv_platform, tags = PLATFORMS[platform]
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    _run(
        "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes",
        "--only-binary", ":all:", "--python-version", PYTHON, "--python-platform", uv_platform,
        "--constraint", "constraints-sqlserver.txt", "--extra", extra,
        "--output-file", requirements, "pyproject.toml", "-", text=RUNTIME,
    )  # fmt: skip
    _run(
        "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--python-version", PYTHON, *(part for tag in tags for part in ("--platform", tag)),
        "--dest", folder, "--requirement", requirements,
    )  # fmt: skip
    for old in folder.glob("lungdb-*.whl"):
        old.unlink()
    _run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".")
    (ours,) = folder.glob("lungdb-*.whl")
    digest = hashlib.sha256(ours.read_bytes()).hexdigest()
    with requirements.open("a", encoding="utf-8") as file:
        file.write(f"lungdb=={ours.name.split('-')[1]} \\\n    --hash=sha256:{digest}\n")
    return requirements


def main() -> int:
    """Read the arguments and say where it lies."""
    parser = argparse.ArgumentParser(description="Gather wheels with hashes for a server without the Internet.")
    parser.add_argument("platform", choices=sorted(PLATFORMS), help="of the server")
    parser.add_argument("--extra", choices=["cpu", "gpu"], default="cpu", help="which ONNX Runtime (default: cpu)")
    parser.add_argument("--into", type=Path, metavar="DIR", help="default: wheelhouse/PLATFORM")
    arguments = parser.parse_args()
    folder = (arguments.into or ROOT / "wheelhouse" / arguments.platform).resolve()
    try:
        requirements = make_wheelhouse(arguments.platform, arguments.extra, folder)
    except subprocess.CalledProcessError as error:
        print(f"The wheelhouse is not complete: {error.cmd[2]} ended with status {error.returncode}.", file=sys.stderr)
        return 1
    print(f"{len(list(folder.glob('*.whl')))} wheels for Python {PYTHON}, with their hashes in {requirements}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
