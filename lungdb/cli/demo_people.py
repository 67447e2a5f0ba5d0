"""Made-up people for the demo's synthetic patients, and an account for whoever looks at them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from lungdb.cli import load_patients
from lungdb.cli.serve import serve
from lungdb.config import load_settings
from lungdb.database import Connection, connect
from lungdb.database.site import open_database
from lungdb.errors import LungdbError
from lungdb.loading.people import list_ids, write_people
from lungdb.phantoms.people import people

ACCOUNT = "demo"
_LINK_MINUTES = 15


def name_patients(connection: Connection, target: str, file: Path) -> int:
    """Give the patients names, by a file as `lungdb load-patients` reads it; returns its exit status."""
    ids = list_ids(connection)
    write_people(file, dict(zip(ids, people(len(ids)), strict=True)))
    return load_patients.main(["-d", target, str(file)])


def describe_page(connection: Connection, command: str, target: str) -> list[str]:
    """Make the account, unless an earlier run has, and return the lines that say how to open the page with it."""
    try:
        import lungdb_web.passwords  # noqa: F401 - make_account needs it
        from lungdb_web.administration import list_accounts, make_account
    except LungdbError as error:
        return [str(error)]
    if any(account.name == ACCOUNT for account in list_accounts(connection)):
        sign_in = f"Sign in as {ACCOUNT}. A new password: {command} accounts password {ACCOUNT} --generate -d {target}"
    else:
        password = make_account(connection, ACCOUNT, "scorer", sees_truth=True)
        sign_in = f"Sign in as {ACCOUNT} with the password {password} (shown only now)."
    return ["The web page:", f"  {command} serve -d {target}", "  then open http://127.0.0.1:5000/", f"  {sign_in}"]


def is_ready(target: str) -> bool:
    """Tell whether a database is of this version, and has the account for whoever looks at the page."""
    from lungdb_web.administration import list_accounts, makes_links

    with closing(connect(target, create=False)) as connection:
        return makes_links(connection) and any(account.name == ACCOUNT for account in list_accounts(connection))


def serve_page(target: str, port: str | None) -> int:
    """Serve the page of a finished demo to this machine alone, and print a link that signs its account in once."""
    settings = load_settings()
    here = replace(
        settings,
        database=target,
        web_host="127.0.0.1",
        web_port=port or settings.web_port,
        web_scheme="http",
        web_hosts="",
        web_user_header="",
    )
    return serve(here, lambda page: _print_link(target, page))


def _print_link(target: str, page: str) -> None:
    from lungdb_web.administration import make_sign_in_link
    from lungdb_web.serving import link_address

    with open_database(target) as connection:
        secret, _ = make_sign_in_link(connection, ACCOUNT, _LINK_MINUTES)
    print(f"Open this once, within {_LINK_MINUTES} minutes, to be signed in as {ACCOUNT}:")
    print(link_address(page, secret), flush=True)
