"""What an upload may have, and what is refused with which status."""

from __future__ import annotations

from http import HTTPStatus

from lungdb.errors import LungdbError

MEGABYTE = 1_000_000
CHUNK = 60_000
"""Bytes of a request: below what the page, its server and its proxies take, and sent by a slow line in time."""
MOST_FILES = 20_000
MOST_AT_ONCE = 4
"""Uploads whose files are kept."""
FREE_MEGABYTES = 500
"""What is to stay free on the disk of temporary files."""
ARRIVING_SECONDS = 2 * 3600.0
"""Without any byte an upload is given up."""
LOADING_SECONDS = 6 * 3600.0
MOST_KEPT = 100
"""Uploads that are over, of which it is still known what became of them."""


class RefusedError(LungdbError):
    """Something handed in is not taken.

    Parameters
    ----------
    status : HTTPStatus
    message : str
    received : int, optional
        How many bytes of the file are there, from which it goes on.
    """

    def __init__(self, status: HTTPStatus, message: str, received: int | None = None) -> None:
        self.status = status
        self.received = received
        super().__init__(message)


def megabytes_of(setting: str) -> int:
    """Read the setting `web_uploads`; 0 where it is empty.

    Raises
    ------
    LungdbError
        It is no number from 1 to 1,000,000.
    """
    if not setting:
        return 0
    if not (setting.isascii() and setting.isdigit() and 1 <= int(setting) <= 1_000_000):
        raise LungdbError(
            f"The setting web_uploads is '{setting}'. Give the megabytes that an upload may have, 1 to 1000000, "
            "or leave it empty."
        )
    return int(setting)
