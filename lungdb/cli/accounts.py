"""`lungdb accounts`: who may use the web page, with which role, by password or token, and what they did."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import datetime

from lungdb.cli.sql import print_table
from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import load_settings
from lungdb.database import Connection
from lungdb.database.site import open_database
from lungdb.errors import LungdbError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    from lungdb_web.queries.accounts import ROLES

    parser = argparse.ArgumentParser(prog="lungdb accounts", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    add_database_argument(common)
    named = argparse.ArgumentParser(add_help=False, parents=[common])
    named.add_argument("name", metavar="NAME", help="name of the account")
    password = argparse.ArgumentParser(add_help=False)
    password.add_argument("--generate", action="store_true", help="make up a password and print it once")
    truth = argparse.ArgumentParser(add_help=False)
    truth.add_argument(
        "--sees-truth", action=argparse.BooleanOptionalAction, help="whether the account may see the patients' labels"
    )
    loads = argparse.ArgumentParser(add_help=False)
    loads.add_argument(
        "--loads-scans", action=argparse.BooleanOptionalAction, help="whether the account may load DICOM files"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    add = actions.add_parser(
        "add", parents=[named, password, truth, loads], help="add an account; asks for the password"
    )
    add.add_argument(
        "--role",
        choices=ROLES,
        default="reader",
        help="a scorer may also have scans scored, an administrator also train",
    )
    add.add_argument("--no-password", action="store_true", help="only a reverse proxy or tokens use the account")
    actions.add_parser("list", parents=[common], help="list accounts and tokens")
    actions.add_parser("disable", parents=[named], help="end the account's sessions and let it do nothing more")
    actions.add_parser("enable", parents=[named], help="let a disabled account be used again")
    actions.add_parser("password", parents=[named, password], help="change the password; ends the account's sessions")
    link = actions.add_parser(
        "link", parents=[named], help="make a link that signs the account in once, such as after a lost password"
    )
    link.add_argument("--minutes", type=int, default=15, metavar="N", help="minutes that it is valid (default 15)")
    link.add_argument(
        "--page", metavar="ADDRESS", help="where browsers reach the page (default: by web_hosts, web_host and web_port)"
    )
    role = actions.add_parser("role", parents=[named, truth, loads], help="change what the account may do")
    role.add_argument("role", nargs="?", choices=ROLES, help="the new role")
    token = actions.add_parser("token", parents=[named], help="make a token for a program and print it once")
    token.add_argument("--for", dest="purpose", default="a program", metavar="TEXT", help="what the token is for")
    token.add_argument("--days", type=int, default=90, metavar="N", help="days that it is valid (default 90)")
    revoke = actions.add_parser("revoke", parents=[common], help="end a token for good")
    revoke.add_argument("token", type=int, metavar="NUMBER", help="number of the token, from list")
    audit = actions.add_parser("audit", parents=[common], help="show who did what, newest first")
    audit.add_argument("--account", metavar="NAME", help="only what this account did")
    audit.add_argument("--patient", type=int, metavar="INDEX", help="only what was done with this patient")
    audit.add_argument("--limit", type=int, default=50, metavar="N", help="most rows shown (default 50)")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from lungdb_web.administration import change_account, revoke_token

    with open_database(arguments.database) as connection:
        match arguments.action:
            case "add":
                _add(connection, arguments)
            case "list":
                _list(connection)
            case "disable" | "enable":
                change_account(connection, arguments.name, is_enabled=arguments.action == "enable")
                print(f"The account '{arguments.name}' is {arguments.action}d.")
            case "password":
                _change_password(connection, arguments)
            case "role":
                _change_role(connection, arguments)
            case "link":
                _make_link(connection, arguments)
            case "token":
                _make_token(connection, arguments)
            case "revoke":
                revoke_token(connection, arguments.token)
                print(f"Token {arguments.token} is revoked.")
            case _:
                _audit(connection, arguments)
    return 0


def _add(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import add_account

    if arguments.no_password and arguments.generate:
        raise LungdbError("--generate and --no-password exclude each other. Give one of them.")
    password, password_hash = (None, None) if arguments.no_password else _password(arguments)
    add_account(
        connection,
        arguments.name,
        password_hash,
        arguments.role,
        bool(arguments.sees_truth),
        bool(arguments.loads_scans),
    )
    print(f"The account '{arguments.name}' is added as {arguments.role}.")
    _show_generated(arguments, password)


def _change_password(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import change_account

    password, password_hash = _password(arguments)
    change_account(connection, arguments.name, password_hash=password_hash)
    print(f"The password of '{arguments.name}' is changed; its sessions are ended.")
    _show_generated(arguments, password)


def _change_role(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import change_account

    role, sees_truth, loads_scans = arguments.role, arguments.sees_truth, arguments.loads_scans
    if role is None and sees_truth is None and loads_scans is None:
        raise LungdbError(
            "Nothing is to be changed. Give a role, --sees-truth, --loads-scans or one of them with --no- before it."
        )
    change_account(connection, arguments.name, role=role, sees_truth=sees_truth, loads_scans=loads_scans)
    print(f"The account '{arguments.name}' is changed.")


def _make_link(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import make_sign_in_link
    from lungdb_web.serving import expected_address, link_address

    page = arguments.page or expected_address(load_settings())
    if not page.startswith(("http://", "https://")):
        raise LungdbError(f"The address '{page}' is none of a page. Give one that begins with https:// or http://.")
    secret, expires_at = make_sign_in_link(connection, arguments.name, arguments.minutes)
    print(f"Signs '{arguments.name}' in once, until {expires_at:%H:%M} UTC, shown only now:")
    print(link_address(page, secret))


def _make_token(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import make_token

    token, number, expires_at = make_token(connection, arguments.name, arguments.purpose, arguments.days)
    print(f"Token {number} of '{arguments.name}', valid until {_day(expires_at)}, shown only now:\n{token}")


def _password(arguments: argparse.Namespace) -> tuple[str, str]:
    """Make a password up, or ask for one: twice at a terminal, else a line of standard input. Gives it and its hash."""
    from lungdb_web.passwords import generate_password, hash_password

    password = generate_password() if arguments.generate else _asked_password(arguments.name)
    return password, hash_password(password)


def _asked_password(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(f"Password for '{name}': ")
    if getpass.getpass("Once more: ") != password:
        raise LungdbError("The two passwords differ, so nothing was changed. Run the command again.")
    return password


def _show_generated(arguments: argparse.Namespace, password: str | None) -> None:
    if arguments.generate:
        print(f"Password, shown only now: {password}")


def _list(connection: Connection) -> None:
    from lungdb_web.administration import list_accounts, list_tokens

    columns = ("name", "role", "sees truth", "loads scans", "enabled", "password", "since")
    rows = [
        (
            account.name,
            account.role,
            _yes(account.sees_truth),
            _yes(account.loads_scans),
            _yes(account.is_enabled),
            _yes(account.has_password),
            _day(account.created_at),
        )
        for account in list_accounts(connection)
    ]
    if not rows:
        print("There are no accounts. Add one: lungdb accounts add NAME --role scorer")
        return
    print_table(columns, rows)
    tokens = list_tokens(connection)
    if tokens:
        print("\nTokens\n")
        print_table(
            ("token", "account", "for", "valid until", "revoked", "last used"),
            [
                (
                    token.token_id,
                    token.account,
                    token.name,
                    _day(token.expires_at),
                    _day(token.revoked_at),
                    _day(token.last_used_at),
                )
                for token in tokens
            ],
        )


def _audit(connection: Connection, arguments: argparse.Namespace) -> None:
    from lungdb_web.administration import read_audit

    columns = ("at (UTC)", "account", "action", "patient", "outcome", "detail", "address", "login")
    rows = [
        (
            f"{row.at:%Y-%m-%d %H:%M:%S}",
            row.account or "",
            row.action,
            "" if row.patient_index is None else row.patient_index,
            row.outcome,
            row.detail or "",
            row.address or "",
            row.login_name or "",
        )
        for row in read_audit(connection, arguments.account, arguments.patient, arguments.limit)
    ]
    print_table(columns, rows)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"
