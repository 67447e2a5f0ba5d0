"""What an administrator has done from the page: the audit is told before it begins, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lungdb.database import ResultSet
from lungdb.errors import LungdbError, Message, SqlError
from lungdb_web.access import current_account
from lungdb_web.addresses import client_address
from lungdb_web.audit import record
from lungdb_web.background import Say
from lungdb_web.database import Lane
from lungdb_web.queries.accounts import write_audit
from lungdb_web.queries.administering import LongCall
from lungdb_web.services import services

OnMessage = Callable[[Message], None]


@contextmanager
def recorded(action: str, detail: str) -> Iterator[None]:
    """Tell the audit what is asked for, and then whether it was done.

    Raises
    ------
    AuditUnavailable
        The audit cannot be written. When that is so from the start, nothing is done.
    """
    record(f"ask_{action}", detail=detail)
    try:
        yield
    except LungdbError as error:
        record(action, outcome="failed", detail=f"{detail}: {_reason(error)}")
        raise
    record(action, detail=detail)


def start_recorded(title: str, action: str, detail: str, work: Callable[[LongCall, OnMessage], None]) -> None:
    """Do in the background what takes long, in the name of whoever asks, and tell the audit before and after.

    Raises
    ------
    AuditUnavailable
        The audit cannot be written, so nothing is begun.
    TooBusy
        Something else goes on in the background.
    """
    here, name, address = services(), current_account().name, client_address()

    def call(sql: str, *parameters: Any, on_message: OnMessage) -> list[ResultSet]:
        return here.database.call(sql, parameters, name, "background", on_message)

    def short(sql: str, *parameters: Any, lane: Lane = "pages") -> list[ResultSet]:
        return here.database.call(sql, parameters, name, lane)

    def do(say: Say) -> None:
        try:
            work(call, lambda message: say(message.text))
        except BaseException as error:
            write_audit(short, action, None, "failed", f"{detail}: {_reason(error)}", address, None)
            raise
        write_audit(short, action, None, "ok", detail, address, None)

    record(f"ask_{action}", detail=detail)
    try:
        here.background.start(title, name, do)
    except LungdbError as error:
        record(action, outcome="failed", detail=f"{detail}: {_reason(error)}")
        raise


def _reason(error: BaseException) -> str:
    return f"error {error.number}" if isinstance(error, SqlError) else type(error).__name__
