"""Random T-SQL by a grammar: what may stand somewhere, and often enough what may not."""

from __future__ import annotations

import random
from collections.abc import Callable

FIXTURE = (
    "CREATE TABLE t (a INT NOT NULL CONSTRAINT pk_t PRIMARY KEY, b BIGINT, s NVARCHAR(50), f FLOAT, d DATETIME2, "
    "x VARBINARY(20), m DECIMAL(10, 2), c VARCHAR(10), y BIT, z DATE)",
    "CREATE TABLE u (id INT IDENTITY, a INT CONSTRAINT fk_u REFERENCES t (a), s NVARCHAR(MAX), g UNIQUEIDENTIFIER)",
    "INSERT INTO t VALUES (1, 2, N'x', 1.5, '2024-01-01', 0x01, 3.25, 'é', 1, '2024-02-29'), "
    "(2, NULL, N'[1,{\"a\":2}]', -2.5, NULL, 0x, 4.25, '', 0, '1900-01-01'), (3, 7, N'%_[', 0, '9999-12-31', NULL, 0, "
    "NULL, NULL, NULL)",
    "INSERT INTO u (a, s) VALUES (1, N'Álvarez'), (1, NULL), (3, N'zoe')",
    "CREATE VIEW v AS SELECT t.a, u.s, COUNT(*) AS n FROM t JOIN u ON t.a = u.a GROUP BY t.a, u.s",
    "CREATE PROCEDURE p @n INT = 1, @o NVARCHAR(20) = N'o' OUTPUT AS SET @o = @o + N'!'; SELECT @n AS n; RETURN 3",
)
"""What the statements are about."""

# Numbers stand in most places, and seldom what no table has.
_COLUMNS = (*"aaaaaabbbffmm", *"ssdxcyz", "t.a", "t.b", "t.s")
_RARE = ("u.a", "u.s", "id", "g", "n", "q.a", "w.a", "nothing", "rowid")
_LITERALS = (
    "0", "1", "-1", "2", "5", "NULL", "N'x'", "'é'", "N''", "N'%'", "1.5", "1e3", "0x0A", "$2", "99999999999", "N'1'",
    "'2024-01-01'", "N'{\"a\":[1]}'", "@i", "@f", "@@ROWCOUNT", "2147483647", "N'$.a'", "(SELECT 1)", "3", "4", "10",
    "7", "@i", "0", "1",
)  # fmt: skip
_TYPES = (
    "INT", "BIGINT", "TINYINT", "BIT", "FLOAT", "REAL", "DECIMAL(9, 3)", "MONEY", "NVARCHAR(5)", "NVARCHAR(MAX)",
    "VARCHAR(20)", "CHAR(3)", "VARBINARY(8)", "DATE", "DATETIME", "DATETIME2(3)", "TIME", "UNIQUEIDENTIFIER",
    "SQL_VARIANT",
)  # fmt: skip
# With how many arguments each is called, mostly.
_FUNCTIONS = {
    "ABS": 1, "ROUND": 2, "POWER": 2, "SQRT": 1, "LOG": 1, "LEN": 1, "DATALENGTH": 1, "UPPER": 1, "LTRIM": 1, "LEFT": 2,
    "SUBSTRING": 3, "REPLACE": 3, "CHARINDEX": 2, "PATINDEX": 2, "REPLICATE": 2, "STUFF": 4, "REVERSE": 1, "CONCAT": 3,
    "CONCAT_WS": 3, "ISNULL": 2, "NULLIF": 2, "COALESCE": 3, "IIF": 3, "CHOOSE": 3, "GETDATE": 0, "NEWID": 0, "YEAR": 1,
    "ISJSON": 1, "JSON_VALUE": 2, "JSON_QUERY": 2, "HASHBYTES": 2, "OBJECT_ID": 1, "SIGN": 1, "FLOOR": 1, "CHAR": 1,
    "NCHAR": 1, "UNICODE": 1, "SPACE": 1, "STR": 3, "FORMAT": 2, "ISDATE": 1, "ISNUMERIC": 1, "QUOTENAME": 1,
    "EOMONTH": 1,
    "TRANSLATE": 3, "STRING_ESCAPE": 2, "COMPRESS": 1, "DECOMPRESS": 1, "SCOPE_IDENTITY": 0, "ERROR_MESSAGE": 0,
}  # fmt: skip
_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "STDEV", "VAR", "COUNT_BIG")
_RANKINGS = ("ROW_NUMBER()", "RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()")
_EDGES = ("UNBOUNDED PRECEDING", "1 PRECEDING", "CURRENT ROW", "2 FOLLOWING", "UNBOUNDED FOLLOWING", "0 PRECEDING")


class Grammar:
    """Makes statements.

    Parameters
    ----------
    numbers : Random
        What decides.
    """

    def __init__(self, numbers: random.Random) -> None:
        self._numbers = numbers
        self._made = 0

    def _one(self, *choices: str) -> str:
        return self._numbers.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._numbers.random() < share

    def _list(self, make: Callable[[], str], most: int = 3) -> str:
        return ", ".join(make() for _ in range(self._numbers.randint(1, most)))

    def scalar(self, depth: int = 3) -> str:
        """Make an expression."""
        if depth <= 0 or self._chance(0.35):
            return self._column_name() if self._chance(0.6) else self._literal()
        inner = depth - 1
        match self._numbers.randrange(12):
            case 0 | 1:
                operator = self._one("+", "-", "*", "/", "%", "&", "|", "^")
                return f"({self.scalar(inner)} {operator} {self.scalar(inner)})"
            case 2:
                return f"{self._one('-', '~', '+')} {self.scalar(inner)}"
            case 3:
                kind = self._numbers.choice(_TYPES)
                return self._one(
                    f"CAST({self.scalar(inner)} AS {kind})",
                    f"TRY_CAST({self.scalar(inner)} AS {kind})",
                    f"CONVERT({kind}, {self.scalar(inner)}, {self._one('0', '1', '2', '120', '121', '7')})",
                )
            case 4:
                branches = " ".join(f"WHEN {self.condition(inner)} THEN {self.scalar(inner)}" for _ in range(2))
                return f"CASE {branches} ELSE {self.scalar(inner)} END"
            case 5 | 6:
                return self._function(inner)
            case 7 | 8:
                return self._aggregate(inner)
            case 9:
                return self._window(inner)
            case 10:
                return f"({self.query(inner, one=True)})"
            case _:
                part = self._one("DAY", "YEAR", "SECOND", "NANOSECOND", "WEEKDAY", "a")
                return self._one(
                    f"DATEADD({part}, {self.scalar(inner)}, {self.scalar(inner)})",
                    f"DATEDIFF_BIG({part}, {self.scalar(inner)}, {self.scalar(inner)})",
                    f"DATEPART({part}, {self.scalar(inner)})",
                )

    def _column_name(self) -> str:
        return self._numbers.choice(_RARE if self._chance(0.04) else _COLUMNS)

    def _literal(self) -> str:
        if self._chance(0.02):
            return self._one("[]", "(", "?", "@nothing", "1e999", "N'")
        return self._numbers.choice(_LITERALS)

    def _function(self, depth: int) -> str:
        name = self._numbers.choice(tuple(_FUNCTIONS))
        count = _FUNCTIONS[name] if self._chance(0.95) else self._numbers.randrange(4)
        if name == "IIF" and count:
            return f"IIF({self.condition(depth)}, {self.scalar(depth)}, {self.scalar(depth)})"
        return f"{name}({', '.join(self.scalar(depth) for _ in range(count))})"

    def _aggregate(self, depth: int) -> str:
        if self._chance(0.15):
            within = f" WITHIN GROUP (ORDER BY {self._list(lambda: self.scalar(0), 2)})" if self._chance(0.5) else ""
            return f"STRING_AGG({self.scalar(depth)}, {self.scalar(0)}){within}"
        name = self._numbers.choice(_AGGREGATES)
        argument = "*" if self._chance(0.15) else f"{self._one('', '', 'DISTINCT ')}{self.scalar(depth)}"
        return f"{name}({argument})"

    def _window(self, depth: int) -> str:
        called = self._one(
            self._numbers.choice(_RANKINGS),
            self._aggregate(depth),
            f"NTILE({self.scalar(0)})",
            f"{self._one('LAG', 'LEAD')}({self._list(lambda: self.scalar(depth))})",
            f"{self._one('FIRST_VALUE', 'LAST_VALUE')}({self.scalar(depth)})",
        )
        parts = []
        if self._chance(0.4):
            parts.append(f"PARTITION BY {self._list(lambda: self.scalar(depth), 2)}")
        if self._chance(0.85):
            parts.append(f"ORDER BY {self._list(lambda: self.scalar(depth) + self._one('', ' DESC'), 2)}")
        if self._chance(0.3):
            first, last = self._numbers.choice(_EDGES), self._numbers.choice(_EDGES)
            parts.append(f"{self._one('ROWS', 'RANGE')} {self._one(f'BETWEEN {first} AND {last}', first)}")
        return f"{called} OVER ({' '.join(parts)})"

    def condition(self, depth: int = 2) -> str:
        """Make a condition."""
        inner = max(depth - 1, 0)
        match self._numbers.randrange(10):
            case 0 | 1 | 2:
                return f"{self.scalar(inner)} {self._one('=', '<>', '<', '>=', '!>')} {self.scalar(inner)}"
            case 3:
                return f"{self.scalar(inner)} IS {self._one('', 'NOT ')}NULL"
            case 4:
                return f"{self.scalar(inner)} {self._one('', 'NOT ')}IN ({self._list(lambda: self.scalar(inner))})"
            case 5:
                return f"{self.scalar(inner)} IN ({self.query(inner, one=True)})"
            case 6:
                escape = f" ESCAPE {self.scalar(0)}" if self._chance(0.2) else ""
                return f"{self.scalar(inner)} {self._one('', 'NOT ')}LIKE {self.scalar(inner)}{escape}"
            case 7:
                return f"{self._one('', 'NOT ')}EXISTS ({self.query(inner)})"
            case 8:
                return f"{self.scalar(inner)} BETWEEN {self.scalar(inner)} AND {self.scalar(inner)}"
            case _:
                return f"({self.condition(inner)} {self._one('AND', 'OR')} NOT {self.condition(inner)})"

    def _source(self, depth: int) -> str:
        source = self._table(depth)
        for _ in range(self._numbers.choice((0, 0, 0, 0, 1, 1, 2))):
            kind = self._one("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ",", "CROSS APPLY")
            if kind == "CROSS APPLY":
                source += f" CROSS APPLY OPENJSON({self.scalar(0)}) AS j{self._numbers.randrange(3)}"
            elif kind in (",", "CROSS JOIN"):
                source += f" {kind} {self._joined(depth)}"
            else:
                source += f" {kind} {self._joined(depth)} ON {self.condition(depth)}"
        return source

    def _joined(self, depth: int) -> str:
        self._made += 1
        return self._table(depth) if self._chance(0.3) else f"u AS u{self._made}"

    def _table(self, depth: int) -> str:
        alias = self._one("", "", " AS q", " AS w", " AS t")
        if depth > 0 and self._chance(0.25):
            return self._one(
                f"({self.query(depth - 1)}) AS q",
                f"(VALUES ({self.scalar(0)}), ({self.scalar(0)})) AS q (a)",
                f"STRING_SPLIT({self.scalar(0)}, N',') AS w",
            )
        if self._chance(0.7):
            return "t"
        return self._one("u", "v", "#h", "@t", "sys.tables", "dbo.t", self._one("u", "nowhere", "r")) + alias

    def query(self, depth: int = 2, *, one: bool = False) -> str:
        """Make a query; with `one`, of one column, mostly."""
        items = self.scalar(depth) if one and self._chance(0.95) else self._list(lambda: self._item(depth))
        text = f"SELECT {self._one('', '', '', 'DISTINCT ', 'TOP (1) ', f'TOP ({self.scalar(0)}) ')}{items}"
        if self._chance(0.93):
            text += f" FROM {self._source(depth)}"
        if self._chance(0.4):
            text += f" WHERE {self.condition(depth)}"
        if self._chance(0.25):
            text += f" GROUP BY {self._list(lambda: self.scalar(depth - 1))}"
        if self._chance(0.1):
            text += f" HAVING {self.condition(depth)}"
        if depth > 0 and self._chance(0.12):
            text += f" {self._one('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {self.query(depth - 1, one=one)}"
        if self._chance(0.2):
            text += f" ORDER BY {self._list(lambda: self.scalar(depth - 1) + self._one('', ' DESC'), 2)}"
            if self._chance(0.3):
                text += f" OFFSET {self.scalar(0)} ROWS FETCH NEXT {self.scalar(0)} ROWS ONLY"
        return text

    def _item(self, depth: int) -> str:
        if self._chance(0.08):
            return self._one("*", "t.*")
        return self.scalar(depth) + self._one("", "", " AS a", " AS b", " AS n")

    def _common(self) -> str:
        if self._chance(0.5):
            member = self.query(1) if self._chance(0.5) else "SELECT a + 1 FROM r WHERE a < 3"
            return f"WITH r (a) AS (SELECT 1 AS a UNION ALL {member}) "
        return f"WITH q AS ({self.query(1)}), {self._one('q', 'w', 'r')} AS ({self.query(1)}) "

    def _definition(self) -> str:
        self._made += 1
        name = f"{self._one('', '#', 'dbo.')}m{self._made}"
        members = self._list(self._column, 4)
        return self._one(
            f"CREATE TABLE {name} ({members})",
            f"DECLARE @m{self._made} TABLE ({members})",
            f"ALTER TABLE {self._one('t', 'u')} ADD {self._column()}",
            f"ALTER TABLE u ADD CONSTRAINT k{self._made} CHECK ({self.condition(1)})",
            f"ALTER TABLE {self._one('t', 'u')} DROP COLUMN {self._column_name()}",
            f"ALTER TABLE u ALTER COLUMN {self._one('s', 'a', 'g')} {self._numbers.choice(_TYPES)}",
            f"CREATE {self._one('', 'UNIQUE ')}INDEX i{self._made} ON {self._one('t', 'u', '#h')} "
            f"({self._list(self._column_name)}) {self._one('', f'WHERE {self.condition(1)}')}",
            f"EXECUTE (N'CREATE VIEW w{self._made} AS {self.query(1)}')".replace("'x'", "1"),
            f"SELECT a, {self.scalar(2)} AS b INTO {name} FROM t",
        )

    def _column(self) -> str:
        self._made += 1
        text = f"k{self._made} {self._numbers.choice(_TYPES)}"
        if self._chance(0.3):
            text += f" DEFAULT {self.scalar(1)}"
        if self._chance(0.3):
            text += f" CHECK ({self.condition(1)})"
        return text + self._one("", "", " NOT NULL", " UNIQUE", " PRIMARY KEY", " REFERENCES t (a)", " IDENTITY")

    def _change(self) -> str:
        output = self._one("", "", "", f" OUTPUT {self._list(lambda: self._changed(), 2)}")
        source = f" FROM {self._source(1)}" if self._chance(0.3) else ""
        where = f" WHERE {self.condition(2)}" if self._chance(0.6) else ""
        table = self._one("t", "u", "#h", "v")
        return self._one(
            f"INSERT INTO {self._one('t', 'u', '#h', '@t')} ({self._list(lambda: self._one('a', 's', 'b', 'g'), 3)})"
            f"{output} VALUES ({self._list(lambda: self.scalar(2), 3)})",
            f"INSERT INTO #h {self.query(2)}",
            f"INSERT INTO #h (a) EXECUTE p @n = {self.scalar(0)}",
            f"UPDATE {table} SET {self._one('s', 'b', 'a')} = {self.scalar(2)}{output}{source}{where}",
            f"DELETE FROM {table}{output}{source}{where}",
        )

    def _changed(self) -> str:
        return self._one("inserted.a", "deleted.a", "inserted.*", "deleted.s", self.scalar(1))

    def statement(self) -> str:
        """Make a batch, in a transaction that is rolled back."""
        declared = "DECLARE @i INT = 1, @s NVARCHAR(20) = N's', @f FLOAT = 0.5; DECLARE @t TABLE (a INT PRIMARY KEY); "
        begun = "CREATE TABLE #h (a INT, s NVARCHAR(9)); INSERT INTO #h VALUES (1, N'h'); BEGIN TRANSACTION; "
        match self._numbers.randrange(12):
            case 0 | 1 | 2 | 3 | 4:
                body = self.query(3)
            case 5:
                body = ";" + self._common() + self.query(2)
            case 6 | 7:
                body = self._change()
            case 8 | 9:
                body = self._definition()
            case 10:
                body = self._one(
                    f"SET @i = {self.scalar(3)}",
                    f"SELECT @s = {self.scalar(2)} FROM {self._source(1)}",
                    f"IF {self.condition(2)} PRINT {self.scalar(2)}",
                    f"EXECUTE p {self.scalar(0)}",
                    f"THROW 50001, {self.scalar(0)}, {self.scalar(0)}",
                    f"RAISERROR ({self.scalar(0)}, {self.scalar(0)}, 1)",
                )
            case _:
                body = f"BEGIN TRY {self._change()}; END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH"
        return f"{declared}{begun}{body}; IF @@TRANCOUNT > 0 ROLLBACK; DROP TABLE #h;"
