"""Expressions and conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.literals import literal_of
from lungdb.embedded.syntax.reader import Item, TokenReader
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
)
from lungdb.embedded.values.types import INT
from lungdb.errors import SqlError

NULL = Literal(None, INT)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "!<": ">=", "!>": "<="}
_NILADIC = ("CURRENT_TIMESTAMP", "SYSTEM_USER", "CURRENT_USER", "SESSION_USER", "USER")
_FUNCTION_WORDS = ("LEFT", "RIGHT", "COALESCE", "NULLIF", "IDENTITY")
_REFUSED_FUNCTIONS = (
    "PARSE", "TRY_PARSE", "CHECKSUM", "BINARY_CHECKSUM", "CHECKSUM_AGG", "CONTAINS", "FREETEXT", "PERCENTILE_CONT",
    "PERCENTILE_DISC", "GROUPING", "GROUPING_ID", "APPROX_COUNT_DISTINCT",
)  # fmt: skip
_BINARY = {"*": 7, "/": 7, "%": 7, "+": 6, "-": 6, "&": 6, "|": 6, "^": 6}


class ExpressionParser(TokenReader, ABC):
    """Reads expressions by precedence: ``~``, ``* / %``, ``+ - & | ^``, comparisons, NOT, AND, OR."""

    @abstractmethod
    def query(self) -> Query:
        """Read a query."""

    def scalar(self) -> Scalar:
        """Read an expression that has a value."""
        start = self.position
        node = self._node()
        return self._as_scalar(node, start)

    def condition(self) -> Condition:
        """Read an expression that is true, false or unknown."""
        return self._as_condition(self._node())

    def _as_scalar(self, node: Node, start: int) -> Scalar:
        if isinstance(node, CONDITIONS):
            depth = 0
            for position in range(start, self.position):
                token = self.tokens[position]
                depth += (token.value == "(") - (token.value == ")") if token.kind == Kind.SYMBOL else 0
                if depth == 0 and token.value in (*_COMPARISONS, "AND", "OR", "IS", "IN", "LIKE", "BETWEEN", "NOT"):
                    self.fail(token)
            self.fail()
        return node

    def _as_condition(self, node: Node) -> Condition:
        if not isinstance(node, CONDITIONS):
            token = self.token
            before = self.tokens[self.position - 1]
            raise SqlError(
                4145,
                "An expression of non-boolean type specified in a context where a condition is expected, near "
                f"'{token.text or before.text}'. Compare it with something.",
                severity=15,
                line=before.line,
            )
        return node

    def _node(self) -> Node:
        left = self._conjunction()
        while self.at("OR"):
            left = self._as_condition(left)
            self.next()
            left = Logical("OR", left, self._as_condition(self._conjunction()))
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.at("AND"):
            left = self._as_condition(left)
            self.next()
            left = Logical("AND", left, self._as_condition(self._negation()))
        return left

    def _negation(self) -> Node:
        if self.take("NOT"):
            return Not(self._as_condition(self._negation()))
        return self._comparison()

    def _comparison(self) -> Node:
        start = self.position
        if self.take("EXISTS"):
            return Exists(self._query_in_parentheses())
        node = self._arithmetic(0)
        if isinstance(node, CONDITIONS):
            return node
        left = self._as_scalar(node, start)
        if self.token.kind == Kind.SYMBOL and self.token.value in _COMPARISONS:
            operator = _COMPARISONS[self.next().value]
            if self.at_any("ALL", "ANY", "SOME"):
                self.refuse(f"A comparison with {self.token.value}")
            return Compare(operator, left, self._operand())
        if self.at("IS"):
            self.next()
            negated = self.take("NOT")
            self.expect("NULL")
            return IsNull(left, negated)
        negated = self.at("NOT") and self.ahead().value in ("IN", "LIKE", "BETWEEN") and self.take("NOT")
        if self.take("IN"):
            return self._membership(left, negated)
        if self.take("BETWEEN"):
            low = self._operand()
            self.expect("AND")
            return Between(left, low, self._operand(), negated)
        if self.take("LIKE"):
            pattern = self._operand()
            escape = self._operand() if self.take("ESCAPE") else None
            return Like(left, pattern, escape, negated)
        return left

    def _operand(self) -> Scalar:
        start = self.position
        return self._as_scalar(self._arithmetic(0), start)

    def _membership(self, left: Scalar, negated: bool) -> Condition:
        self.expect("(")
        if self.at_any("SELECT", "WITH"):
            query = self.query()
            self.expect(")")
            return InQuery(left, query, negated)
        values = self.commas(self.scalar)
        self.expect(")")
        return InList(left, values, negated)

    def _query_in_parentheses(self) -> Query:
        self.expect("(")
        query = self._query_in_parentheses() if self.at("(") else self.query()
        self.expect(")")
        return query

    def _arithmetic(self, least: int) -> Node:
        start = self.position
        left = self._unary()
        while self.token.kind == Kind.SYMBOL and _BINARY.get(self.token.value, -1) > least:
            operator = self.next().value
            scalar = self._as_scalar(left, start)
            right_start = self.position
            right = self._as_scalar(self._arithmetic(_BINARY[operator]), right_start)
            left = Binary(operator, scalar, right)
        return left

    def _unary(self) -> Node:
        if self.at_any("-", "+", "~"):
            operator = self.next().value
            start = self.position
            operand = self._as_scalar(self._unary(), start)
            if operator == "-" and isinstance(operand, Literal):
                return _negative(operand)
            return operand if operator == "+" else Unary(operator, operand)
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        self.default_collation()
        if self.at("AT") and self.ahead().value == "TIME":
            self.refuse("AT TIME ZONE")
        return node

    def _primary(self) -> Node:
        token = self.token
        if token.kind == Kind.SYMBOL and token.value == "(":
            return self._parentheses()
        if token.kind == Kind.VARIABLE:
            return Variable(self.variable())
        if token.kind == Kind.GLOBAL:
            return GlobalVariable(self.next().value)
        if token.kind == Kind.PARAMETER:
            self.next()
            self.parameter_count += 1
            return Parameter(self.parameter_count - 1)
        if token.kind not in (Kind.NAME, Kind.QUOTED, Kind.SYMBOL, Kind.END):
            return self._literal()
        if token.kind == Kind.NAME:
            special = self._special_form()
            if special is not None:
                return special
            if token.value in _NILADIC:
                self.next()
                return Call("GETDATE" if token.value == "CURRENT_TIMESTAMP" else token.value, ())
            if token.value in _FUNCTION_WORDS and self.ahead().value == "(":
                self.next()
                return self._call(token.value)
        name = self.name()
        if self.at("("):
            if len(name) > 1:
                self.refuse(f"The function {'.'.join(name)}", token)
            return self._call(name[0].upper())
        return Column(name)

    def _parentheses(self) -> Node:
        self.expect("(")
        if self.at_any("SELECT", "WITH"):
            query = self.query()
            self.expect(")")
            return Subquery(query)
        node = self._node()
        self.expect(")")
        return node

    def _special_form(self) -> Node | None:
        word = self.token.value
        if word == "NULL":
            self.next()
            return NULL
        if word == "CASE":
            return self._case()
        if self.ahead().value != "(" or self.token.kind != Kind.NAME:
            return None
        if word in ("CAST", "TRY_CAST"):
            self.next()
            self.expect("(")
            operand = self.scalar()
            self.expect("AS")
            kind = self.data_type(default_length=30)
            self.expect(")")
            return Cast(operand, kind, None, word == "TRY_CAST")
        if word in ("CONVERT", "TRY_CONVERT"):
            self.next()
            self.expect("(")
            kind = self.data_type(default_length=30)
            self.expect(",")
            operand = self.scalar()
            style = self.scalar() if self.take(",") else None
            self.expect(")")
            return Cast(operand, kind, style, word == "TRY_CONVERT")
        if word == "IIF":
            self.next()
            self.expect("(")
            condition = self.condition()
            self.expect(",")
            then = self.scalar()
            self.expect(",")
            otherwise = self.scalar()
            self.expect(")")
            return SearchedCase(((condition, then),), otherwise)
        if word in _REFUSED_FUNCTIONS:
            self.refuse(word)
        return None

    def _case(self) -> Scalar:
        self.expect("CASE")
        if self.at("WHEN"):
            return SearchedCase(self._branches(self.condition), self._otherwise())
        return SimpleCase(self.scalar(), self._branches(self.scalar), self._otherwise())

    def _branches(self, read: Callable[[], Item]) -> tuple[tuple[Item, Scalar], ...]:
        branches: list[tuple[Item, Scalar]] = []
        while self.take("WHEN"):
            tested = read()
            self.expect("THEN")
            branches.append((tested, self.scalar()))
        if not branches:
            self.fail()
        return tuple(branches)

    def _otherwise(self) -> Scalar | None:
        otherwise = self.scalar() if self.take("ELSE") else None
        self.expect("END")
        return otherwise

    def _call(self, name: str) -> Call:
        self.expect("(")
        distinct = star = False
        arguments: tuple[Scalar, ...] = ()
        if self.take("*"):
            star = True
        elif not self.at(")"):
            distinct = self.take("DISTINCT")
            if not distinct:
                self.take("ALL")
            arguments = self.commas(self.scalar)
            if name == "TRIM" and self.at("FROM"):
                self.refuse("TRIM(… FROM …)")
        if name == "RAND" and arguments:
            self.refuse("RAND with a seed")
        self.expect(")")
        within: tuple[OrderItem, ...] = ()
        if self.at("WITHIN", "GROUP"):
            self.expect("WITHIN", "GROUP")
            self.expect("(")
            within = self.order_by()
            self.expect(")")
        over = self._over() if self.take("OVER") else None
        return Call(name, arguments, distinct, star, over, within)

    def order_by(self) -> tuple[OrderItem, ...]:
        """Read ORDER BY and its items."""
        self.expect("ORDER", "BY")
        return self.commas(self._order_item)

    def _order_item(self) -> OrderItem:
        value = self.scalar()
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        return OrderItem(value, descending)

    def _over(self) -> Over:
        self.expect("(")
        partition: tuple[Scalar, ...] = ()
        if self.take("PARTITION"):
            self.expect("BY")
            partition = self.commas(self.scalar)
        order = self.order_by() if self.at("ORDER") else ()
        frame = ""
        if self.at_any("ROWS", "RANGE"):
            start = self.next().value
            if self.take("BETWEEN"):
                first = self._frame_edge()
                self.expect("AND")
                frame = f"{start} BETWEEN {first} AND {self._frame_edge()}"
            else:
                frame = f"{start} {self._frame_edge()}"
        self.expect(")")
        return Over(partition, order, frame)

    def _frame_edge(self) -> str:
        if self.take("CURRENT"):
            self.expect("ROW")
            return "CURRENT ROW"
        distance = "UNBOUNDED" if self.take("UNBOUNDED") else str(self.integer())
        return f"{distance} {self.expect_any('PRECEDING', 'FOLLOWING')}"

    def _literal(self) -> Literal:
        token = self.next()
        literal = literal_of(token)
        if literal is None:
            self.fail(token)
        return literal


def _negative(literal: Literal) -> Scalar:
    if isinstance(literal.value, int | float) and literal.value is not None:
        return Literal(-literal.value, literal.type)
    return Unary("-", literal)
