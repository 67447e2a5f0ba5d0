"""Links between the pages of a list, as in RFC 8288."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request


def link_header(page: int, page_size: int, total: int) -> str:
    """Write the Link header of a page: first, prev, next and last, those that there are, with the query as it was.

    Parameters
    ----------
    page, page_size, total : int
        This page from 1, the entries a page, and the entries of all pages.
    """
    last = max(1, -(-total // page_size))
    pages = {"first": 1, "prev": min(page - 1, last), "next": page + 1, "last": last}
    query = request.args.to_dict()
    return ", ".join(
        f'<{request.path}?{urlencode({**query, "page": number})}>; rel="{relation}"'
        for relation, number in pages.items()
        if 1 <= number <= last
    )
