"""The worklist: what it finds, in which order, and that no address ever holds what was searched for."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import listing

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.support.fixtures import ARCHIVED, PEOPLE, UNSCORED
from tests.support.web import csrf_of, sign_in
from tests.web.looking import query

ROW = re.compile(r'<th scope="row"><a href="/patients/(\d+)\?[^"]*">(.*?)</a>')
Post = Callable[..., Any]


def indices(page: str) -> list[int]:
    """Read which patients a page lists, in its order."""
    return [int(index) for index, _ in ROW.findall(page)]


def find(client: FlaskClient, post: Post, text: str) -> str:
    """Search by the form and return the page that it leads to."""
    answer = post(client, "/search", q=text)
    assert answer.status_code == 303
    return client.get(answer.headers["Location"]).text


def test_all_patients_are_listed_by_name_or_by_index(signed_in: FlaskClient) -> None:
    """In the order of their indices; who has no name is Patient and the index."""
    page = signed_in.get("/").text
    listed = [(int(index), html.unescape(name)) for index, name in ROW.findall(page)]
    assert listed == [(n, PEOPLE[n] if n < len(PEOPLE) else f"Patient {n}") for n in range(ARCHIVED)]
    assert f"{ARCHIVED} patients" in page


@pytest.mark.parametrize(
    "text", ["Anthony", "anth", "AN", "van der", "o'neil", "100%", "%", "Álv", "_", "[a-z]", "'--", "7"]
)
def test_a_part_of_a_name_or_an_index_finds_who_has_it(
    signed_in: FlaskClient, post: Post, web_database: Path, text: str
) -> None:
    """Case does not matter, and signs that LIKE or SQL would read otherwise are signs as others are."""
    ids = [row[0] for row in query(web_database, "SELECT patient_id FROM dbo.patients ORDER BY idx;")]
    wanted = [
        index
        for index, patient in enumerate(ids)
        if text == str(index)
        or text.casefold() in patient.casefold()
        or (index < len(PEOPLE) and text.casefold() in PEOPLE[index].casefold())
    ]
    assert indices(find(signed_in, post, text)) == wanted


def test_what_is_searched_for_stands_on_the_page_and_in_no_address(signed_in: FlaskClient, post: Post) -> None:
    """Addresses end in logs and histories: neither where the search leads nor any link on the page has the name."""
    answer = post(signed_in, "/search", q="Anthony")
    page = signed_in.get(answer.headers["Location"]).text
    assert "Search: <strong>Anthony</strong>" in page
    links = re.findall(r'(?:href|action|src)="([^"]*)"', page)
    assert links
    assert not any("anthony" in link.lower() for link in [*links, answer.headers["Location"]])
    sorting = next(html.unescape(link) for link in links if "sort=name" in link)
    assert indices(signed_in.get(sorting).text) == [0, 6]
    with signed_in.session_transaction() as session:
        assert "anthony" not in str(dict(session)).lower()


def test_an_empty_search_lists_all_again_and_the_plain_address_has_none(signed_in: FlaskClient, post: Post) -> None:
    """Each address has its own search, as two tabs have."""
    assert len(indices(find(signed_in, post, "Anthony"))) == 2
    assert len(indices(find(signed_in, post, "  "))) == ARCHIVED
    first = post(signed_in, "/search", q="Anthony").headers["Location"]
    second = post(signed_in, "/search", q="Mei").headers["Location"]
    assert first != second
    assert indices(signed_in.get(first).text) == [0, 6]
    assert indices(signed_in.get(second).text) == indices(find(signed_in, post, "Mei"))
    assert len(indices(signed_in.get("/").text)) == ARCHIVED


def test_a_search_is_its_accounts_alone_and_is_forgotten_in_time(
    app: Flask, signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """The database has neither the name in the address nor any old search; who has the address finds nothing by it."""
    address = post(signed_in, "/search", q="Anthony").headers["Location"]
    name = address.partition("s=")[2]
    (row,) = query(web_database, "SELECT CONVERT(VARCHAR(64), sha256, 2), search FROM dbo.page_searches;")
    assert tuple(row) == (hashlib.sha256(name.encode()).hexdigest().upper(), "Anthony")
    other = sign_in(app.test_client(), "rob")
    page = other.get(address).text
    assert len(indices(page)) == ARCHIVED
    assert "Search: <strong>" not in page
    query(web_database, "UPDATE dbo.page_searches SET expires_at = DATEADD(SECOND, -1, SYSUTCDATETIME());")
    assert len(indices(signed_in.get(address).text)) == ARCHIVED
    post(signed_in, "/search", q="Rossi")
    assert [row[0] for row in query(web_database, "SELECT search FROM dbo.page_searches;")] == ["Rossi"]
    post(other, "/sign-out")
    assert [row[0] for row in query(web_database, "SELECT search FROM dbo.page_searches;")] == ["Rossi"]
    post(signed_in, "/sign-out")
    assert query(web_database, "SELECT search FROM dbo.page_searches;") == []


def test_a_search_without_the_sessions_token_is_refused(signed_in: FlaskClient) -> None:
    """As any form is."""
    assert signed_in.post("/search", data={"q": "Anthony"}).status_code == 403
    assert len(indices(signed_in.get("/").text)) == ARCHIVED


def test_a_filter_lists_the_patients_in_that_state_alone(signed_in: FlaskClient, post: Post) -> None:
    """Each state once; the chosen filter is marked for screen readers, too."""
    post(signed_in, "/patients/1/score")
    expected = {
        "scored": [1],
        "not scored": [n for n in range(UNSCORED) if n != 1],
        "no features": list(range(UNSCORED, ARCHIVED)),
        "failed": [],
    }
    for state, wanted in expected.items():
        page = signed_in.get("/", query_string={"state": state}).text
        assert indices(page) == wanted
        assert f'aria-current="true">{state.capitalize()}</a>' in page


@pytest.mark.parametrize(
    ("sort", "column"), [("name", "p.display_name"), ("date", "s.study_date"), ("slices", "s.number_images")]
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_heading_sorts_and_says_so(
    signed_in: FlaskClient, web_database: Path, sort: str, column: str, order: str
) -> None:
    """Each value is not after the next in that order, and aria-sort names it on that column alone."""
    values = dict(
        query(
            web_database,
            f"SELECT p.idx, {column} AS v FROM dbo.patients AS p INNER JOIN dbo.scans AS s "
            "ON s.patient_id = p.patient_id AND s.is_primary = 1;",
        )
    )
    page = signed_in.get("/", query_string={"sort": sort, "order": order}).text
    listed = indices(page)
    assert sorted(listed) == list(range(ARCHIVED))
    given = [values[index] for index in listed if values[index] is not None]
    keys = [value.casefold() if isinstance(value, str) else value for value in given]
    plain = [key for key in keys if not isinstance(key, str) or key.isascii()]
    assert plain == sorted(plain, reverse=order == "desc")
    assert re.findall(r'aria-sort="(\w+)"', page) == ["descending" if order == "desc" else "ascending"]


def test_the_first_press_on_probability_lists_the_highest_first(signed_in: FlaskClient, post: Post) -> None:
    """That is what a worklist is sorted by it for; the second press turns it round."""
    for index in (2, 8, 9):
        post(signed_in, f"/patients/{index}/score")
    link = re.compile(r'<a class="sort" href="([^"]+)">Probability')
    address, orders = "/", []
    for _ in range(2):
        found = link.search(signed_in.get(address).text)
        assert found is not None
        address = html.unescape(found[1])
        values = re.findall(r'<span class="spark-value"><data[^>]*>(\d+\.\d)</data> %', signed_in.get(address).text)
        orders.append([float(value) for value in values])
    assert len(orders[0]) == 3
    assert orders == [sorted(orders[0], reverse=True), sorted(orders[0])]


def test_pages_together_list_everybody_once(signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """By following Next from the first page; the filter and the order go along."""
    monkeypatch.setattr(listing, "PAGE", 15)
    address, seen, pages = "/?sort=name&order=desc", [], 0
    while address:
        page = signed_in.get(address).text
        seen += indices(page)
        pages += 1
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = html.unescape(following.group(1)) if following else ""
        assert not address or "sort=name&order=desc" in address
    assert (sorted(seen), pages) == (list(range(ARCHIVED)), 3)
    assert "Page 3 of 3" in page


def test_a_page_beyond_the_last_leads_to_the_last(signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody's link is older than a deletion."""
    monkeypatch.setattr(listing, "PAGE", 15)
    answer = signed_in.get("/?page=99&state=not+scored")
    assert answer.status_code == 302
    assert "Page 3 of 3" in signed_in.get(answer.headers["Location"]).text


@pytest.mark.parametrize(
    "query_string",
    [
        "page=-1", "page=0", "page=99999999999999999999", "page=x", "sort=x;DROP TABLE dbo.x", "state=%00",
        "order=sideways", "sort=%27", "state=scored&state=failed", "q=Anthony",
    ],
)  # fmt: skip
def test_values_that_are_none_do_not_upset_it(signed_in: FlaskClient, query_string: str) -> None:
    """They are passed over; a search in the address does not count either."""
    answer = signed_in.get(f"/?{query_string}", follow_redirects=True)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "text", ["\0", "<script>alert(1)</script>", "x" * 5000, "\U0001fac1", "' OR 1 = 1 --", "{{ 7 * 7 }}"]
)
def test_hostile_search_text_finds_nobody_and_is_shown_as_text(signed_in: FlaskClient, post: Post, text: str) -> None:
    """No tag of it becomes one of the page."""
    page = find(signed_in, post, text)
    assert indices(page) == []
    assert "No patient found" in page
    assert "<script>alert" not in page


def test_a_name_is_text_whatever_it_holds(signed_in: FlaskClient, web_database: Path) -> None:
    """It came from a file."""
    query(web_database, "UPDATE dbo.patients SET display_name = N'<b>x</b>\"' WHERE idx = 0; ")
    query(web_database, "EXECUTE dbo.ListPatients;")
    for path in ("/?sort=index", "/patients/0"):
        page = signed_in.get(path).text
        assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


@pytest.mark.parametrize("index", [ARCHIVED, 99999, 2**31 - 1])
@pytest.mark.parametrize("path", ["/patients/{}", "/patients/{}/similar"])
def test_an_unknown_patient_is_not_found_and_the_page_says_so(signed_in: FlaskClient, path: str, index: int) -> None:
    """Never another patient instead."""
    answer = signed_in.get(path.format(index))
    assert answer.status_code == 404
    assert "No patient" in answer.text
    assert not any(name in answer.text for name in PEOPLE[:3])


@pytest.mark.parametrize(
    "path", ["/patients/", "/patients/abc", "/patients/-1", "/patients/1.5", "/patients/%00", "/nowhere"]
)
def test_an_address_that_leads_nowhere_is_not_found(signed_in: FlaskClient, path: str) -> None:
    """With a way on."""
    answer = signed_in.get(path)
    assert answer.status_code == 404
    assert "Go to the worklist" in answer.text


def test_an_empty_database_says_how_patients_come_in(signed_in: FlaskClient, web_database: Path) -> None:
    """Not merely an empty table."""
    with closing(connect(target_of(web_database))) as connection:
        for table in ("experiment_patients", "splits", "labels", "pooled_features", "features", "scan_images"):
            run(connection, f"DELETE FROM dbo.{table};")
        run(connection, "DELETE FROM dbo.scans; DELETE FROM dbo.patients;")
    assert "lungdb load-scans" in signed_in.get("/").text


def test_the_header_of_every_page_has_the_search(signed_in: FlaskClient) -> None:
    """With a label and the session's token; and the notice stands on each."""
    for path in ("/", "/patients/0", "/models", "/patients/99999", "/nowhere"):
        page = signed_in.get(path).text
        assert '<label class="hidden" for="q">' in page
        assert csrf_of(page)
        assert "Research use only" in page
