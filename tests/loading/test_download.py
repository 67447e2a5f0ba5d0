"""Downloads over https from a real server with a certificate of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.load_network import main
from lungdb.errors import LungdbError
from lungdb.loading.download import cache_folder, download, forget
from tests.loading.serving import Site, make_certificate, serve
from tests.support.asking import Query

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")

DATA = Path(__file__).parents[1] / "data" / "networks"
CONTENT = np.random.default_rng(4).bytes(700_000)
HALF = len(CONTENT) // 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the files of a certificate for localhost and of its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def site(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve CONTENT, with a certificate that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setenv("no_proxy", "localhost")
    with serve(Site(CONTENT), *certificate) as running:
        yield running


def names(folder: Path) -> set[str]:
    """List the files of a folder."""
    return {path.name for path in folder.iterdir()}


def broken_off(site: Site, folder: Path) -> None:
    """Download half of the file."""
    site.breaks_after = HALF
    with pytest.raises(LungdbError, match=f"{HALF} of {len(CONTENT)} bytes"):
        download(site.address(), folder)
    site.breaks_after = None


def test_a_file_comes_whole_under_the_name_of_its_address(site: Site, tmp_path: Path) -> None:
    """A query behind the path is no part of the name; blanks in it are written as they are."""
    path = download(site.address("/models/a%20net.onnx?download=true"), tmp_path / "new")
    assert path == tmp_path / "new" / "a net.onnx"
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == {"a net.onnx", "a net.onnx.source"}


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_a_download_that_broke_off_goes_on_where_it_stopped(site: Site, tmp_path: Path, validator: str) -> None:
    """The second call asks for the other half only, on the condition that the file is the same."""
    site.validator = validator
    broken_off(site, tmp_path)
    assert (tmp_path / "net.onnx.part").read_bytes() == CONTENT[:HALF]
    assert not (tmp_path / "net.onnx").exists()
    assert download(site.address(), tmp_path).read_bytes() == CONTENT
    assert (site.asked[-1]["Range"], site.asked[-1]["If-Range"]) == (f"bytes={HALF}-", site.tag)
    assert not (tmp_path / "net.onnx.part").exists()


def test_a_file_that_changed_in_between_is_fetched_from_the_start(site: Site, tmp_path: Path) -> None:
    """No byte of the old one is in it."""
    broken_off(site, tmp_path)
    site.content = CONTENT[::-1]
    assert download(site.address(), tmp_path).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("lacking", "value"), [("has_ranges", False), ("validator", "")])
def test_a_server_without_ranges_or_tags_starts_again(
    site: Site, tmp_path: Path, lacking: str, value: bool | str
) -> None:
    """Nothing is appended to what may be another file's half."""
    setattr(site, lacking, value)
    broken_off(site, tmp_path)
    assert download(site.address(), tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_not_appended_to(site: Site, tmp_path: Path) -> None:
    """The server then answers that there is no such range."""
    broken_off(site, tmp_path)
    (tmp_path / "net.onnx.part").write_bytes(CONTENT)
    assert download(site.address(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_a_whole_file_is_fetched_again_only_when_it_changed(site: Site, tmp_path: Path, validator: str) -> None:
    """The server is asked; a changed one that breaks off leaves no old file behind."""
    site.validator = validator
    path = download(site.address(), tmp_path)
    made = path.stat().st_mtime_ns
    assert download(site.address(), tmp_path).stat().st_mtime_ns == made
    site.content = CONTENT[::-1]
    broken_off(site, tmp_path)
    assert not path.exists()
    assert download(site.address(), tmp_path).read_bytes() == CONTENT[::-1]


def test_a_part_of_another_address_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    """Two files of one name, one folder."""
    broken_off(site, tmp_path)
    assert download(site.address("/other/net.onnx"), tmp_path).read_bytes() == CONTENT
    assert "Range" not in site.asked[-1]


def test_another_file_of_that_name_is_not_overwritten(site: Site, tmp_path: Path) -> None:
    """It may be the user's own."""
    (tmp_path / "net.onnx").write_bytes(b"mine")
    with pytest.raises(LungdbError, match="in the way"):
        download(site.address(), tmp_path)
    assert (tmp_path / "net.onnx").read_bytes() == b"mine"


def test_a_file_of_unknown_length_comes_whole(site: Site, tmp_path: Path) -> None:
    """A server need not tell it."""
    site.tells_length = False
    assert download(site.address(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_file_that_is_too_large_is_refused(site: Site, tmp_path: Path, tells_length: bool) -> None:
    """Whether the server tells its length or not; nothing of it stays."""
    site.tells_length = tells_length
    with pytest.raises(LungdbError, match="more than the 1000 bytes"):
        download(site.address(), tmp_path, max_bytes=1000)
    assert not {"net.onnx", "net.onnx.part"} & names(tmp_path)


def test_plain_http_is_refused_unasked(site: Site, tmp_path: Path) -> None:
    """As an address, and as what https redirects to; file and ftp with it."""
    for address in (site.address().replace("https", "http"), "file:///etc/hostname", "ftp://localhost/net.onnx"):
        with pytest.raises(LungdbError, match="not an https address"):
            download(address, tmp_path)
    assert site.asked == []
    site.redirects_to = f"http://localhost:{site.port}/there.onnx"
    with pytest.raises(LungdbError, match="not an https address"):
        download(site.address(), tmp_path)
    assert len(site.asked) == 1


def test_a_redirect_to_https_is_followed(site: Site, tmp_path: Path) -> None:
    """The name is that of the address that was given."""
    site.redirects_to = "/there.onnx"
    path = download(site.address(), tmp_path)
    assert (path.name, path.read_bytes()) == ("net.onnx", CONTENT)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the digest's business to tell what the file is, and the certificate's to tell whose it is."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(LungdbError, match="certificate verify failed"):
        download(site.address(), tmp_path)


def test_errors_of_the_server_and_of_the_address_are_sentences(site: Site, tmp_path: Path) -> None:
    """A file that is not there, no name, no server, a folder that is a file."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LungdbError, match="404"):
        download(site.address("/missing.onnx"), tmp_path)
    with pytest.raises(LungdbError, match="names no file"):
        download(site.address("/models/"), tmp_path)
    with pytest.raises(LungdbError, match="cannot be reached"):
        download("https://localhost:1/net.onnx", tmp_path)
    with pytest.raises(LungdbError, match="cannot be written"):
        download(site.address(), tmp_path / "file")


def test_a_silent_server_is_waited_for_only_so_long(site: Site, tmp_path: Path) -> None:
    """What came before stays for the next call."""
    site.stalls_after = HALF
    with pytest.raises(LungdbError, match="broke off"):
        download(site.address(), tmp_path, seconds=0.2)
    assert (tmp_path / "net.onnx.part").stat().st_size == HALF


def test_a_forgotten_file_leaves_nothing(site: Site, tmp_path: Path) -> None:
    """Neither the file nor the note beside it."""
    forget(download(site.address(), tmp_path))
    assert names(tmp_path) == set()


def test_equal_names_of_different_addresses_have_different_folders(site: Site) -> None:
    """model.safetensors is what every publisher calls it."""
    assert cache_folder(site.address("/a/net.onnx")) != cache_folder(site.address("/b/net.onnx"))


def test_a_download_of_another_digest_is_removed_and_nothing_stored(
    site: Site, target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the digest that was found."""
    arguments = [site.address(), "-d", target, "--download-to", str(tmp_path / "kept"), "--sha256", "0" * 64]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert hashlib.sha256(CONTENT).hexdigest() in error
    assert names(tmp_path / "kept") == set()
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def test_a_network_is_loaded_from_its_address_under_the_name_of_its_file(
    site: Site, target: str, query: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the digest that was asked for; the file stays in the user's cache, so the same command fetches nothing."""
    site.content = (DATA / "resnet18_thin.safetensors").read_bytes()
    digest = hashlib.sha256(site.content).hexdigest()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):
        assert main([site.address("/thin.safetensors"), "-d", target, "--sha256", digest]) == 0
    assert query("SELECT name, JSON_VALUE(details, '$.source.sha256') AS digest FROM dbo.networks;") == [
        ("thin.safetensors", digest)
    ]
    assert [path.read_bytes() for path in (tmp_path / "cache").rglob("thin.safetensors")] == [site.content]
    assert site.asked[1]["If-None-Match"] == site.tag


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_an_interrupted_command_ends_with_130_and_goes_on_later(site: Site, target: str, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a download."""
    site.stalls_after = HALF
    kept = tmp_path / "kept"
    command = [sys.executable, "-m", "lungdb.cli.main", "load-network", site.address(), "-d", target]
    process = subprocess.Popen(
        [*command, "--download-to", str(kept)],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = kept / "net.onnx.part"
    until = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > HALF // 2) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert part.stat().st_size > HALF // 2
    site.stalls_after = None
    assert download(site.address(), kept).read_bytes() == CONTENT
    assert int(site.asked[-1]["Range"].strip("bytes=-")) > HALF // 2
