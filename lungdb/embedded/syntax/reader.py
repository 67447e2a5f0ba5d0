"""What every part of the parser needs: the tokens, where it stands in them, names and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from lungdb.embedded.syntax.lexer import Kind, Token, tokenize
from lungdb.embedded.syntax.tree import Name
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import SqlType, parse_type
from lungdb.errors import SqlError

Item = TypeVar("Item")


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Microsoft's "Reserved keywords (Transact-SQL)"; none of them is a name unless quoted.
RESERVED = words("""
    ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE CASE CHECK CHECKPOINT
    CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS CONTAINSTABLE CONTINUE CONVERT CREATE
    CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURSOR DATABASE DBCC DEALLOCATE DECLARE
    DEFAULT DELETE DENY DESC DISK DISTINCT DISTRIBUTED DOUBLE DROP DUMP ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE
    EXISTS EXIT EXTERNAL FETCH FILE FILLFACTOR FOR FOREIGN FREETEXT FREETEXTTABLE FROM FULL FUNCTION GOTO GRANT GROUP
    HAVING HOLDLOCK IDENTITY IDENTITY_INSERT IDENTITYCOL IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LEFT
    LIKE LINENO LOAD MERGE NATIONAL NOCHECK NONCLUSTERED NOT NULL NULLIF OF OFF OFFSETS ON OPEN OPENDATASOURCE
    OPENQUERY OPENROWSET OPENXML OPTION OR ORDER OUTER OVER PERCENT PIVOT PLAN PRECISION PRIMARY PRINT PROC PROCEDURE
    PUBLIC RAISERROR READ READTEXT RECONFIGURE REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT
    ROLLBACK ROWCOUNT ROWGUIDCOL RULE SAVE SCHEMA SECURITYAUDIT SELECT SEMANTICKEYPHRASETABLE
    SEMANTICSIMILARITYDETAILSTABLE SEMANTICSIMILARITYTABLE SESSION_USER SET SETUSER SHUTDOWN SOME STATISTICS
    SYSTEM_USER TABLE TABLESAMPLE TEXTSIZE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT TSEQUAL UNION
    UNIQUE UNPIVOT UPDATE UPDATETEXT USE USER VALUES VARYING VIEW WAITFOR WHEN WHERE WHILE WITH WITHIN WRITETEXT
    """)


class TokenReader:
    """A position in the tokens of a batch.

    Parameters
    ----------
    text : str
        The batch.
    declared : dict of str to SqlType
        Variables known from the start, by name in lower case; the parser adds those that it meets.
    """

    def __init__(self, text: str, declared: dict[str, SqlType]) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.position = 0
        self.declared = declared
        self.tables: set[str] = set()
        self.parameter_count = 0

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self.tokens[self.position]

    @property
    def at_end(self) -> bool:
        """True when nothing is left to be read."""
        return self.token.kind == Kind.END

    def ahead(self, count: int = 1) -> Token:
        """Return the token after the next one."""
        return self.tokens[min(self.position + count, len(self.tokens) - 1)]

    def next(self) -> Token:
        """Read a token."""
        token = self.token
        self.position = min(self.position + 1, len(self.tokens) - 1)
        return token

    def at(self, *words: str) -> bool:
        """Tell whether these words or symbols come next."""
        return all(
            (token := self.ahead(offset)).value == word and token.kind in (Kind.NAME, Kind.SYMBOL)
            for offset, word in enumerate(words)
        )

    def at_any(self, *words: str) -> bool:
        """Tell whether one of these words or symbols comes next."""
        return self.token.kind in (Kind.NAME, Kind.SYMBOL) and self.token.value in words

    def take(self, *words: str) -> bool:
        """Read these words if they come next, and tell whether they did."""
        if not self.at(*words):
            return False
        for _ in words:
            self.next()
        return True

    def expect(self, *words: str) -> Token:
        """Read these words, or fail."""
        token = self.token
        for word in words:
            if not self.at(word):
                self.fail()
            token = self.next()
        return token

    def expect_any(self, *words: str) -> str:
        """Read one of these words, or fail."""
        if not self.at_any(*words):
            self.fail()
        return self.next().value

    def fail(self, token: Token | None = None) -> NoReturn:
        """Raise the syntax error at a token, by default the next one."""
        token = token or self.token
        if token.kind == Kind.END:
            before = self.tokens[max(self.position - 1, 0)]
            raise SqlError(
                102, f"Incorrect syntax near '{before.text}': the statement ends too early.", severity=15,
                line=before.line,
            )  # fmt: skip
        if token.kind == Kind.NAME and token.value in RESERVED:
            raise SqlError(156, f"Incorrect syntax near the keyword '{token.text}'.", severity=15, line=token.line)
        raise SqlError(102, f"Incorrect syntax near '{token.text}'.", severity=15, line=token.line)

    def refuse(self, what: str, token: Token | None = None) -> NoReturn:
        """Raise the error for T-SQL that the embedded engine does not have."""
        error = refused(what, "Write it another way, or use SQL Server.")
        error.line = (token or self.token).line
        raise error

    def at_identifier(self) -> bool:
        """Tell whether a name comes next."""
        token = self.token
        return token.kind == Kind.QUOTED or (token.kind == Kind.NAME and token.value not in RESERVED)

    def identifier(self) -> str:
        """Read a name."""
        if not self.at_identifier():
            self.fail()
        token = self.next()
        return token.value if token.kind == Kind.QUOTED else token.text

    def name(self) -> Name:
        """Read a name of several parts; a part left out (``tempdb..#t``) is empty."""
        parts = [self.identifier()]
        while self.take("."):
            parts.append("" if self.at(".") else self.identifier())
        return tuple(parts)

    def variable(self) -> str:
        """Read a scalar variable that is declared."""
        if self.token.kind != Kind.VARIABLE:
            self.fail()
        token = self.next()
        if token.text.lower() not in self.declared:
            raise SqlError(
                137,
                f'Must declare the scalar variable "{token.text}". Variables end with their batch.',
                severity=15,
                line=token.line,
            )
        return token.text.lower()

    def default_collation(self) -> None:
        """Read COLLATE DATABASE_DEFAULT, which changes nothing, if COLLATE comes next."""
        if self.at("COLLATE"):
            if self.ahead().value not in ("DATABASE_DEFAULT", "CATALOG_DEFAULT"):
                self.refuse("COLLATE with another collation than DATABASE_DEFAULT")
            self.next()
            self.next()

    def integer(self) -> int:
        """Read an integer that may have a minus sign."""
        sign = -1 if self.take("-") else 1
        if self.token.kind != Kind.INTEGER:
            self.fail()
        return sign * int(self.next().text)

    def commas(self, read: Callable[[], Item]) -> tuple[Item, ...]:
        """Read items separated by commas."""
        items = [read()]
        while self.take(","):
            items.append(read())
        return tuple(items)

    def parenthesised(self, read: Callable[[], Item]) -> tuple[Item, ...]:
        """Read items separated by commas in parentheses."""
        self.expect("(")
        items = self.commas(read)
        self.expect(")")
        return items

    def data_type(self, default_length: int = 1) -> SqlType:
        """Read a data type."""
        start = self.token
        if start.kind not in (Kind.NAME, Kind.QUOTED):
            self.fail()
        words = [self.next().value]
        if self.take("."):
            words = [self.next().value]
        while self.at_any("VARYING", "PRECISION", "CHARACTER", "CHAR") and self.token.kind == Kind.NAME:
            words.append(self.next().value)
        written = " ".join(words)
        if self.take("("):
            sizes = self.commas(lambda: self.next().value)
            self.expect(")")
            written += f"({', '.join(sizes)})"
        try:
            return parse_type(written, default_length=default_length)
        except SqlError as error:
            error.line = start.line
            raise
