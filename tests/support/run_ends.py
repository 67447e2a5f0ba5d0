"""Which refusals leave a run of dbo.runs without a word, read off the tree that the embedded engine's parser gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lungdb.database.batches import split_batches
from lungdb.embedded.syntax.statement_tree import (
    Block,
    CreateModule,
    Execute,
    If,
    Insert,
    RaiseError,
    Return,
    Statement,
    Throw,
    Transaction,
    TryCatch,
    While,
)
from lungdb.embedded.syntax.statements import parse_batch
from lungdb.embedded.syntax.tree import Condition, Literal, Logical, Variable

# What only writes the log throws nothing of ours.
LOG = {"startrun", "reportstep", "endrun", "leavework"}


@dataclass
class _State:
    """What holds before a statement: is a run open, has its end been told for good, how many transactions are open."""

    is_open: bool
    told: bool = False
    depth: int = 0
    told_where: tuple[Condition, ...] = ()
    goes_on: bool = True


def read_procedures(folder: Path) -> dict[str, CreateModule]:
    """Parse every procedure of a folder; keys are names in lower case without the schema."""
    return {
        module.name[-1].lower(): module
        for path in sorted(folder.rglob("*.sql"))
        for batch, _ in split_batches(path.read_text(encoding="utf-8"))
        for module in parse_batch(batch).statements
        if isinstance(module, CreateModule) and module.kind == "PROCEDURE"
    }


def statements_of(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """Each statement, also those inside of others."""
    for statement in statements:
        yield statement
        if isinstance(statement, Block):
            yield from statements_of(statement.body)
        elif isinstance(statement, TryCatch):
            yield from statements_of(statement.body + statement.handler)
        elif isinstance(statement, While):
            yield from statements_of((statement.body,))
        elif isinstance(statement, If):
            yield from statements_of(
                (statement.then, statement.otherwise) if statement.otherwise else (statement.then,)
            )


def _gives_run(statement: Statement) -> bool:
    """Whether a call has the caller's @RunId among its arguments."""
    return isinstance(statement, Execute) and any(
        isinstance(argument.value, Variable) and argument.value.name.lower() == "@runid"
        for argument in statement.arguments
    )


def called(statement: Statement) -> str | None:
    """The procedure that a statement calls, in lower case without the schema."""
    if isinstance(statement, Insert) and isinstance(statement.source, Execute):
        statement = statement.source
    return statement.procedure[-1].lower() if isinstance(statement, Execute) else None


class RunEnds:
    """The refusals of procedures behind StartRun before which no EndRun outside of a transaction is called.

    A procedure without a run of its own is read as if its caller had one. Its EndRun counts where it was given @RunId.
    """

    def __init__(self, procedures: dict[str, CreateModule]) -> None:
        self.procedures = procedures
        self._known: dict[tuple[str, bool, bool, bool], tuple[str, ...]] = {}

    def starters(self) -> list[str]:
        """The procedures that begin a run."""
        return [name for name in self.procedures if self._begins(name)]

    def without_a_word(self, name: str) -> tuple[str, ...]:
        """The refusals of a procedure that begins a run, each as the chain of procedures and lines that leads to it."""
        return self._refusals(name, in_transaction=False, callers=False, given=True)

    def reached(self, name: str) -> set[str]:
        """The names of all procedures that a procedure calls, also by others, the system's too."""
        found: set[str] = set()
        todo = [name]
        while todo:
            new = {callee for callee in map(called, statements_of(self.procedures[todo.pop()].body)) if callee} - found
            found |= new
            todo += [callee for callee in new if callee in self.procedures]
        return found

    def _begins(self, name: str) -> bool:
        calls = set(map(called, statements_of(self.procedures[name].body)))
        return "startrun" in calls or any(callee in self.procedures and self._hands_on(callee) for callee in calls)

    def _hands_on(self, name: str) -> bool:
        """Whether it begins a run that goes on after it."""
        if "startrun" not in map(called, statements_of(self.procedures[name].body)):
            return False
        return any(
            parameter.output and parameter.name.lower() == "@runid" for parameter in self.procedures[name].parameters
        )

    def _refusals(self, name: str, *, in_transaction: bool, callers: bool, given: bool) -> tuple[str, ...]:
        key = name, in_transaction, callers, given
        if key not in self._known:
            self._known[key] = ()
            found: list[str] = []
            own = callers and (self._begins(name) or not given)
            state = _State(is_open=callers, depth=int(in_transaction))
            self._walk(self.procedures[name].body, state, name, found, ends_count=not own)
            self._known[key] = tuple(dict.fromkeys(found))
        return self._known[key]

    def _walk(
        self, statements: tuple[Statement, ...], state: _State, name: str, found: list[str], *, ends_count: bool
    ) -> None:
        for statement in statements:
            if not state.goes_on:
                return
            where = f"{name}:{statement.line}"
            callee = called(statement)
            if callee is not None:
                self._call(callee, state, where, found, given=_gives_run(statement), ends_count=ends_count)
            elif isinstance(statement, Block):
                self._walk(statement.body, state, name, found, ends_count=ends_count)
            elif isinstance(statement, While):
                self._walk((statement.body,), state, name, found, ends_count=ends_count)
                state.goes_on = True
            elif isinstance(statement, If):
                self._branch(statement, state, name, found, ends_count=ends_count)
            elif isinstance(statement, TryCatch):
                body = replace(state)
                self._walk(statement.body, body, name, [], ends_count=ends_count)
                # Where the error left a transaction open, what the handler logs before its ROLLBACK is lost.
                handler = _State(is_open=state.is_open or body.is_open, depth=1)
                self._walk(statement.handler, handler, name, found, ends_count=ends_count)
                vars(state).update(vars(body))
            elif isinstance(statement, Transaction):
                state.depth = {"BEGIN": state.depth + 1, "COMMIT": max(0, state.depth - 1), "ROLLBACK": 0}.get(
                    statement.action, state.depth
                )
            elif isinstance(statement, (Return, Throw)) or _is_error(statement):
                if not isinstance(statement, Return) and state.is_open and not state.told:
                    found.append(where)
                state.goes_on = isinstance(statement, RaiseError)

    def _call(self, callee: str, state: _State, where: str, found: list[str], *, given: bool, ends_count: bool) -> None:
        if callee == "startrun":
            state.is_open, state.told = True, False if ends_count else state.told
        elif callee == "endrun":
            state.told = state.told or (ends_count and state.depth == 0)
        elif callee in self.procedures and callee not in LOG:
            if state.is_open and not state.told:
                chains = self._refusals(callee, in_transaction=state.depth > 0, callers=True, given=given)
                found.extend(f"{where} > {chain}" for chain in chains)
            if self._hands_on(callee):
                state.is_open, state.told = True, False

    def _branch(self, statement: If, state: _State, name: str, found: list[str], *, ends_count: bool) -> None:
        then, otherwise = replace(state), replace(state)
        then.told = then.told or any(known in _conjuncts(statement.condition) for known in state.told_where)
        self._walk((statement.then,), then, name, found, ends_count=ends_count)
        if statement.otherwise is not None:
            self._walk((statement.otherwise,), otherwise, name, found, ends_count=ends_count)
        ways = [way for way in (then, otherwise) if way.goes_on]
        if then.told and not state.told:
            state.told_where += (statement.condition,)
        state.goes_on = bool(ways)
        if ways:
            state.is_open = any(way.is_open for way in ways)
            state.told = all(way.told or not way.is_open for way in ways) and any(way.told for way in ways)
            state.depth = min(way.depth for way in ways)


def _is_error(statement: Statement) -> bool:
    return isinstance(statement, RaiseError) and not (
        isinstance(statement.severity, Literal) and int(statement.severity.value) <= 10
    )


def _conjuncts(condition: Condition) -> list[Condition]:
    if isinstance(condition, Logical) and condition.operator.upper() == "AND":
        return [part for side in (condition.left, condition.right) for part in _conjuncts(side)]
    return [condition]
