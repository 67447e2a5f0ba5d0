"""Unpack the build of OHIF that `make ohif` has fetched from npm, if it is the one that was looked at.

What the page never serves is left out: maps of its scripts, and ONNX Runtime, which one of its tools would fetch a
network for from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
import tarfile
from pathlib import Path, PurePosixPath

INTEGRITY = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
"""SHA-512 of @ohif/app 3.13.2, as npm's registry has it."""
_BUILD = PurePosixPath("package/dist")
_LEFT_OUT = _BUILD / "ort"


def main(archive: Path, folder: Path) -> int:
    """Unpack; returns the exit status, 1 for another archive."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    if base64.b64encode(digest).decode("ascii") != INTEGRITY:
        print(
            f"The archive '{archive}' is not the one of OHIF that was looked at. Delete it and try again.",
            file=sys.stderr,
        )
        return 1
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as packed:
        for member in packed:
            path = PurePosixPath(member.name)
            is_wanted = member.isfile() and path.is_relative_to(_BUILD) and not path.is_relative_to(_LEFT_OUT)
            content = (
                packed.extractfile(member) if is_wanted and path.suffix != ".map" and ".." not in path.parts else None
            )
            if content is not None:
                target = unfinished / path.relative_to(_BUILD)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
