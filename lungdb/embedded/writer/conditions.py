"""Conditions, as SQLite text."""

from __future__ import annotations

from abc import abstractmethod

from lungdb.embedded.functions.search import FOLD_TO_ASCII, LIKE
from lungdb.embedded.syntax.tree import (
    Between,
    Column,
    Compare,
    Condition,
    Exists,
    InList,
    InQuery,
    IsNull,
    Like,
    Logical,
    Not,
    Query,
)
from lungdb.embedded.values.names import quoted
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.types import Family, SqlType
from lungdb.embedded.writer.scope import OutColumn, Sql, output_name
from lungdb.embedded.writer.values import ValueWriter
from lungdb.errors import SqlError

_DATES = frozenset(("datetime", "datetime2", "smalldatetime"))


class ConditionWriter(ValueWriter):
    """Writes conditions."""

    @abstractmethod
    def subquery(self, query: Query) -> tuple[str, list[OutColumn]]:
        """Write a query that may see the columns around it."""

    def condition(self, node: Condition) -> str:
        """Write a condition; it stands anywhere without parentheses around it."""
        match node:
            case Compare():
                left, right = self.comparable([self.scalar(node.left), self.scalar(node.right)])
                return f"({self.collated(left)} {node.operator} {right.text})"
            case Logical():
                return self._logical(node)
            case Not():
                return f"(NOT {self.condition(node.operand)})"
            case IsNull():
                return f"({self.scalar(node.operand).text} IS {'NOT ' if node.negated else ''}NULL)"
            case Between():
                value, low, high = self.comparable([self.scalar(each) for each in (node.operand, node.low, node.high)])
                word = "NOT BETWEEN" if node.negated else "BETWEEN"
                return f"({self.collated(value)} {word} {low.text} AND {high.text})"
            case InList():
                value, *others = self.comparable([self.scalar(each) for each in (node.operand, *node.values)])
                word = "NOT IN" if node.negated else "IN"
                return f"({self.collated(value)} {word} ({', '.join(each.text for each in others)}))"
            case InQuery():
                return self._in_query(node)
            case Like():
                return self._like(node)
            case Exists():
                return f"EXISTS ({self.subquery(node.query)[0]})"

    def _logical(self, node: Logical) -> str:
        # A chain of one operator leans to the left; it is walked, so that its length is no depth.
        parts = [node.right]
        rest = node.left
        while isinstance(rest, Logical) and rest.operator == node.operator:
            parts.append(rest.right)
            rest = rest.left
        return f"({f' {node.operator} '.join(self.condition(each) for each in (rest, *reversed(parts)))})"

    def comparable(self, parts: list[Sql]) -> list[Sql]:
        """Convert what is to be compared, but where the stored forms compare as they are."""
        typed = [part for part in parts if not part.is_null]
        if not typed:
            return parts
        target = combined_type([part.type for part in typed])
        if target.family in (Family.VARIANT,):
            return parts
        return [part if compares_as_stored(part.type, target) else self.convert(part, target) for part in parts]

    def _in_query(self, node: InQuery) -> str:
        text, columns = self.subquery(node.query)
        if len(columns) != 1:
            raise SqlError(
                116, "Only one expression can be specified in the select list when the subquery is not introduced with "
                "EXISTS. Select one column."
            )  # fmt: skip
        value = self.scalar(node.operand)
        column = Sql(f'"q".{quoted(output_name(columns[0], 1))}', columns[0].type)
        left, right = self.comparable([value, column])
        if right.text != column.text:
            text = f'SELECT {right.text} FROM ({text}) AS "q"'
        return f"({self.collated(left)} {'NOT IN' if node.negated else 'IN'} ({text}))"

    def _like(self, node: Like) -> str:
        parts = [self.scalar(node.operand), self.scalar(node.pattern)]
        if node.escape is not None:
            parts.append(self.scalar(node.escape))
        call = LIKE.call([part.type for part in parts])
        texts = [self.convert(part, kind).text for part, kind in zip(parts, call.parameters, strict=True)]
        text = call.template.format(*texts)
        if isinstance(node.operand, Column):
            text = _like_of_column(text, *texts)
        return f"(NOT {text})" if node.negated else f"({text})"


def _like_of_column(call: str, value: str, *pattern: str) -> str:
    """Write a LIKE that SQLite settles for most values, and Python, by the call given, for the others."""
    native, loose = (f"tsql_{name}_like({', '.join(pattern)})" for name in ("native", "loose"))
    ascii_value, ascii_pattern = (f"length({text}) = length(CAST({text} AS BLOB))" for text in (value, native))
    return (
        f"CASE WHEN {value} IS NULL THEN NULL WHEN {native} IS NULL THEN {call} "
        f"WHEN {value} LIKE {native} ESCAPE '\\' THEN 1 WHEN {loose} IS NULL OR {ascii_value} "
        f"OR {ascii_pattern} AND {value} NOT GLOB '*[{FOLD_TO_ASCII}]*' OR {value} NOT LIKE {loose} ESCAPE '\\' THEN 0 "
        f"ELSE {call} END"
    )


def compares_as_stored(kind: SqlType, target: SqlType) -> bool:
    """Tell whether stored values of a type compare with those of another, wider one."""
    if kind.family == target.family:
        if kind.family == Family.DATETIME:
            return kind.name == target.name or {kind.name, target.name} <= _DATES
        return True
    numbers = (Family.BIT, Family.INTEGER)
    return kind.family in numbers and target.family in (*numbers, Family.FLOAT)
