"""Running statements one after the other: control flow, TRY and CATCH, what an error ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from lungdb.embedded.running.alter import add_columns, alter_column, drop_members
from lungdb.embedded.running.changes import delete, insert, truncate, update
from lungdb.embedded.running.definitions import (
    change_rights,
    create_index,
    create_language,
    create_module,
    create_schema,
    create_table,
    declare_table,
    drop,
    drop_schema,
)
from lungdb.embedded.running.errors import print_text, raise_error, throw
from lungdb.embedded.running.events import (
    Event,
    Failure,
    LeaveLoopError,
    NextRoundError,
    RaisedError,
    ReturnError,
    StatementError,
    ThrownError,
)
from lungdb.embedded.running.frames import Frame, plain_condition
from lungdb.embedded.running.modules import execute, execute_text
from lungdb.embedded.running.queries import declare, select, set_variable
from lungdb.embedded.running.session import Session
from lungdb.embedded.running.session_values import SESSION_READERS, register_session_functions
from lungdb.embedded.satellite.processes import Preload
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.embedded.store.storage import BUSY_MILLISECONDS, Storage
from lungdb.embedded.syntax.objects import ChangeRights
from lungdb.embedded.syntax.statement_tree import (
    AddColumns,
    AlterColumn,
    Block,
    Break,
    CheckDatabase,
    Continue,
    CreateIndex,
    CreateLanguage,
    CreateModule,
    CreateSchema,
    CreateTable,
    Declare,
    DeclareTable,
    Delete,
    Drop,
    DropMembers,
    DropSchema,
    Execute,
    ExecuteText,
    If,
    Insert,
    Print,
    RaiseError,
    Return,
    SelectStatement,
    SetOption,
    SetVariable,
    Statement,
    Throw,
    Transaction,
    Truncate,
    TryCatch,
    Update,
    Use,
    WaitFor,
    While,
)
from lungdb.embedded.values.conversions import convert
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import REFUSED, with_line
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import INT, time_type
from lungdb.errors import SqlError

# Errors that end the batch and its transaction whatever XACT_ABORT is: failed conversions, deadlocks, lost files.
_BATCH_ENDING = frozenset((241, 242, 244, 245, 248, 295, 296, 701, 824, 1105, 8630))
# Errors of names and syntax, which end the batch but not the transaction.
_SCOPE_ENDING = frozenset((102, 137, 156, 195, 206, 207, 208, 209, 257, 529, 1087, 2760, 4104, REFUSED))


# What runs other statements leaves @@ERROR to them.
_OF_STATEMENTS = (Block, Execute, ExecuteText, If, TryCatch, While)


class Interpreter(Session):
    """A session that runs statements."""

    def __init__(self, storage: Storage, database: str, preload: Preload, trusted: Trusted) -> None:
        super().__init__(storage, database, preload, trusted)
        register_session_functions(self)

    def session_value(self, frame: Frame, name: str) -> Value:
        """Return the value of ``@@NAME`` or of a function without arguments about the session."""
        return SESSION_READERS[name](self, frame)

    def run_batch(self, text: str, parameters: tuple[object, ...] = ()) -> Generator[Event, None, None]:
        """Run a batch.

        Raises
        ------
        StatementError
            The error that ended it.
        """
        if not self.transactions.count:
            self.catalog.refresh()
        self.try_depth = 0
        self.caught.clear()
        try:
            unit = self.unit(text)
            frame = Frame(unit, self.root)
            self.bind_parameters(frame, parameters)
        except SqlError as error:
            self.last_error = error.number
            raise _settled(error, None, error.line) from None
        try:
            yield from self.run_frame(frame)
        except KeyboardInterrupt:
            self.roll_back()
            raise
        if self.transactions.doomed:
            self.roll_back()
            raise StatementError(
                3998, "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back."
            )

    def run(self, frame: Frame, statements: tuple[Statement, ...]) -> Iterator[Event]:
        """Run statements."""
        for statement in statements:
            if self.options.no_exec and not isinstance(statement, SetOption):
                continue
            try:
                yield from HANDLERS[type(statement)](self, frame, statement)
                if not isinstance(statement, _OF_STATEMENTS):
                    self.last_error = 0
            except StatementError:
                raise
            except SqlError as reported:
                error = self._reason(reported)
                placed = isinstance(error, ThrownError) and error.placed
                settled = (
                    _settled(error, error.procedure, error.line)
                    if placed
                    else _settled(error, frame.procedure, statement.line)
                )
                self.last_error = error.number
                self._after_error(error, settled)
                yield Failure(settled)

    def _reason(self, error: SqlError) -> SqlError:
        """Return why SQLite did not take a statement: the tables are not what this session knows of them."""
        if error.number != 8630:
            return error
        known = self.catalog.version
        try:
            self.catalog.refresh()
            if self.catalog.version != known:
                return numbered_error(4117)
            return error if self.catalog.is_as_file() else numbered_error(824)
        except SqlError as reason:
            return reason

    def _after_error(self, error: SqlError, settled: StatementError) -> None:
        """Raise the error where it ends more than its statement; doom or roll back the transaction as it demands."""
        if self.transactions.lost():
            self.roll_back()
        strict = self.options.xact_abort and not isinstance(error, RaisedError)
        fatal = strict or error.number in _BATCH_ENDING
        if self.try_depth:
            if fatal and self.transactions.count:
                self.transactions.doomed = True
            raise settled
        if fatal and self.transactions.count:
            self.roll_back()
        if fatal or isinstance(error, ThrownError) or error.number in _SCOPE_ENDING:
            raise settled


def _settled(error: SqlError, procedure: str | None, line: int) -> StatementError:
    message = with_line(error.message, line) if error.number == REFUSED else error.message
    return StatementError(
        error.number, message, severity=error.severity, state=error.state, procedure=procedure, line=line
    )


def _holds(session: Session, frame: Frame, statement: If | While) -> bool:
    plain = plain_condition(frame, statement.condition)
    return session.condition(frame, statement, statement.condition) if plain is None else plain


def _if(session: Session, frame: Frame, statement: If) -> Iterator[Event]:
    if _holds(session, frame, statement):
        yield from session.run(frame, (statement.then,))
    elif statement.otherwise is not None:
        yield from session.run(frame, (statement.otherwise,))


def _while(session: Session, frame: Frame, statement: While) -> Iterator[Event]:
    while _holds(session, frame, statement):
        try:
            yield from session.run(frame, (statement.body,))
        except LeaveLoopError:
            break
        except NextRoundError:
            continue


def _block(session: Session, frame: Frame, statement: Block) -> Iterator[Event]:
    yield from session.run(frame, statement.body)


def _break(session: Session, frame: Frame, statement: Break) -> Iterator[Event]:
    raise LeaveLoopError


def _continue(session: Session, frame: Frame, statement: Continue) -> Iterator[Event]:
    raise NextRoundError


def _return(session: Session, frame: Frame, statement: Return) -> Iterator[Event]:
    value: Value = 0
    if statement.value is not None:
        value, _ = session.scalar(frame, statement, statement.value, "value", INT)
    raise ReturnError(value)


def _try_catch(session: Session, frame: Frame, statement: TryCatch) -> Iterator[Event]:
    session.try_depth += 1
    depth = session.try_depth
    try:
        yield from session.run(frame, statement.body)
        return
    except StatementError as error:
        caught = error
    finally:
        session.try_depth = depth - 1
    session.caught.append(caught)
    try:
        yield from session.run(frame, statement.handler)
    finally:
        session.caught.pop()


def _set_option(session: Session, frame: Frame, statement: SetOption) -> Iterator[Event]:
    on = statement.value == "ON"
    if statement.option == "NOCOUNT":
        session.options.no_count = on
    elif statement.option == "XACT_ABORT":
        session.options.xact_abort = on
    elif statement.option == "NOEXEC":
        session.options.no_exec = on
    elif statement.option == "ISOLATION":
        session.transactions.strict = statement.value in ("SERIALIZABLE", "REPEATABLE READ")
    elif statement.option == "LOCK_TIMEOUT":
        milliseconds = int(statement.value)
        session.storage.busy_milliseconds = BUSY_MILLISECONDS if milliseconds < 0 else milliseconds
    return iter(())


def _transaction(session: Session, frame: Frame, statement: Transaction) -> Iterator[Event]:
    transactions = session.transactions
    session.row_count = 0
    if statement.action == "BEGIN":
        if not transactions.count:
            session.local_tables.begin()
        transactions.begin(statement.name)
    elif statement.action == "COMMIT":
        transactions.commit()
    elif statement.action == "SAVE":
        transactions.save(statement.name or "")
        session.local_tables.save(statement.name or "")
    elif statement.name is None or not session.roll_back_to(statement.name):
        transactions.check_open(statement.name)
        if frame.inserting:
            raise numbered_error(3915)
        session.roll_back()
    return iter(())


def _use(session: Session, frame: Frame, statement: Use) -> Iterator[Event]:
    if statement.database.casefold() != session.database.casefold():
        raise numbered_error(911, database=statement.database, own=session.database)
    return iter(())


def _check_database(session: Session, frame: Frame, statement: CheckDatabase) -> Iterator[Event]:
    found = [str(text) for (text,) in session.storage.rows(session.storage.execute("PRAGMA main.integrity_check(100)"))]
    if found != ["ok"]:
        raise numbered_error(8939, count=len(found), findings="; ".join(found[:10]))
    return iter(())


def _wait_for(session: Session, frame: Frame, statement: WaitFor) -> Iterator[Event]:
    value, kind = session.scalar(frame, statement, statement.delay, "delay")
    delay = str(convert(value, kind, time_type(3), explicit=True))
    hours, minutes, seconds = delay.split(":")
    time.sleep(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    return iter(())


HANDLERS: dict[type[Statement], Callable[[Any, Frame, Any], Iterator[Event]]] = {
    AddColumns: add_columns,
    AlterColumn: alter_column,
    Block: _block,
    Break: _break,
    ChangeRights: change_rights,
    CheckDatabase: _check_database,
    Continue: _continue,
    CreateIndex: create_index,
    CreateLanguage: create_language,
    CreateModule: create_module,
    CreateSchema: create_schema,
    CreateTable: create_table,
    Declare: declare,
    DeclareTable: declare_table,
    Delete: delete,
    Drop: drop,
    DropMembers: drop_members,
    DropSchema: drop_schema,
    Execute: execute,
    ExecuteText: execute_text,
    If: _if,
    Insert: insert,
    Print: print_text,
    RaiseError: raise_error,
    Return: _return,
    SelectStatement: select,
    SetOption: _set_option,
    SetVariable: set_variable,
    Throw: throw,
    Transaction: _transaction,
    Truncate: truncate,
    TryCatch: _try_catch,
    Update: update,
    Use: _use,
    WaitFor: _wait_for,
    While: _while,
}
