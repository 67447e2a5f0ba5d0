"""Batches: control flow, and the statements of all kinds that it holds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lungdb.embedded.syntax.changes import delete, insert, truncate, update
from lungdb.embedded.syntax.declarations import declarations, declare, procedure_parameter
from lungdb.embedded.syntax.execution import execute, execution
from lungdb.embedded.syntax.expressions import condition, scalar
from lungdb.embedded.syntax.objects import add_signature, alter, change_permission, create, drop
from lungdb.embedded.syntax.queries import common_tables, query, query_after
from lungdb.embedded.syntax.reader import Grammar, TokenReader, words
from lungdb.embedded.syntax.session_statements import (
    begin_transaction,
    dbcc,
    end_transaction,
    print_statement,
    raise_error,
    save_transaction,
    set_statement,
    throw,
    use,
    wait_for,
)
from lungdb.embedded.syntax.statement_tree import (
    Block,
    Break,
    Continue,
    CreateModule,
    CreateSchema,
    If,
    ProcedureParameter,
    Return,
    SelectStatement,
    Statement,
    TryCatch,
    While,
)
from lungdb.embedded.syntax.tree import CommonTable, Condition, Scalar
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import SqlType

# All that the installers have, twice. A tree takes about 40 bytes a character of its text.
_KEPT_CHARACTERS = 5_000_000
# A larger text holds a literal that hardly comes again; the installers' largest has 125,000 characters.
_LARGE = 200_000
_REFUSED = words("""
    MERGE GOTO BULK BACKUP RESTORE KILL OPEN CLOSE FETCH DEALLOCATE CHECKPOINT RECONFIGURE
    REVERT SHUTDOWN READTEXT WRITETEXT UPDATETEXT DISABLE ENABLE
    """)


@dataclass(frozen=True, eq=False)
class Batch:
    """A parsed batch.

    Attributes
    ----------
    statements : tuple of Statement
        What it does.
    variables : dict of str to SqlType
        Every scalar variable, by name in lower case.
    parameter_count : int
        How many ``?`` it has.
    plans : dict
        How its statements are run, from whichever session planned them first; it goes with the batch.
    """

    statements: tuple[Statement, ...]
    variables: dict[str, SqlType]
    parameter_count: int
    plans: dict[tuple[object, ...], Any] = field(default_factory=dict)


def parse_batch(text: str, declared: dict[str, SqlType] | None = None) -> Batch:
    """Parse a batch.

    Parameters
    ----------
    text : str
        T-SQL without GO.
    declared : dict of str to SqlType, optional
        Variables that exist already, as the parameters of sp_executesql do.

    Raises
    ------
    SqlError
        The first syntax error or undeclared variable.
    """
    reader = _reader(text, declared)
    statements: list[Statement] = []
    _skip_semicolons(reader)
    if reader.at_identifier and reader.token.word not in _KNOWN_WORDS:
        # A name that begins a batch is a procedure to be executed.
        statements.append(execution(reader, reader.token.line))
        _skip_semicolons(reader)
    while not reader.at_end:
        statements.extend(_next_statements(reader, first=not statements))
    return Batch(tuple(statements), reader.declared, reader.parameter_count)


class KeptBatches:
    """Batches as they were parsed, for all sessions of a process: what was asked for last; threads may ask at once.

    Parameters
    ----------
    characters : int
        Of all texts together, at most.
    """

    def __init__(self, characters: int = _KEPT_CHARACTERS) -> None:
        self._most = characters
        self._lock = threading.Lock()
        self._batches: OrderedDict[tuple[str, tuple[tuple[str, SqlType], ...]], Batch] = OrderedDict()
        self.characters = 0

    def batch(self, text: str, declared: dict[str, SqlType] | None = None) -> Batch:
        """Parse a batch, or find it parsed; nobody changes what comes back.

        Raises
        ------
        SqlError
            As of `parse_batch`.
        """
        known = (text, tuple((declared or {}).items()))
        with self._lock:
            if known in self._batches:
                self._batches.move_to_end(known)
                return self._batches[known]
        batch = parse_batch(text, declared)
        if len(text) < _LARGE:
            with self._lock:
                if known not in self._batches:
                    self.characters += len(text)
                self._batches[known] = batch
                while self.characters > self._most:
                    self.characters -= len(self._batches.popitem(last=False)[0][0])
        return batch


KEPT = KeptBatches()
"""Those of this process."""


@lru_cache(maxsize=256)
def parse_declarations(text: str) -> tuple[ProcedureParameter, ...]:
    """Parse the parameter list of sp_executesql or sp_execute_external_script.

    Raises
    ------
    SqlError
        The first syntax error.
    """
    reader = _reader(text)
    if reader.at_end:
        return ()
    parameters = reader.commas(procedure_parameter)
    if not reader.at_end:
        reader.fail()
    return parameters


def parse_condition(text: str) -> Condition:
    """Parse the condition of a CHECK or of an index, as a definition holds it."""
    return condition(_reader(text))


def parse_scalar(text: str) -> Scalar:
    """Parse the expression of a DEFAULT, as a definition holds it."""
    return scalar(_reader(text))


def _reader(text: str, declared: dict[str, SqlType] | None = None) -> TokenReader:
    return TokenReader(text, _GRAMMAR, dict(declared or {}))


def _skip_semicolons(reader: TokenReader) -> None:
    while reader.take(";"):
        pass


def _next_statements(reader: TokenReader, *, first: bool = False) -> tuple[Statement, ...]:
    """Read a statement and the semicolons behind it; DECLARE of several variables is as many."""
    found = declarations(reader) if reader.at("DECLARE") else (_statement(reader, first=first),)
    _skip_semicolons(reader)
    return found


def _statement(reader: TokenReader, *, first: bool = False) -> Statement:
    token = reader.token
    read = _STATEMENTS.get(token.word)
    if read is None:
        if token.word in _REFUSED:
            reader.refuse(token.word)
        reader.fail()
    statement = read(reader)
    if isinstance(statement, CreateModule | CreateSchema) and not first:
        made = "CREATE SCHEMA" if isinstance(statement, CreateSchema) else f"{statement.mode} {statement.kind}"
        raise numbered_error(111, line=token.line, statement=made)
    reader.take(";")
    return statement


def _statements(reader: TokenReader, end: str | None = None) -> tuple[Statement, ...]:
    """Read statements up to a word, or all that are left."""
    found: list[Statement] = []
    _skip_semicolons(reader)
    while not (reader.at_end if end is None else reader.at(end)):
        found.extend(_next_statements(reader))
    return tuple(found)


def _if(reader: TokenReader) -> Statement:
    line = reader.expect("IF").line
    tested = condition(reader)
    then = _statement(reader)
    return If(line, tested, then, _statement(reader) if reader.take("ELSE") else None)


def _while(reader: TokenReader) -> Statement:
    line = reader.expect("WHILE").line
    tested = condition(reader)
    reader.loop_depth += 1
    body = _statement(reader)
    reader.loop_depth -= 1
    return While(line, tested, body)


def _break(reader: TokenReader) -> Statement:
    line = reader.expect("BREAK").line
    if not reader.loop_depth:
        raise numbered_error(135, line=line)
    return Break(line)


def _continue(reader: TokenReader) -> Statement:
    line = reader.expect("CONTINUE").line
    if not reader.loop_depth:
        raise numbered_error(136, line=line)
    return Continue(line)


def _begin(reader: TokenReader) -> Statement:
    line = reader.expect("BEGIN").line
    if reader.at_any("TRANSACTION", "TRAN"):
        return begin_transaction(reader, line)
    if reader.at("DISTRIBUTED"):
        reader.refuse("A distributed transaction")
    if reader.at("TRY"):
        return _try_catch(reader, line)
    body = _statements(reader, "END")
    if not body:
        reader.fail()
    reader.expect("END")
    return Block(line, body)


def _try_catch(reader: TokenReader, line: int) -> Statement:
    reader.expect("TRY")
    body = _statements(reader, "END")
    reader.expect("END", "TRY")
    _skip_semicolons(reader)
    reader.expect("BEGIN", "CATCH")
    handler = _statements(reader, "END")
    reader.expect("END", "CATCH")
    return TryCatch(line, body, handler)


def _return(reader: TokenReader) -> Statement:
    line = reader.expect("RETURN").line
    ends = reader.at_end or reader.at_any(";", "ELSE", "END") or reader.token.word in _STATEMENTS
    return Return(line, None if ends else scalar(reader))


def _select(reader: TokenReader) -> Statement:
    line = reader.token.line
    return SelectStatement(line, query(reader))


def _with(reader: TokenReader) -> Statement:
    line = reader.token.line
    common = common_tables(reader)
    if reader.at("MERGE"):
        reader.refuse("MERGE")
    change = _CHANGES.get(reader.token.word)
    return SelectStatement(line, query_after(reader, common)) if change is None else change(reader, common)


_CHANGES: dict[str, Callable[[TokenReader, tuple[CommonTable, ...]], Statement]] = {
    "DELETE": delete,
    "INSERT": insert,
    "UPDATE": update,
}
_STATEMENTS: dict[str, Callable[[TokenReader], Statement]] = {
    "ADD": add_signature,
    "ALTER": alter,
    "BEGIN": _begin,
    "BREAK": _break,
    "COMMIT": end_transaction,
    "CONTINUE": _continue,
    "CREATE": create,
    "DBCC": dbcc,
    "DECLARE": declare,
    "DELETE": delete,
    "DENY": change_permission,
    "DROP": drop,
    "EXEC": execute,
    "EXECUTE": execute,
    "GRANT": change_permission,
    "IF": _if,
    "INSERT": insert,
    "PRINT": print_statement,
    "RAISERROR": raise_error,
    "RETURN": _return,
    "REVOKE": change_permission,
    "ROLLBACK": end_transaction,
    "SAVE": save_transaction,
    "SELECT": _select,
    "SET": set_statement,
    "THROW": throw,
    "TRUNCATE": truncate,
    "UPDATE": update,
    "USE": use,
    "WAITFOR": wait_for,
    "WHILE": _while,
    "WITH": _with,
}
_KNOWN_WORDS = _REFUSED | _STATEMENTS.keys()
_GRAMMAR = Grammar(query, _statements)
