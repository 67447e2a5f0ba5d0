"""Expressions and conditions, by precedence: ``~``, ``* / %``, ``+ - & | ^``, comparisons, NOT, AND, OR.

Whether an expression has a value or is a condition shows only when it was read, since both may begin with any number of
parentheses. So what lies between reads a node of either kind, and who needs one kind checks that it got it.
"""

from __future__ import annotations

from collections.abc import Callable

from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.literals import literal
from lungdb.embedded.syntax.reader import Item, TokenReader, words
from lungdb.embedded.syntax.tree import (
    CONDITIONS,
    Between,
    Binary,
    Call,
    Cast,
    Column,
    Compare,
    Condition,
    Exists,
    GlobalVariable,
    InList,
    InQuery,
    IsNull,
    Like,
    Literal,
    Logical,
    Node,
    Not,
    OrderItem,
    Over,
    Parameter,
    Query,
    Scalar,
    SearchedCase,
    SimpleCase,
    Subquery,
    Unary,
    Variable,
    WindowFrame,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import INT

_NULL = Literal(None, INT)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "!<": ">=", "!>": "<="}
_MARKS_OF_CONDITIONS = _COMPARISONS.keys() | words("AND OR IS IN LIKE BETWEEN NOT")
_PRECEDENCE = {"*": 2, "/": 2, "%": 2, "+": 1, "-": 1, "&": 1, "|": 1, "^": 1}
_CAST_LENGTH = 30


def scalar(reader: TokenReader) -> Scalar:
    """Read an expression that has a value."""
    start = reader.position
    return _as_scalar(reader, _disjunction(reader), start)


def condition(reader: TokenReader) -> Condition:
    """Read an expression that is true, false or unknown."""
    return _as_condition(reader, _disjunction(reader))


def _as_scalar(reader: TokenReader, node: Node, start: int) -> Scalar:
    """Return the node that was read from a position on, or fail at what makes it a condition."""
    if not isinstance(node, CONDITIONS):
        return node
    depth = 0
    for token in reader.tokens[start : reader.position]:
        depth += (token.word == "(") - (token.word == ")")
        if depth == 0 and token.word in _MARKS_OF_CONDITIONS:
            reader.fail(token)
    reader.fail()


def _as_condition(reader: TokenReader, node: Node) -> Condition:
    if isinstance(node, CONDITIONS):
        return node
    before = reader.tokens[reader.position - 1]
    raise numbered_error(4145, line=before.line, near=reader.token.text or before.text)


def _disjunction(reader: TokenReader) -> Node:
    left = _conjunction(reader)
    while reader.at("OR"):
        left = _as_condition(reader, left)
        reader.next()
        left = Logical("OR", left, _as_condition(reader, _conjunction(reader)))
    return left


def _conjunction(reader: TokenReader) -> Node:
    left = _negation(reader)
    while reader.at("AND"):
        left = _as_condition(reader, left)
        reader.next()
        left = Logical("AND", left, _as_condition(reader, _negation(reader)))
    return left


def _negation(reader: TokenReader) -> Node:
    if reader.take("NOT"):
        return Not(_as_condition(reader, _negation(reader)))
    return _comparison(reader)


def _comparison(reader: TokenReader) -> Node:
    if reader.take("EXISTS"):
        return Exists(_query_in_parentheses(reader))
    node = _arithmetic(reader)
    if isinstance(node, CONDITIONS):
        return node
    operator = _COMPARISONS.get(reader.token.word)
    if operator is not None:
        reader.next()
        if reader.at_any("ALL", "ANY", "SOME"):
            reader.refuse(f"A comparison with {reader.token.word}")
        return Compare(operator, node, _operand(reader))
    if reader.take("IS"):
        negated = reader.take("NOT")
        reader.expect("NULL")
        return IsNull(node, negated)
    negated = reader.at("NOT") and reader.ahead().word in _PREDICATES and reader.take("NOT")
    predicate = _PREDICATES.get(reader.token.word)
    if predicate is None:
        return node
    reader.next()
    return predicate(reader, node, negated)


def _operand(reader: TokenReader) -> Scalar:
    start = reader.position
    return _as_scalar(reader, _arithmetic(reader), start)


def _between(reader: TokenReader, operand: Scalar, negated: bool) -> Condition:
    low = _operand(reader)
    reader.expect("AND")
    return Between(operand, low, _operand(reader), negated)


def _in(reader: TokenReader, operand: Scalar, negated: bool) -> Condition:
    reader.expect("(")
    if reader.at_any("SELECT", "WITH"):
        found: Condition = InQuery(operand, reader.grammar.query(reader), negated)
    else:
        found = InList(operand, reader.commas(scalar), negated)
    reader.expect(")")
    return found


def _like(reader: TokenReader, operand: Scalar, negated: bool) -> Condition:
    pattern = _operand(reader)
    escape = _operand(reader) if reader.take("ESCAPE") else None
    return Like(operand, pattern, escape, negated)


_PREDICATES: dict[str, Callable[[TokenReader, Scalar, bool], Condition]] = {
    "BETWEEN": _between,
    "IN": _in,
    "LIKE": _like,
}


def _query_in_parentheses(reader: TokenReader) -> Query:
    reader.expect("(")
    query = _query_in_parentheses(reader) if reader.at("(") else reader.grammar.query(reader)
    reader.expect(")")
    return query


def _arithmetic(reader: TokenReader, least: int = 0) -> Node:
    """Read operators that bind more closely than a precedence."""
    start = reader.position
    left = unary(reader)
    while (precedence := _PRECEDENCE.get(reader.token.word, 0)) > least:
        operator = reader.next().word
        left = _as_scalar(reader, left, start)
        right_start = reader.position
        right = _as_scalar(reader, _arithmetic(reader, precedence), right_start)
        left = Binary(operator, left, right)
    return left


def unary(reader: TokenReader) -> Node:
    """Read a primary expression with its signs."""
    operator = reader.take_any("-", "+", "~")
    if not operator:
        node = primary(reader)
        reader.default_collation()
        if reader.at("AT", "TIME"):
            reader.refuse("AT TIME ZONE")
        return node
    start = reader.position
    operand = _as_scalar(reader, unary(reader), start)
    if operator == "-" and isinstance(operand, Literal) and isinstance(operand.value, int | float):
        return Literal(-operand.value, operand.type)
    return operand if operator == "+" else Unary(operator, operand)


def primary(reader: TokenReader) -> Node:
    """Read an expression without operators but in parentheses."""
    return _PRIMARIES.get(reader.token.kind, literal)(reader)


def _parentheses(reader: TokenReader) -> Node:
    reader.expect("(")
    node = Subquery(reader.grammar.query(reader)) if reader.at_any("SELECT", "WITH") else _disjunction(reader)
    reader.expect(")")
    return node


def _parameter(reader: TokenReader) -> Node:
    reader.next()
    reader.parameter_count += 1
    return Parameter(reader.parameter_count - 1)


def _word(reader: TokenReader) -> Node:
    word = reader.token.word
    form = _FORMS.get(word)
    if form is None and reader.ahead().word == "(":
        form = _CALLED_FORMS.get(word)
    return form(reader) if form is not None else _column_or_call(reader)


def _column_or_call(reader: TokenReader) -> Node:
    token = reader.token
    name = reader.name()
    if not reader.at("("):
        return Column(name)
    if len(name) > 1:
        reader.refuse(f"The function {'.'.join(name)}", token)
    return _call(reader, name[0].upper())


_PRIMARIES: dict[Kind, Callable[[TokenReader], Node]] = {
    Kind.END: _column_or_call,
    Kind.GLOBAL: lambda reader: GlobalVariable(reader.next().value),
    Kind.NAME: _word,
    Kind.PARAMETER: _parameter,
    Kind.QUOTED: _column_or_call,
    Kind.SYMBOL: _parentheses,
    Kind.VARIABLE: lambda reader: Variable(reader.variable()),
}


def _null(reader: TokenReader) -> Node:
    reader.next()
    return _NULL


def _case(reader: TokenReader) -> Node:
    reader.expect("CASE")
    if reader.at("WHEN"):
        return SearchedCase(_branches(reader, condition), _otherwise(reader))
    return SimpleCase(scalar(reader), _branches(reader, scalar), _otherwise(reader))


def _branches(reader: TokenReader, read: Callable[[TokenReader], Item]) -> tuple[tuple[Item, Scalar], ...]:
    branches: list[tuple[Item, Scalar]] = []
    while reader.take("WHEN"):
        tested = read(reader)
        reader.expect("THEN")
        branches.append((tested, scalar(reader)))
    if not branches:
        reader.fail()
    return tuple(branches)


def _otherwise(reader: TokenReader) -> Scalar | None:
    otherwise = scalar(reader) if reader.take("ELSE") else None
    reader.expect("END")
    return otherwise


def _call_without_parentheses(reader: TokenReader) -> Node:
    word = reader.next().word
    return Call("GETDATE" if word == "CURRENT_TIMESTAMP" else word, ())


def _cast(reader: TokenReader) -> Node:
    lenient = reader.next().word == "TRY_CAST"
    reader.expect("(")
    operand = scalar(reader)
    reader.expect("AS")
    kind = reader.data_type(_CAST_LENGTH)
    reader.expect(")")
    return Cast(operand, kind, None, lenient)


def _convert(reader: TokenReader) -> Node:
    lenient = reader.next().word == "TRY_CONVERT"
    reader.expect("(")
    kind = reader.data_type(_CAST_LENGTH)
    reader.expect(",")
    operand = scalar(reader)
    style = scalar(reader) if reader.take(",") else None
    reader.expect(")")
    return Cast(operand, kind, style, lenient)


def _immediate_if(reader: TokenReader) -> Node:
    reader.expect("IIF", "(")
    tested = condition(reader)
    reader.expect(",")
    then = scalar(reader)
    reader.expect(",")
    otherwise = scalar(reader)
    reader.expect(")")
    return SearchedCase(((tested, then),), otherwise)


_FORMS: dict[str, Callable[[TokenReader], Node]] = {
    "NULL": _null,
    "CASE": _case,
    **dict.fromkeys(words("CURRENT_TIMESTAMP CURRENT_USER SESSION_USER SYSTEM_USER USER"), _call_without_parentheses),
}
_CALLED_FORMS: dict[str, Callable[[TokenReader], Node]] = {
    "CAST": _cast,
    "CONVERT": _convert,
    "IIF": _immediate_if,
    "TRY_CAST": _cast,
    "TRY_CONVERT": _convert,
    **dict.fromkeys(words("COALESCE IDENTITY LEFT NULLIF RIGHT"), lambda reader: _call(reader, reader.next().word)),
    **dict.fromkeys(
        words(
            "APPROX_COUNT_DISTINCT BINARY_CHECKSUM CHECKSUM CHECKSUM_AGG CONTAINS FREETEXT GROUPING GROUPING_ID PARSE "
            "PERCENTILE_CONT PERCENTILE_DISC TRY_PARSE"
        ),
        lambda reader: reader.refuse(reader.token.word),
    ),
}


def _call(reader: TokenReader, name: str) -> Call:
    """Read what follows a function's name."""
    reader.expect("(")
    distinct = False
    arguments: tuple[Scalar, ...] = ()
    star = reader.take("*")
    if not star and not reader.at(")"):
        distinct = reader.take_any("ALL", "DISTINCT") == "DISTINCT"
        arguments = reader.commas(scalar)
        if name == "TRIM" and reader.at("FROM"):
            reader.refuse("TRIM(… FROM …)")
        if name == "RAND":
            reader.refuse("RAND with a seed")
    reader.expect(")")
    within = reader.enclosed(order_by) if reader.take("WITHIN", "GROUP") else ()
    over = reader.enclosed(_over) if reader.take("OVER") else None
    return Call(name, arguments, distinct, star, over, within)


def order_by(reader: TokenReader) -> tuple[OrderItem, ...]:
    """Read ORDER BY and its items."""
    reader.expect("ORDER", "BY")
    return reader.commas(_order_item)


def _order_item(reader: TokenReader) -> OrderItem:
    value = scalar(reader)
    return OrderItem(value, reader.descending())


def _over(reader: TokenReader) -> Over:
    partition: tuple[Scalar, ...] = ()
    if reader.take("PARTITION"):
        reader.expect("BY")
        partition = reader.commas(scalar)
    order = order_by(reader) if reader.at("ORDER") else ()
    return Over(partition, order, _frame(reader))


def _frame(reader: TokenReader) -> WindowFrame | None:
    unit = reader.take_any("ROWS", "RANGE")
    if not unit:
        return None
    if not reader.take("BETWEEN"):
        return WindowFrame(unit, _frame_edge(reader), "")
    first = _frame_edge(reader)
    reader.expect("AND")
    return WindowFrame(unit, first, _frame_edge(reader))


def _frame_edge(reader: TokenReader) -> str:
    if reader.take("CURRENT"):
        reader.expect("ROW")
        return "CURRENT ROW"
    distance = "UNBOUNDED" if reader.take("UNBOUNDED") else str(reader.unsigned())
    return f"{distance} {reader.expect_any('PRECEDING', 'FOLLOWING')}"
