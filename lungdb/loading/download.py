"""Files from https addresses: with a progress bar, resumed where they stopped, complete or not there at all."""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from lungdb import __version__
from lungdb.errors import LungdbError

MAX_BYTES = 4 * 2**30
"""Of a file; a network in double precision has twice what a table can hold of it."""

_CHUNK = 1 << 18
_SECONDS = 60  # without a byte
_NOT_MODIFIED, _PARTIAL, _NO_SUCH_RANGE = 304, 206, 416


@dataclass(frozen=True)
class _Record:
    """Where a file, or the part of it that is there, came from; kept beside it as NAME.source."""

    address: str
    etag: str
    last_modified: str

    @property
    def condition(self) -> str:
        """What If-Range may carry: a weak tag does not promise the same bytes."""
        return self.last_modified if self.etag.startswith("W/") or not self.etag else self.etag


def is_address(text: str) -> bool:
    """Tell an address from a path."""
    return "://" in text


def cache_folder(address: str) -> Path:
    """Name the folder of the user's cache for an address; each has its own, so equal file names do not meet."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(home) / "lungdb" / sha256(address.encode()).hexdigest()[:16]


def download(address: str, folder: Path, *, max_bytes: int = MAX_BYTES, seconds: float = _SECONDS) -> Path:
    """Fetch a file into a folder.

    What an interrupted call left as `NAME.part` is gone on with if the server still has the same file and sends
    ranges; a whole file of an earlier call is kept if the server says that it has not changed.

    Parameters
    ----------
    address : str
        https://…; redirects must stay on https.
    folder : Path
        Made if it is not there.
    max_bytes : int
        Refuse more than this.
    seconds : float
        Longest silence of the server.

    Returns
    -------
    Path
        The file, under the last part of the address.

    Raises
    ------
    LungdbError
        The address is not https, the server does not give the file, it breaks off (what came is kept for the next
        call), or another file of that name is in the folder.
    """
    _check_https(address)
    name = unquote(urlsplit(address).path).replace("\\", "/").rpartition("/")[2]
    if name in ("", ".", "..") or not name.isprintable():
        raise LungdbError(f"The address '{address}' names no file. Give the address of the file itself.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _Download(address, folder / name, max_bytes, seconds).run()
    except urllib.error.HTTPError as error:
        raise LungdbError(
            f"The server answers {error.code} ({error.reason}) for '{address}'. Check the address."
        ) from None
    except urllib.error.URLError as error:
        raise LungdbError(
            f"'{address}' cannot be reached ({error.reason}). Check the address and the network."
        ) from None
    except (HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise LungdbError(
            f"The download of '{address}' broke off ({error!r}). Run the command again to go on."
        ) from None
    except OSError as error:
        raise LungdbError(
            f"The download cannot be written to '{folder}' ({error.strerror}). Check the folder and "
            "the space that it has."
        ) from None


def forget(path: Path) -> None:
    """Remove a downloaded file and the note of where it came from."""
    path.unlink(missing_ok=True)
    _beside(path, ".source").unlink(missing_ok=True)


class _Download:
    def __init__(self, address: str, path: Path, max_bytes: int, seconds: float) -> None:
        self._address, self._path, self._max_bytes, self._seconds = address, path, max_bytes, seconds
        self._part = _beside(path, ".part")
        self._source = _beside(path, ".source")

    def run(self) -> Path:
        record = self._record()
        if self._path.exists() and record is None:
            raise LungdbError(
                f"'{self._path}' is in the way and did not come from '{self._address}'. Load that file, or download "
                "to another folder."
            )
        if record is None:
            self._part.unlink(missing_ok=True)
        try:
            with self._ask(self._headers(record)) as answer:
                self._receive(answer)
        except urllib.error.HTTPError as error:
            if error.code == _NOT_MODIFIED:
                return self._path
            if error.code != _NO_SUCH_RANGE:
                raise
            self._part.unlink()
            with self._ask({}) as answer:
                self._receive(answer)
        self._part.replace(self._path)
        return self._path

    def _headers(self, record: _Record | None) -> dict[str, str]:
        if record is None:
            return {}
        if self._path.exists():
            if record.etag:
                return {"If-None-Match": record.etag}
            return {"If-Modified-Since": record.last_modified} if record.last_modified else {}
        if record.condition and self._part.exists() and self._part.stat().st_size:
            return {"Range": f"bytes={self._part.stat().st_size}-", "If-Range": record.condition}
        return {}

    def _ask(self, headers: dict[str, str]) -> HTTPResponse:
        # Packed on the way, a file's ranges would be those of the packed bytes.
        sent = {"User-Agent": f"lungdb/{__version__}", "Accept-Encoding": "identity", **headers}
        request = urllib.request.Request(self._address, headers=sent)  # noqa: S310 - https only, checked above
        answer: HTTPResponse = urllib.request.build_opener(_HttpsOnly).open(request, timeout=self._seconds)
        return answer

    def _receive(self, answer: HTTPResponse) -> None:
        there = self._part.stat().st_size if answer.status == _PARTIAL else 0
        total = self._total(answer, there)
        if not there:
            # Beside a note about another file, what is there would be taken for that, or for its beginning.
            self._part.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            self._note(_Record(self._address, answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")))
        with self._part.open("ab") as file:
            self._copy(answer, file, there, total)
        received = self._part.stat().st_size
        if total is not None and received != total:
            raise LungdbError(
                f"The connection ended after {received} of {total} bytes. Run the command again to go on from there."
            )

    def _copy(self, answer: HTTPResponse, file: IO[bytes], there: int, total: int | None) -> None:
        received = there
        with _progress(self._path.name, there, total) as bar:
            while chunk := answer.read1(_CHUNK):
                received += len(chunk)
                self._check_size(received)
                file.write(chunk)
                bar.update(len(chunk))

    def _total(self, answer: HTTPResponse, there: int) -> int | None:
        if there:
            first, _, whole = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            if not first.startswith(f"{there}-"):
                self._part.unlink()
                raise LungdbError("The server sent another part than was asked for. Run the command again.")
            total = int(whole) if whole.isascii() and whole.isdigit() else None
        else:
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isascii() and length.isdigit() else None
        self._check_size(total or 0)
        return total

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            self._part.unlink(missing_ok=True)
            raise LungdbError(
                f"'{self._address}' has more than the {self._max_bytes} bytes that are read. Use a smaller network."
            )

    def _record(self) -> _Record | None:
        """Read the note beside the file; one about another address, or none that can be read, is no note."""
        try:
            values = json.loads(self._source.read_text(encoding="utf-8"))
            record = _Record(**{name: str(value) for name, value in values.items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        return record if record.address == self._address else None

    def _note(self, record: _Record) -> None:
        self._source.write_text(json.dumps(asdict(record)), encoding="utf-8")


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **options: Any) -> urllib.request.Request | None:
        """Follow a redirect that stays on https."""
        request = super().redirect_request(*arguments, **options)
        if request is not None:
            _check_https(request.full_url)
        return request


def _check_https(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme.lower() != "https" or not parts.hostname:
        raise LungdbError(
            f"'{address}' is not an https address. Only https is fetched: give such an address or a file."
        )


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _progress(name: str, there: int, total: int | None) -> Any:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        raise LungdbError(f'Downloading needs {error.name}. Run: pip install "lungdb[cpu,load]"') from error
    return tqdm(
        desc=name,
        initial=there,
        total=total,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=None,
        file=sys.stderr,
    )
