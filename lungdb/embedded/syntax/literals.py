"""Literals: what a token's text stands for, and its type."""

from __future__ import annotations

import decimal

from lungdb.embedded.syntax.lexer import Kind, Token
from lungdb.embedded.syntax.tree import Literal
from lungdb.embedded.values.stored import encode_decimal, utf16_length
from lungdb.embedded.values.types import (
    FLOAT,
    INT,
    MAX_PRECISION,
    MONEY,
    SqlType,
    decimal_type,
    integer_literal_type,
    nvarchar,
    varbinary,
    varchar,
)
from lungdb.errors import SqlError


def literal_of(token: Token) -> Literal | None:
    """Return the literal that a token is, or None if it is none.

    Raises
    ------
    SqlError
        168 for a float that is too large, 1007 for a number of more than 38 digits.
    """
    match token.kind:
        case Kind.STRING:
            return Literal(token.value, varchar(max(1, utf16_length(token.value))))
        case Kind.UNICODE:
            return Literal(token.value, nvarchar(max(1, utf16_length(token.value))))
        case Kind.BINARY:
            digits = token.text[2:]
            content = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
            return Literal(content, varbinary(max(1, len(content))))
        case Kind.FLOAT:
            return Literal(_float(token), FLOAT)
        case Kind.MONEY:
            return Literal(encode_decimal(decimal.Decimal(token.text[1:])), MONEY)
        case Kind.INTEGER:
            _check_precision(token, len(token.text.lstrip("0")))
            number = int(token.text)
            kind = integer_literal_type(number)
            return Literal(number if kind == INT else encode_decimal(decimal.Decimal(number)), kind)
        case Kind.DECIMAL:
            return Literal(encode_decimal(decimal.Decimal(token.text)), _decimal_literal_type(token))
    return None


def _float(token: Token) -> float:
    mantissa, _, exponent = token.text.lower().partition("e")
    number = float(f"{mantissa}e{exponent if exponent.strip('+-') else '0'}")
    if number == float("inf"):
        raise SqlError(
            168, f"The floating point value '{token.text}' is out of the range of representation (8 bytes).",
            severity=15, line=token.line,
        )  # fmt: skip
    return number


def _decimal_literal_type(token: Token) -> SqlType:
    integral, _, fraction = token.text.partition(".")
    precision = max(1, len(integral.lstrip("0")) + len(fraction))
    _check_precision(token, precision)
    return decimal_type(precision, len(fraction))


def _check_precision(token: Token, digits: int) -> None:
    if digits > MAX_PRECISION:
        raise SqlError(
            1007, f"The number '{token.text[:60]}' is out of the range for numeric representation (maximum precision "
            f"{MAX_PRECISION}). Write it with fewer digits, or as a float.", severity=15, line=token.line,
        )  # fmt: skip
