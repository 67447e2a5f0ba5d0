"""Literals: what their text stands for, and its type."""

from __future__ import annotations

import decimal
from collections.abc import Callable

from lungdb.embedded.syntax.lexer import Kind, Token
from lungdb.embedded.syntax.reader import TokenReader
from lungdb.embedded.syntax.tree import Literal
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import encode_decimal, utf16_length
from lungdb.embedded.values.types import (
    FLOAT,
    INT,
    MAX_PRECISION,
    MONEY,
    decimal_type,
    integer_literal_type,
    nvarchar,
    varbinary,
    varchar,
)


def literal(reader: TokenReader) -> Literal:
    """Read a literal.

    Raises
    ------
    SqlError
        168 for a float that is too large, 1007 for a number of more than 38 digits.
    """
    token = reader.next()
    read = _KINDS.get(token.kind)
    if read is None:
        reader.fail(token)
    return read(token)


def bare_word(reader: TokenReader) -> Literal | None:
    """Read a name that stands where only constants may, and so is text, if one comes next."""
    if not reader.at_identifier:
        return None
    word = reader.identifier()
    return Literal(word, nvarchar(max(1, len(word))))


def _string(token: Token) -> Literal:
    return Literal(token.value, varchar(max(1, utf16_length(token.value))))


def _unicode_string(token: Token) -> Literal:
    return Literal(token.value, nvarchar(max(1, utf16_length(token.value))))


def _binary(token: Token) -> Literal:
    digits = token.text[2:]
    content = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    return Literal(content, varbinary(max(1, len(content))))


def _money(token: Token) -> Literal:
    return Literal(encode_decimal(decimal.Decimal(token.text[1:])), MONEY)


def _integer(token: Token) -> Literal:
    _check_precision(token, len(token.text.lstrip("0")))
    number = int(token.text)
    kind = integer_literal_type(number)
    return Literal(number if kind == INT else encode_decimal(decimal.Decimal(number)), kind)


def _decimal(token: Token) -> Literal:
    integral, _, fraction = token.text.partition(".")
    precision = max(1, len(integral.lstrip("0")) + len(fraction))
    _check_precision(token, precision)
    return Literal(encode_decimal(decimal.Decimal(token.text)), decimal_type(precision, len(fraction)))


def _float(token: Token) -> Literal:
    mantissa, _, exponent = token.text.lower().partition("e")
    number = float(f"{mantissa}e{exponent if exponent.strip('+-') else '0'}")
    if number == float("inf"):
        raise numbered_error(168, line=token.line, number=token.text)
    return Literal(number, FLOAT)


def _check_precision(token: Token, digits: int) -> None:
    if digits > MAX_PRECISION:
        raise numbered_error(
            1007,
            line=token.line,
            number=token.text[:60],
            precision=MAX_PRECISION,
            advice="Write it with fewer digits, or as a float.",
        )


_KINDS: dict[Kind, Callable[[Token], Literal]] = {
    Kind.BINARY: _binary,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT: _float,
    Kind.INTEGER: _integer,
    Kind.MONEY: _money,
    Kind.STRING: _string,
    Kind.UNICODE: _unicode_string,
}
