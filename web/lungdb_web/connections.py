"""How many connections a client may keep waiting, and how long: a slow one, or hundreds, keep nobody else out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from waitress.channel import HTTPChannel

REQUEST_SECONDS = 20.0
"""From a request's first byte until its last: what is sent here is a small form, at most 64 kB."""
IDLE_SECONDS = 60.0
"""Without any byte of a request: browsers open connections ahead and keep them."""
MOST_WAITING = 100
"""Connections of one address that have not sent a whole request; of more the oldest is closed."""


class Channel(HTTPChannel):
    """A connection to waitress that is closed when its request does not come in time, or its address has too many.

    waitress itself closes what has sent nothing for long, so that a byte now and then keeps a connection for ever, and
    takes no further ones when `connection_limit` are open.
    """

    waiting_since: float
    is_begun = False

    def __init__(self, server: Any, *arguments: Any, **named: Any) -> None:
        self.waiting_since = time.monotonic()
        super().__init__(server, *arguments, **named)
        shed(server.active_channels.values(), self._host())

    def received(self, data: bytes) -> bool:
        """Take bytes; the time of a request runs from its first one."""
        if not self.is_begun:
            self.is_begun, self.waiting_since = True, time.monotonic()
        taken = bool(super().received(data))
        if self.request is None:
            self.is_begun, self.waiting_since = False, time.monotonic()
        return taken

    def readable(self) -> bool:
        """Tell whether to read on; waitress asks this at least once a second."""
        if self.is_waiting() and self._overdue():
            self.will_close = True
        return bool(super().readable())

    def is_waiting(self) -> bool:
        """Tell whether the client is to send something before anything can be done."""
        return not (self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed)

    def of(self, host: str) -> bool:
        """Tell whether the client has this address."""
        return self._host() == host

    def _host(self) -> str:
        return str(self.addr[0]) if self.addr else ""

    def _overdue(self) -> bool:
        return time.monotonic() - self.waiting_since > (REQUEST_SECONDS if self.is_begun else IDLE_SECONDS)


def shed(channels: Iterable[Channel], host: str) -> None:
    """Close the oldest waiting connections of an address beyond `MOST_WAITING`."""
    waiting = sorted(
        (channel for channel in channels if channel.of(host) and channel.is_waiting()), key=_since, reverse=True
    )
    for channel in waiting[MOST_WAITING:]:
        channel.will_close = True


def _since(channel: Channel) -> float:
    return channel.waiting_since
