"""Somebody who hands files in on the page, as its script does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.support.web import csrf_of

CHUNK = 60_000


@dataclass
class Person:
    """Somebody at the page, who hands files in as its script does."""

    client: FlaskClient

    def post(self, path: str, **options: Any) -> Any:
        """Send something with the session's token."""
        headers = {"X-CSRF-Token": csrf_of(self.client.get("/uploads").text), **options.pop("headers", {})}
        return self.client.post(path, headers=headers, **options)

    def begin(self, files: int, size: int) -> Any:
        """Announce files."""
        return self.post("/uploads", data={"files": str(files), "bytes": str(size)})

    def part(self, upload: str, number: int, offset: int, content: bytes, name: str = "a.dcm") -> Any:
        """Send a part of a file."""
        headers = {"X-Offset": str(offset), "X-File-Name": name, "Content-Type": "application/octet-stream"}
        return self.post(f"/uploads/{upload}/files/{number}", data=content, headers=headers)

    def send(self, files: dict[str, bytes]) -> str:
        """Hand all of it in; returns the upload's id."""
        answer = self.begin(len(files), sum(map(len, files.values())))
        assert answer.status_code == 201, answer.text
        upload = str(answer.json["id"])
        for number, (name, content) in enumerate(files.items()):
            for offset in range(0, len(content) or 1, CHUNK):
                answer = self.part(upload, number, offset, content[offset : offset + CHUNK], name)
                assert answer.status_code == 200, answer.text
        assert self.post(f"/uploads/{upload}/finish").status_code == 202
        return upload

    def load(self, files: dict[str, bytes]) -> str:
        """Hand it in and wait; returns the page of what became of it."""
        upload = self.send(files)
        while self.client.get(f"/uploads/{upload}/progress").json["state"] in ("waiting", "loading"):
            time.sleep(0.05)
        return str(self.client.get(f"/uploads/{upload}").text)


def contents(folder: Path) -> dict[str, bytes]:
    """Read the files of a folder, as a browser names them."""
    return {
        path.relative_to(folder.parent).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
