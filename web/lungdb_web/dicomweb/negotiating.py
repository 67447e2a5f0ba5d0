"""Which representation a client takes: the header Accept, or the query parameter of that name (PS3.18 8.3.3, 8.7)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from werkzeug.exceptions import NotAcceptable

JSON = "application/dicom+json"
_LONGEST = 2000


@dataclass(frozen=True)
class Range:
    """A part of Accept: its media type, and of a multipart one that of its parts and their transfer syntax."""

    media_type: str
    part_type: str
    transfer_syntax: str
    quality: float


def accepted() -> list[Range]:
    """Read what the client takes, the best first; everything where it does not say."""
    given = request.args.get("accept") or ", ".join(request.headers.getlist("Accept")) or "*/*"
    ranges = []
    for part in _split(given[:_LONGEST], ","):
        pieces = _split(part, ";")
        if not pieces:  # semicolons alone
            continue
        media_type, *rest = pieces
        # Many clients leave the quotation marks out that a type with a slash needs.
        options = {
            name.strip().lower(): value.strip().strip('"') for name, _, value in (one.partition("=") for one in rest)
        }
        try:
            quality = float(options.get("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0:
            part_type = options.get("type", "*/*").lower()
            ranges.append(Range(media_type.lower(), part_type, options.get("transfer-syntax", "*"), quality))
    return sorted(ranges, key=lambda one: -one.quality)


def choose(*offered: str) -> str:
    """Choose one of the media types that are offered, the first where the client takes any.

    Raises
    ------
    NotAcceptable
        It takes none of them.
    """
    for one in accepted():
        for media_type in offered:
            if _matches(one.media_type, media_type):
                return media_type
    raise NotAcceptable(f"This is sent as {' or '.join(offered)}. Ask for that in Accept.")


def choose_frames(transfer_syntax: str) -> str:
    """Choose how frames are sent: multipart/related, or application/octet-stream of a single one.

    Raises
    ------
    NotAcceptable
        The client takes neither, or other parts or another transfer syntax alone.
    """
    for one in accepted():
        if one.transfer_syntax not in ("*", transfer_syntax):
            continue
        if _matches(one.media_type, "multipart/related") and _matches(one.part_type, "application/octet-stream"):
            return "multipart/related"
        if one.media_type == "application/octet-stream":
            return one.media_type
    raise NotAcceptable(
        'Frames are sent as multipart/related; type="application/octet-stream" in the transfer syntax '
        f"{transfer_syntax}. Ask for that in Accept."
    )


def _matches(wanted: str, offered: str) -> bool:
    kind, _, detail = wanted.partition("/")
    return wanted in ("*/*", offered) or (detail == "*" and kind == offered.partition("/")[0])


def _split(header: str, separator: str) -> list[str]:
    """Split at commas or semicolons that do not stand in quotation marks."""
    parts, in_quotes = [""], False
    for character in header:
        in_quotes ^= character == '"'
        if character == separator and not in_quotes:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
