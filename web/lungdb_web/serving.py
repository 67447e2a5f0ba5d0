"""What stands between the page and the network: a database that is ready, a host that may be listened on, waitress."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import closing, suppress
from typing import Any

from lungdb.config import Settings
from lungdb.database import connect, run
from lungdb.errors import LungdbError

# More than all that wait for a turn (lungdb_web.turns), so that threads are left for pages; each waits for the database
# or the network most of its time.
THREADS = 64
STALLED_SECONDS = 60
# Refused before it is read; the application's own limit is lower and is answered with a page.
MOST_BYTES = 1024 * 1024


def has_accounts(target: str) -> bool:
    """Tell whether there are accounts; the database must be there and of this version when the page starts.

    Raises
    ------
    LungdbError
        It is not there, not of lungdb, or not of this version.
    """
    with closing(connect(target, create=False)) as connection:
        # The page's login may have rights on nothing but what the page calls; what else there is it does not see.
        if run(connection, "SELECT OBJECT_ID(N'dbo.HasAccounts', N'P');")[0].scalar() is None:
            raise LungdbError(
                "The database is not one of lungdb, or an older one, or the page's login lacks its rights. "
                "Run: lungdb install -d TARGET; what to grant stands in docs/web.md."
            )
        return bool(run(connection, "EXECUTE dbo.HasAccounts;")[-1].scalar())


def check_host(settings: Settings, *, accounts: bool) -> str | None:
    """Refuse to be reached from other machines without accounts; return what to warn of, if anything.

    Raises
    ------
    LungdbError
        `web_host` is beyond this machine, and something that it then takes is missing.
    """
    host = settings.web_host
    if _is_loopback(host):
        return None
    if not accounts:
        raise LungdbError(
            f"There are no accounts, so the page may listen on this machine alone, not on {host}. "
            "Add one first: lungdb accounts add NAME --role scorer"
        )
    if settings.web_scheme == "https":
        return None
    return (
        f"WARNING: on {host} the page speaks plain HTTP, so whoever is on the network can read passwords and "
        'what is shown of patients. Put a reverse proxy with TLS in front of it and set web_scheme = "https".'
    )


def make_server(app: Any, settings: Settings, port: int) -> Any:
    """Listen with waitress.

    Parameters
    ----------
    app : WSGI application

    Raises
    ------
    LungdbError
        Nothing can listen there.
    """
    from waitress.server import BaseWSGIServer, create_server

    from lungdb_web.connections import Channel

    try:
        server = create_server(
            app,
            host=settings.web_host,
            port=port,
            threads=THREADS,
            ident="lungdb",
            url_scheme=settings.web_scheme,
            # A browser opens several connections and keeps them; what it sends is small forms. An address that opens
            # many and sends nothing loses the oldest (lungdb_web.connections), so that strangers do not fill them.
            connection_limit=2000,
            asyncore_use_poll=True,
            max_request_body_size=MOST_BYTES,
            # lungdb_web.addresses decides which proxy's headers are believed.
            clear_untrusted_proxy_headers=False,
            # Browsers that go away are no news.
            log_socket_errors=False,
        )
    except OSError as error:
        raise LungdbError(
            f"Nothing can listen on {settings.web_host}, port {port} ({error.strerror or error}). "
            "Give another --port, or end the program that uses it."
        ) from error
    # A name may have several addresses: waitress then makes a server of each.
    for listening in getattr(server, "map", {0: server}).values():
        if isinstance(listening, BaseWSGIServer):
            listening.channel_class = Channel
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux alone has it
        # waitress waits without end for a client that reads no further, such as a tablet that fell asleep.
        stalled = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * STALLED_SECONDS)
        server.adj.socket_options = [*server.adj.socket_options, stalled]
    return server


def address_of(server: Any, settings: Settings) -> str:
    """Return the address that a browser on this machine opens."""
    # Of a name with several addresses waitress keeps a list.
    port = server.effective_listen[0][1] if hasattr(server, "effective_listen") else server.effective_port
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    return f"http://{host}:{port}/"


def link_address(page: str, secret: str) -> str:
    """Return the address that signs somebody in once; a page's address ends in a slash or not."""
    return f"{page.rstrip('/')}/sign-in/link?key={secret}"


def expected_address(settings: Settings) -> str:
    """Return the address by which browsers reach the page, as far as the settings say it."""
    names = [host.strip() for host in settings.web_hosts.split(",") if host.strip()]
    if names and settings.web_scheme == "https":
        return f"https://{names[0]}/"
    host = names[0] if names else settings.web_host
    return f"{settings.web_scheme}://{f'[{host}]' if ':' in host else host}:{settings.web_port}/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
