"""Where a request came from, also behind a reverse proxy."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from flask import request

from lungdb_web.services import services


def is_from_proxy() -> bool:
    """Tell whether the request came from the reverse proxy that the site says it has."""
    settings = services().settings
    has_proxy = bool(settings.web_user_header) or settings.web_scheme == "https"
    return has_proxy and request.remote_addr == settings.web_proxy


def client_address() -> str:
    """Give the caller's address; behind the site's proxy the last one of X-Forwarded-For, which the proxy adds.

    What stands there and is no address is not believed: the proxy's own stands for it.
    """
    if is_from_proxy():
        given = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        with suppress(ValueError):
            # Behind a % an address may name an interface, in any words.
            return str(ip_address(given.partition("%")[0]))
    return request.remote_addr or "unknown"


def client_network() -> str:
    """Give what attempts are counted by: the address, of IPv6 its first 64 bits, as one caller may have the rest."""
    given = client_address()
    try:
        address = ip_address(given)
    except ValueError:
        return given
    if not isinstance(address, IPv6Address):
        return given
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
