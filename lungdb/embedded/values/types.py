"""The data types of T-SQL.

Names and limits are those of Microsoft's Transact-SQL reference, "Data types".
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import Enum

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import refused

MAX = -1
MAX_PRECISION = 38


class Family(Enum):
    """What values of a type are, whatever their size."""

    BIT = "bit"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    CHARACTER = "character"
    BINARY = "binary"
    DATETIME = "datetime"
    UNIQUEIDENTIFIER = "uniqueidentifier"
    VARIANT = "sql_variant"


# In the order of "Data type precedence", from the lowest.
_FAMILIES = {
    "binary": Family.BINARY,
    "varbinary": Family.BINARY,
    "char": Family.CHARACTER,
    "varchar": Family.CHARACTER,
    "nchar": Family.CHARACTER,
    "nvarchar": Family.CHARACTER,
    "uniqueidentifier": Family.UNIQUEIDENTIFIER,
    "bit": Family.BIT,
    "tinyint": Family.INTEGER,
    "smallint": Family.INTEGER,
    "int": Family.INTEGER,
    "bigint": Family.INTEGER,
    "smallmoney": Family.DECIMAL,
    "money": Family.DECIMAL,
    "decimal": Family.DECIMAL,
    "real": Family.FLOAT,
    "float": Family.FLOAT,
    "time": Family.DATETIME,
    "date": Family.DATETIME,
    "smalldatetime": Family.DATETIME,
    "datetime": Family.DATETIME,
    "datetime2": Family.DATETIME,
    "sql_variant": Family.VARIANT,
}
# T-SQL's types that are left out, and what does instead.
_REFUSED = {
    "datetimeoffset": "datetime2, in UTC",
    "xml": "nvarchar(max)",
    "text": "varchar(max)",
    "ntext": "nvarchar(max)",
    "image": "varbinary(max)",
    "timestamp": "a version number of your own",
    "hierarchyid": "a parent's key",
    "geometry": "float columns",
    "geography": "float columns",
    "cursor": "a query",
}
PRECEDENCE = {name: rank for rank, name in enumerate(_FAMILIES)}
_EXACT = {"bit": (1, 0), "tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "bigint": (19, 0)}
_MONEY = {"smallmoney": (10, 4), "money": (19, 4)}

VARYING = {"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}

INTEGER_RANGE = {
    "bit": (0, 1),
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True)
class SqlType:
    """A T-SQL type.

    Attributes
    ----------
    name : str
        The name in lower case, one of those in "Data type precedence"; `numeric` is `decimal`, `sysname` is
        `nvarchar(128)`.
    length : int or None
        Of character types in characters (UTF-16 code units), of binary types in bytes; `MAX` is -1.
    precision : int or None
        Decimal digits of `decimal`.
    scale : int or None
        Digits after the point of `decimal`; digits of the fraction of a second of `time` and `datetime2`.
    is_json : bool
        The text is what JSON_QUERY or JSON_MODIFY returned, which JSON_MODIFY does not quote again.
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    is_json: bool = field(default=False, compare=False)

    @property
    def family(self) -> Family:
        """What the values are."""
        return _FAMILIES[self.name]

    @property
    def is_unicode(self) -> bool:
        """True of nchar and nvarchar."""
        return self.name in ("nchar", "nvarchar")

    @property
    def is_fixed_length(self) -> bool:
        """True of char, nchar and binary, which are padded to their length."""
        return self.name in ("char", "nchar", "binary")

    @property
    def is_numeric(self) -> bool:
        """True of bit, the integers, decimal, money and the floating point types."""
        return self.family in (Family.BIT, Family.INTEGER, Family.DECIMAL, Family.FLOAT)

    @property
    def as_decimal(self) -> tuple[int, int]:
        """(precision, scale) of the decimal that holds every value of this exact numeric type."""
        if self.name == "decimal":
            assert self.precision is not None
            assert self.scale is not None
            return self.precision, self.scale
        return (_MONEY | _EXACT)[self.name]

    @property
    def sqlite(self) -> str:
        """The type name for a column of a SQLite STRICT table: INTEGER, REAL, TEXT, BLOB or ANY."""
        if self.family in (Family.BIT, Family.INTEGER):
            return "INTEGER"
        return {Family.FLOAT: "REAL", Family.BINARY: "BLOB", Family.VARIANT: "ANY"}.get(self.family, "TEXT")

    def __str__(self) -> str:
        """Return the type as T-SQL writes it; `parse_type` reads it back."""
        if self.length is not None:
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return self.name if self.scale is None else f"{self.name}({self.scale})"


BIT = SqlType("bit")
TINYINT = SqlType("tinyint")
SMALLINT = SqlType("smallint")
INT = SqlType("int")
BIGINT = SqlType("bigint")
REAL = SqlType("real")
FLOAT = SqlType("float")
MONEY = SqlType("money")
DATE = SqlType("date")
DATETIME = SqlType("datetime")
UNIQUEIDENTIFIER = SqlType("uniqueidentifier")
VARIANT = SqlType("sql_variant")


def decimal_type(precision: int = 18, scale: int = 0) -> SqlType:
    """Return decimal(precision, scale)."""
    return SqlType("decimal", precision=precision, scale=scale)


def varchar(length: int = MAX) -> SqlType:
    """Return varchar(length), or varchar(max) for a length above 8000."""
    return SqlType("varchar", length=MAX if length > 8000 else length)


def nvarchar(length: int = MAX) -> SqlType:
    """Return nvarchar(length), or nvarchar(max) for a length above 4000."""
    return SqlType("nvarchar", length=MAX if length > 4000 else length)


def varbinary(length: int = MAX) -> SqlType:
    """Return varbinary(length), or varbinary(max) for a length above 8000."""
    return SqlType("varbinary", length=MAX if length > 8000 else length)


def datetime2(scale: int = 7) -> SqlType:
    """Return datetime2(scale)."""
    return SqlType("datetime2", scale=scale)


def time_type(scale: int = 7) -> SqlType:
    """Return time(scale)."""
    return SqlType("time", scale=scale)


_TYPE_TEXT = re.compile(r"\s*(?P<name>[a-z_0-9 ]+?)\s*(?:\(\s*(?P<first>max|\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\))?\s*")
_SYNONYMS = {
    "numeric": "decimal",
    "dec": "decimal",
    "integer": "int",
    "character": "char",
    "char varying": "varchar",
    "character varying": "varchar",
    "national character": "nchar",
    "national char": "nchar",
    "national character varying": "nvarchar",
    "national char varying": "nvarchar",
    "binary varying": "varbinary",
    "double precision": "float",
    "rowversion": "timestamp",
}
LENGTH_LIMIT = {"char": 8000, "varchar": 8000, "nchar": 4000, "nvarchar": 4000, "binary": 8000, "varbinary": 8000}


@functools.lru_cache(maxsize=1024)
def parse_type(text: str, *, default_length: int = 1) -> SqlType:
    """Read a type as T-SQL writes it, for example ``NVARCHAR(MAX)``, ``decimal(10, 2)``, ``sysname``.

    Parameters
    ----------
    text : str
        The type, in any case.
    default_length : int
        Length of a character or binary type that names none: 1 in a declaration, 30 in CAST and CONVERT.

    Raises
    ------
    SqlError
        2715 for an unknown type, 1001 for a length or precision that the type does not take.
    """
    match = _TYPE_TEXT.fullmatch(text.lower())
    name = re.sub(r"\s+", " ", match["name"]) if match else text.strip().lower()
    name = _SYNONYMS.get(name, name)
    if name == "sysname":
        return nvarchar(128)
    if name in _REFUSED:
        raise refused(f"The data type {name}", f"Use {_REFUSED[name]}.")
    if match is None or name not in _FAMILIES:
        known = ", ".join(sorted(_FAMILIES))
        raise numbered_error(2715, type=name, advice=f"The embedded engine knows {known}.")
    return _sized(name, match["first"], match["second"], default_length)


def _sized(name: str, first: str | None, second: str | None, default_length: int) -> SqlType:
    if name in LENGTH_LIMIT:
        if second is not None:
            raise numbered_error(1001, length=f"{first}, {second}", type=name, advice=f"Write {name}(n).")
        if first == "max":
            if name not in ("varchar", "nvarchar", "varbinary"):
                raise numbered_error(1001, length="max", type=name, advice=f"Use {VARYING[name]}(max).")
            return SqlType(name, length=MAX)
        length = default_length if first is None else int(first)
        if not 1 <= length <= LENGTH_LIMIT[name]:
            limit = LENGTH_LIMIT[name]
            raise numbered_error(1001, length=length, type=name, advice=f"Use 1 to {limit}, or max where it exists.")
        return SqlType(name, length=length)
    if first == "max":
        raise numbered_error(1001, length="max", type=name, advice="Leave it out.")
    if name == "decimal":
        precision, scale = int(first or 18), int(second or 0)
        if not (1 <= precision <= MAX_PRECISION and scale <= precision):
            shown = f"decimal({precision},{scale})"
            advice = f"Use a precision of 1 to {MAX_PRECISION}."
            raise numbered_error(1007, number=shown, precision=MAX_PRECISION, advice=advice)
        return decimal_type(precision, scale)
    if name == "float":
        bits = int(first or 53)
        if not 1 <= bits <= 53 or second is not None:
            raise numbered_error(1001, length=bits, type=name, advice="Use 1 to 53.")
        return REAL if bits <= 24 else FLOAT
    if name in ("time", "datetime2"):
        scale = 7 if first is None else int(first)
        if not 0 <= scale <= 7 or second is not None:
            raise numbered_error(1002, scale=scale, type=name)
        return SqlType(name, scale=scale)
    if first is not None:
        raise numbered_error(2716, type=name)
    return SqlType(name)


def integer_literal_type(value: int) -> SqlType:
    """Return the type of an integer literal: int, or decimal(n,0) beyond it."""
    low, high = INTEGER_RANGE["int"]
    return INT if low <= value <= high else decimal_type(len(str(abs(value))), 0)
