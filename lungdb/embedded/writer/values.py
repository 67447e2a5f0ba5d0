"""Constants, variables, columns, operators, CAST and CASE, as SQLite text with T-SQL's types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lungdb.embedded.functions.arithmetic import arithmetic, single, unary
from lungdb.embedded.functions.system import GLOBALS
from lungdb.embedded.syntax.tree import (
    Binary,
    Cast,
    Column,
    Compare,
    Condition,
    GlobalVariable,
    Literal,
    Parameter,
    Scalar,
    SearchedCase,
    SimpleCase,
    Unary,
    Variable,
)
from lungdb.embedded.values.conversions import conversion_template
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.stored import decode_decimal, encode_decimal
from lungdb.embedded.values.types import FLOAT, INT, REAL, Family, SqlType, decimal_type
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Bind, Sql

_NATIVE = re.compile(r"\(\{0\} (\S+) \{1\}\)")
# So long may a dividend be that is written twice, though computed once: it doubles with every quotient in another.
_TWICE = 500
_CHAINS = {"+": "+", "-": "+", "*": "*", "||": "||"}


def _literal(writer: Writer, node: Literal) -> Sql:
    return writer.constant(node.value, node.type)


def _variable(writer: Writer, node: Variable) -> Sql:
    return writer.bound(Bind("variable", node.name), writer.surroundings.variable_type(node.name))


def _parameter(writer: Writer, node: Parameter) -> Sql:
    kind = writer.surroundings.parameter_type(node.index)
    if kind is None:
        return writer.constant(None, INT)
    return writer.bound(Bind("parameter", str(node.index)), kind)


def _global(writer: Writer, node: GlobalVariable) -> Sql:
    if node.name not in GLOBALS:
        raise numbered_error(137, variable=node.name, advice="The embedded engine has no such one.")
    return writer.bound(Bind("session", node.name), GLOBALS[node.name])


def _column(writer: Writer, node: Column) -> Sql:
    found, scope = writer.scope.resolve(node.name)
    grouped = scope.grouped
    if grouped is not None and not grouped.inside and found.text not in grouped.texts:
        raise numbered_error(grouped.number, column=".".join(node.name))
    return Sql(found.text, found.type, atomic=True)


def _unary(writer: Writer, node: Unary) -> Sql:
    operand = writer.scalar(node.operand)
    call = unary(node.operator, operand.type)
    if operand.constant and operand.type.family == Family.DECIMAL and operand.value is not None:
        return writer.constant(encode_decimal(-decode_decimal(str(operand.value))), operand.type)
    return Sql(call.template.format(operand.text), call.result, may_overflow=operand.may_overflow)


def _binary(writer: Writer, node: Binary) -> Sql:
    # A chain such as a + b + … + z leans to the left; it is walked, so that its length is no depth.
    chain = [node]
    while isinstance(chain[-1].left, Binary) and writer.scope.grouped is None:
        chain.append(chain[-1].left)
    sql = writer.scalar(chain[-1].left)
    for each in reversed(chain):
        sql = _operation(writer, each.operator, sql, writer.scalar(each.right))
    return sql


def _operation(writer: Writer, operator: str, left: Sql, right: Sql) -> Sql:
    call = arithmetic(operator, _operand_type(left, right), _operand_type(right, left))
    left, right = (writer.convert(side, target) for side, target in zip((left, right), call.parameters, strict=True))
    native = _NATIVE.fullmatch(call.template)
    if call.result.family == Family.INTEGER and operator in "+-*":
        chain = _chained(operator, left, right.unchecked or right.text, left.unchecked or left.text)
        inner = f"({chain[1]})"
        return Sql(f"tsql_{call.result.name}({inner})", call.result, unchecked=inner, chain=chain)
    simple = right.atomic and (len(left.text) < _TWICE or bool(right.constant and right.value))
    if call.result.family in (Family.FLOAT, Family.INTEGER) and operator == "/" and simple:
        return _quotient(left, right, call.result)
    risky = call.result.family == Family.FLOAT and operator in "+-*"
    if native is not None:
        chain = _chained(native[1], left, right.text, left.text)
        return Sql(f"({chain[1]})", call.result, chain=chain, may_overflow=risky)
    return Sql(call.template.format(left.text, right.text), call.result, may_overflow=risky)


def _operand_type(sql: Sql, other: Sql) -> SqlType:
    """Return the type that an operand counts as beside another: NULL has the other's, a literal as many digits."""
    if sql.is_null:
        return other.type if other.type.family != Family.CHARACTER or not other.is_null else INT
    if sql.constant and sql.type == INT and other.type.family == Family.DECIMAL and other.type.name == "decimal":
        return decimal_type(len(str(abs(int(sql.value or 0)))), 0)
    return sql.type


def _chained(operator: str, left: Sql, right: str, otherwise: str) -> tuple[str, str]:
    """Return what `Sql.chain` says of ``left operator right``; `otherwise` is the left text with its parentheses."""
    kind = _CHAINS.get(operator, "")
    start = left.chain[1] if kind and left.chain[0] == kind else otherwise
    return kind, f"{start} {operator} {right}"


def _quotient(left: Sql, right: Sql, result: SqlType) -> Sql:
    """Divide in SQLite; a zero divisor, the only value that fails the test besides NULL, goes to the function.

    NULL / 0 is NULL, so the function is told the dividend too.
    """
    text = f"({left.text} / coalesce(nullif({right.text}, 0), tsql_divide({left.text}, {right.text})))"
    if right.constant and right.value:
        text = f"({left.text} / {right.text})"
    # A whole quotient is beyond its type where the smallest number is divided by -1.
    is_within = result.family == Family.INTEGER and right.constant and right.value != -1
    if result.name == "float" or is_within:
        return Sql(text, result, may_overflow=result.family == Family.FLOAT)
    return Sql(f"tsql_{result.name}({text})", result)


def _cast(writer: Writer, node: Cast) -> Sql:
    operand = writer.scalar(node.operand)
    style = None if node.style is None else writer.convert(writer.scalar(node.style), INT)
    if operand.is_null:
        # Unlike the bare word it has a type, which ISNULL, CASE and UNION go by.
        return Sql("NULL", node.type, atomic=True)
    if style is None and not node.lenient:
        return _json_number(writer, node, operand) or writer.convert(operand, node.type, explicit=True)
    template = conversion_template(
        operand.type, node.type, style="NULL" if style is None else style.text, explicit=True, attempt=node.lenient
    )
    return Sql(template.format(operand.text), node.type)


def _json_number(writer: Writer, node: Cast, operand: Sql) -> Sql | None:
    """Take indices and numbers of OPENJSON from SQLite, much faster than by way of their text."""
    if not isinstance(node.operand, Column):
        return None
    found, scope = writer.scope.resolve(node.operand.name)
    general = writer.convert(operand, node.type, explicit=True).text
    if found.json and key(found.name) == "key" and node.type == INT:
        raw = f"{found.json}.key"
        return Sql(f"(CASE typeof({raw}) WHEN 'integer' THEN {raw} ELSE {general} END)", INT)
    # A digit for the type stands before the value: see functions/rows.py.
    raw = f"{found.json}.value"
    if found.json and key(found.name) == "value" and node.type == FLOAT:
        # One that is too large for a float is infinite there, and an error in the general way.
        number = f"coalesce(nullif(nullif(tsql_json_number(substr({raw}, 2)), 9e999), -9e999), {general})"
        return Sql(f"(CASE WHEN substr({raw}, 1, 1) = '2' THEN {number} ELSE {general} END)", FLOAT)
    if found.json and key(found.name) == "value" and node.type == REAL:
        if scope.json_numbers:
            number = single(f"CAST({raw} AS REAL)")
            return Sql(f"(CASE WHEN {found.json}.type IN ('real', 'integer') THEN {number} ELSE {general} END)", REAL)
        number = f"tsql_real(CAST(substr({raw}, 2) AS REAL))"
        return Sql(f"(CASE WHEN substr({raw}, 1, 1) = '2' THEN {number} ELSE {general} END)", REAL)
    return None


def _simple_case(writer: Writer, node: SimpleCase) -> Sql:
    tests = [Compare("=", node.operand, value) for value, _ in node.branches]
    return _case(writer, tests, [value for _, value in node.branches], node.otherwise)


def _searched_case(writer: Writer, node: SearchedCase) -> Sql:
    tests = [condition for condition, _ in node.branches]
    return _case(writer, tests, [value for _, value in node.branches], node.otherwise)


def _case(writer: Writer, tests: Sequence[Condition], values: Sequence[Scalar], otherwise: Scalar | None) -> Sql:
    conditions = [writer.condition(test) for test in tests]
    results = [writer.scalar(value) for value in values]
    results.append(writer.constant(None, INT) if otherwise is None else writer.scalar(otherwise))
    if all(part.is_null for part in results):
        raise numbered_error(8133)
    parts, kind = writer.common(results)
    branches = " ".join(
        f"WHEN {condition} THEN {part.text}" for condition, part in zip(conditions, parts[:-1], strict=True)
    )
    risky = any(part.may_overflow for part in parts)
    return Sql(f"(CASE {branches} ELSE {parts[-1].text} END)", kind, may_overflow=risky)


VALUE_WRITERS: Mapping[type, Callable[[Writer, Any], Sql]] = {
    Literal: _literal,
    Variable: _variable,
    Parameter: _parameter,
    GlobalVariable: _global,
    Column: _column,
    Unary: _unary,
    Binary: _binary,
    Cast: _cast,
    SimpleCase: _simple_case,
    SearchedCase: _searched_case,
}
"""What writes each of them."""
