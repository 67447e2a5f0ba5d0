"""Expressions that have a value, as SQLite text with T-SQL's types."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from lungdb.embedded.functions.arithmetic import arithmetic, finite, unary
from lungdb.embedded.functions.base import Function
from lungdb.embedded.functions.registry import FUNCTIONS
from lungdb.embedded.functions.system import GLOBALS, SESSION_VALUES, SYSTEM_FUNCTIONS
from lungdb.embedded.syntax.reader import words
from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.syntax.tree import (
    Binary,
    Call,
    Cast,
    Column,
    Compare,
    Condition,
    GlobalVariable,
    Literal,
    Parameter,
    Query,
    Scalar,
    SearchedCase,
    SimpleCase,
    Subquery,
    Unary,
    Variable,
)
from lungdb.embedded.values.conversions import conversion_template, convert
from lungdb.embedded.values.names import TEXT_COLLATION, key, literal
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.stored import Value, decode_decimal, encode_decimal
from lungdb.embedded.values.types import INT, REAL, Family, SqlType, decimal_type, varchar
from lungdb.embedded.writer.scope import Bind, Binds, OutColumn, Scope, Sql
from lungdb.embedded.writer.tree_search import AGGREGATE_NAMES
from lungdb.errors import SqlError

WINDOWED = words("ROW_NUMBER RANK DENSE_RANK NTILE LAG LEAD FIRST_VALUE LAST_VALUE PERCENT_RANK CUME_DIST")


_NATIVE = re.compile(r"\(\{0\} (\S+) \{1\}\)")
_CHAINS = {"+": "+", "-": "+", "*": "*", "||": "||"}


class Surroundings(Protocol):
    """What the writer asks of the session."""

    def variable_type(self, name: str) -> SqlType:
        """Return the type of a variable."""

    def parameter_type(self, index: int) -> SqlType | None:
        """Return the type of a ``?``, None for NULL."""

    def find_table(self, name: tuple[str, ...]) -> tuple[TableDefinition, str] | None:
        """Return a table and its name in SQLite."""

    def find_view(self, name: tuple[str, ...]) -> tuple[str, tuple[str, ...], Query] | None:
        """Return a view's name, its column names and its query."""

    def find_system_view(self, name: tuple[str, ...]) -> tuple[str, tuple[OutColumn, ...]] | None:
        """Return the key of a catalog view and its columns."""


class ValueWriter(ABC):
    """Writes expressions.

    Parameters
    ----------
    surroundings : Surroundings
        Where names come from.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.binds = Binds()
        self.scope = Scope()

    @abstractmethod
    def condition(self, node: Condition) -> str:
        """Write a condition."""

    @abstractmethod
    def scalar_query(self, query: Query) -> Sql:
        """Write a query in parentheses that stands for its one value."""

    @abstractmethod
    def aggregate(self, call: Call) -> Sql:
        """Write an aggregate or a window function."""

    def scalar(self, node: Scalar) -> Sql:
        """Write an expression."""
        grouped = self.scope.grouped
        if grouped is not None and not grouped.inside and not isinstance(node, Column | Literal | Variable):
            whole = self._group_expression(node)
            if whole is not None:
                return whole
        match node:
            case Literal():
                return self.constant(node.value, node.type)
            case Variable():
                return self._bound(Bind("variable", node.name), self.surroundings.variable_type(node.name))
            case Parameter():
                kind = self.surroundings.parameter_type(node.index)
                if kind is None:
                    return self.constant(None, INT)
                return self._bound(Bind("parameter", str(node.index)), kind)
            case GlobalVariable():
                return self._global(node.name)
            case Column():
                return self._column(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Cast():
                return self._cast(node)
            case SimpleCase():
                tests: list[Condition] = [Compare("=", node.operand, value) for value, _ in node.branches]
                return self._case(tests, [value for _, value in node.branches], node.otherwise)
            case SearchedCase():
                conditions = [condition for condition, _ in node.branches]
                return self._case(conditions, [value for _, value in node.branches], node.otherwise)
            case Subquery():
                return self.scalar_query(node.query)
            case Call():
                return self._call(node)

    def _group_expression(self, node: Scalar) -> Sql | None:
        """Return the text of an expression that the query is grouped by, or None if it is another one."""
        grouped = self.scope.grouped
        assert grouped is not None
        if not grouped.texts or (isinstance(node, Call) and node.name in AGGREGATE_NAMES):
            return None
        grouped.inside = True
        try:
            sql = self.scalar(node)
        except SqlError:
            return None
        finally:
            grouped.inside = False
        return sql if sql.text in grouped.texts else None

    def constant(self, value: Value, kind: SqlType) -> Sql:
        """Write a constant."""
        text = literal(value)
        if text is None:
            text = self.binds.add(Bind("constant", "", value))
        return Sql(text, kind, atomic=True, constant=True, value=value)

    def _bound(self, bind: Bind, kind: SqlType) -> Sql:
        return Sql(self.binds.add(bind), kind, atomic=True)

    def _global(self, name: str) -> Sql:
        if name not in GLOBALS:
            raise SqlError(137, f'Must declare the scalar variable "{name}". The embedded engine has no such one.')
        return self._bound(Bind("session", name), GLOBALS[name])

    def _column(self, node: Column) -> Sql:
        found, scope = self.scope.resolve(node.name)
        grouped = scope.grouped
        if grouped is not None and not grouped.inside and found.text not in grouped.texts:
            raise SqlError(
                grouped.number,
                f"Column '{'.'.join(node.name)}' is invalid in {grouped.clause} because it is not contained in either "
                "an aggregate function or the GROUP BY clause. Put it in one of them.",
            )
        return Sql(found.text, found.type, atomic=True)

    def convert(self, sql: Sql, target: SqlType, *, explicit: bool = False) -> Sql:
        """Write the conversion of an expression; constants are converted at once.

        Raises
        ------
        SqlError
            257 or 529 where it is not allowed.
        """
        if sql.is_null:
            return Sql("NULL", target, atomic=True, constant=True)
        if sql.type == target:
            return sql
        if sql.constant:
            try:
                return self.constant(convert(sql.value, sql.type, target, explicit=explicit), target)
            except SqlError as error:
                # A value that does not convert is an error only where the expression is evaluated.
                if error.number in (257, 529):
                    raise
        template = conversion_template(sql.type, target, explicit=explicit)
        return Sql(template.format(sql.text), target, atomic=sql.atomic and template == "{0}",
                   may_overflow=sql.may_overflow)  # fmt: skip

    def collated(self, sql: Sql) -> str:
        """Return the text, with the collation where the value is a text."""
        if sql.type.family == Family.CHARACTER:
            return f"{sql.text} COLLATE {TEXT_COLLATION}"
        return sql.text

    def finite(self, sql: Sql) -> Sql:
        """Return an expression whose value is never infinite."""
        return Sql(finite(sql.text), sql.type) if sql.may_overflow else sql

    def common(self, parts: Sequence[Sql]) -> tuple[list[Sql], SqlType]:
        """Convert expressions to the one type of CASE, COALESCE, UNION; NULLs follow the others."""
        target = combined_type([part.type for part in parts if not part.is_null])
        return [self.convert(part, target) for part in parts], target

    def _unary(self, node: Unary) -> Sql:
        operand = self.scalar(node.operand)
        call = unary(node.operator, operand.type)
        if operand.constant and operand.type.family == Family.DECIMAL and operand.value is not None:
            return self.constant(encode_decimal(-decode_decimal(str(operand.value))), operand.type)
        return Sql(call.template.format(operand.text), call.result, may_overflow=operand.may_overflow)

    def _binary(self, node: Binary) -> Sql:
        # A chain such as a + b + … + z leans to the left; it is walked, so that its length is no depth.
        chain = [node]
        while isinstance(chain[-1].left, Binary) and self.scope.grouped is None:
            chain.append(chain[-1].left)
        sql = self.scalar(chain[-1].left)
        for each in reversed(chain):
            sql = self._operation(each.operator, sql, self.scalar(each.right))
        return sql

    def _operation(self, operator: str, left: Sql, right: Sql) -> Sql:
        types = [self._literal_type(side, other) for side, other in ((left, right), (right, left))]
        call = arithmetic(operator, types[0], types[1])
        left, right = (self.convert(side, target) for side, target in zip((left, right), call.parameters, strict=True))
        native = _NATIVE.fullmatch(call.template)
        if call.result.family == Family.INTEGER and operator in "+-*":
            chain = _chained(operator, left, right.unchecked or right.text, left.unchecked or left.text)
            inner = f"({chain[1]})"
            return Sql(f"tsql_{call.result.name}({inner})", call.result, unchecked=inner, chain=chain)
        simple = right.atomic and (left.atomic or bool(right.constant and right.value))
        if call.result.family in (Family.FLOAT, Family.INTEGER) and operator == "/" and simple:
            return self._quotient(left, right, call.result)
        risky = call.result.family == Family.FLOAT and operator in "+-*"
        if native is not None:
            chain = _chained(native[1], left, right.text, left.text)
            return Sql(f"({chain[1]})", call.result, chain=chain, may_overflow=risky)
        return Sql(call.template.format(left.text, right.text), call.result, may_overflow=risky)

    def _quotient(self, left: Sql, right: Sql, result: SqlType) -> Sql:
        """Divide in SQLite; a zero divisor, the only value that fails the test besides NULL, goes to the function.

        NULL / 0 is NULL, so the function is told the dividend too.
        """
        text = f"({left.text} / coalesce(nullif({right.text}, 0), tsql_divide({left.text}, {right.text})))"
        if right.constant and right.value:
            text = f"({left.text} / {right.text})"
        if result.name in ("float", "int", "bigint") or result.family == Family.INTEGER:
            return Sql(text, result, may_overflow=result.family == Family.FLOAT)
        return Sql(f"tsql_{result.name}({text})", result)

    def _literal_type(self, sql: Sql, other: Sql) -> SqlType:
        if sql.is_null:
            return other.type if other.type.family != Family.CHARACTER or not other.is_null else INT
        if sql.constant and sql.type == INT and other.type.family == Family.DECIMAL and other.type.name == "decimal":
            return decimal_type(len(str(abs(int(sql.value or 0)))), 0)
        return sql.type

    def _cast(self, node: Cast) -> Sql:
        operand = self.scalar(node.operand)
        style = None if node.style is None else self.convert(self.scalar(node.style), INT)
        if operand.is_null:
            # Unlike the bare word it has a type, which ISNULL, CASE and UNION go by.
            return Sql("NULL", node.type, atomic=True)
        if style is None and not node.lenient:
            return self._json_number(node, operand) or self.convert(operand, node.type, explicit=True)
        template = conversion_template(
            operand.type, node.type, style="NULL" if style is None else style.text, explicit=True, attempt=node.lenient
        )
        return Sql(template.format(operand.text), node.type)

    def _json_number(self, node: Cast, operand: Sql) -> Sql | None:
        """Take indices and single precision numbers of OPENJSON from SQLite, much faster than by way of their text."""
        if not isinstance(node.operand, Column):
            return None
        found, _ = self.scope.resolve(node.operand.name)
        general = self.convert(operand, node.type, explicit=True).text
        if found.json and key(found.name) == "key" and node.type == INT:
            raw = f"{found.json}.key"
            return Sql(f"(CASE typeof({raw}) WHEN 'integer' THEN {raw} ELSE {general} END)", INT)
        if found.json and key(found.name) == "value" and node.type == REAL:
            # A digit for the type stands before the value: see functions_rows.
            raw = f"{found.json}.value"
            number = f"tsql_real(CAST(substr({raw}, 2) AS REAL))"
            return Sql(f"(CASE WHEN substr({raw}, 1, 1) = '2' THEN {number} ELSE {general} END)", REAL)
        return None

    def _case(self, tests: Sequence[Condition], values: Sequence[Scalar], otherwise: Scalar | None) -> Sql:
        conditions = [self.condition(test) for test in tests]
        results = [self.scalar(value) for value in values]
        results.append(self.constant(None, INT) if otherwise is None else self.scalar(otherwise))
        if all(part.is_null for part in results):
            raise SqlError(
                8133, "At least one of the result expressions in a CASE specification must be an expression other "
                "than the NULL constant. CAST one of the NULLs."
            )  # fmt: skip
        parts, kind = self.common(results)
        branches = " ".join(
            f"WHEN {condition} THEN {part.text}" for condition, part in zip(conditions, parts[:-1], strict=True)
        )
        risky = any(part.may_overflow for part in parts)
        return Sql(f"(CASE {branches} ELSE {parts[-1].text} END)", kind, may_overflow=risky)

    def _call(self, node: Call) -> Sql:
        name = node.name
        if name in WINDOWED or name in AGGREGATE_NAMES:
            return self.aggregate(node)
        if node.over is not None or node.within or node.distinct or node.star:
            raise SqlError(102, f"Incorrect syntax near '{name}': it takes no OVER, WITHIN GROUP, DISTINCT or *.")
        if name in SESSION_VALUES and not node.arguments:
            return self._bound(Bind("session", name), SESSION_VALUES[name])
        if name == "COALESCE":
            return self._coalesce(node)
        if name == "NULLIF":
            return self._null_if(node)
        if name == "ISNULL":
            return self._is_null(node)
        if name == "CHOOSE":
            return self._choose(node)
        function = SYSTEM_FUNCTIONS.get(name) or FUNCTIONS.get(name)
        if function is None:
            raise SqlError(
                195, f"'{name}' is not a recognized built-in function name, or the embedded engine does not have it. "
                "Check its spelling, or use SQL Server."
            )  # fmt: skip
        return self._function(function, node)

    def _function(self, function: Function, node: Call) -> Sql:
        arguments: list[Sql] = []
        for position, argument in enumerate(node.arguments):
            if position == 0 and function.takes_date_part:
                arguments.append(self._date_part(function, argument))
            else:
                arguments.append(self.scalar(argument))
        call = function.call([each.type for each in arguments])
        texts = [
            self.convert(each, kind, explicit=True).text for each, kind in zip(arguments, call.parameters, strict=True)
        ]
        return Sql(call.template.format(*texts), call.result)

    def _date_part(self, function: Function, argument: Scalar) -> Sql:
        if not isinstance(argument, Column) or len(argument.name) != 1:
            raise SqlError(
                1023, f"Invalid parameter 1 specified for {function.name.lower()}. Give a bare word such as DAY."
            )
        word = argument.name[0].lower()
        return self.constant(word, varchar(max(1, len(word))))

    def _arguments(self, node: Call, least: int, most: int) -> list[Sql]:
        if not least <= len(node.arguments) <= most:
            raise SqlError(174, f"The {node.name} function requires {least} argument(s). Give as many.")
        return [self.scalar(each) for each in node.arguments]

    def _coalesce(self, node: Call) -> Sql:
        parts = self._arguments(node, 2, 100)
        if all(part.is_null for part in parts):
            raise SqlError(4127, "At least one of the arguments to COALESCE must be an expression that is not the NULL "
                           "constant. CAST one of the NULLs.")  # fmt: skip
        parts, kind = self.common(parts)
        risky = any(part.may_overflow for part in parts)
        return Sql(f"coalesce({', '.join(part.text for part in parts)})", kind, may_overflow=risky)

    def _is_null(self, node: Call) -> Sql:
        first, second = self._arguments(node, 2, 2)
        kind = second.type if first.is_null else first.type
        first, second = self.convert(first, kind), self.convert(second, kind)
        return Sql(f"ifnull({first.text}, {second.text})", kind, may_overflow=first.may_overflow)

    def _null_if(self, node: Call) -> Sql:
        first, second = self._arguments(node, 2, 2)
        (left, right), _ = self.common((first, second))
        return Sql(f"(CASE WHEN {self.collated(left)} = {right.text} THEN NULL ELSE {first.text} END)", first.type)

    def _choose(self, node: Call) -> Sql:
        index, *choices = self._arguments(node, 2, 100)
        parts, kind = self.common(choices)
        branches = " ".join(f"WHEN {number} THEN {part.text}" for number, part in enumerate(parts, start=1))
        return Sql(f"(CASE {self.convert(index, INT).text} {branches} END)", kind)


def _chained(operator: str, left: Sql, right: str, otherwise: str) -> tuple[str, str]:
    """Return what `Sql.chain` says of ``left operator right``; `otherwise` is the left text with its parentheses."""
    kind = _CHAINS.get(operator, "")
    start = left.chain[1] if kind and left.chain[0] == kind else otherwise
    return kind, f"{start} {operator} {right}"
