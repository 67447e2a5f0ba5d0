"""What every part of the parser needs: the tokens, where it stands in them, what is declared, names and errors.

A construct of the language is read by a function that takes the reader and returns a node; the reader is left behind
the construct. Where a construct is told by its first word, a table gives the function of each word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from lungdb.embedded.syntax.lexer import Kind, Token, tokenize
from lungdb.embedded.syntax.statement_tree import Statement
from lungdb.embedded.syntax.tree import Name, Query
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import SqlType, parse_type
from lungdb.errors import SqlError

Item = TypeVar("Item")


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Microsoft's "Reserved keywords (Transact-SQL)"; none of them is a name unless quoted. PRECISION, listed there,
# is left out: it is a column of sys.columns, which Microsoft's own queries and parser name without brackets.
RESERVED = words("""
    ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE CASE CHECK CHECKPOINT
    CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS CONTAINSTABLE CONTINUE CONVERT CREATE
    CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURSOR DATABASE DBCC DEALLOCATE DECLARE
    DEFAULT DELETE DENY DESC DISK DISTINCT DISTRIBUTED DOUBLE DROP DUMP ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE
    EXISTS EXIT EXTERNAL FETCH FILE FILLFACTOR FOR FOREIGN FREETEXT FREETEXTTABLE FROM FULL FUNCTION GOTO GRANT GROUP
    HAVING HOLDLOCK IDENTITY IDENTITY_INSERT IDENTITYCOL IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LEFT
    LIKE LINENO LOAD MERGE NATIONAL NOCHECK NONCLUSTERED NOT NULL NULLIF OF OFF OFFSETS ON OPEN OPENDATASOURCE
    OPENQUERY OPENROWSET OPENXML OPTION OR ORDER OUTER OVER PERCENT PIVOT PLAN PRIMARY PRINT PROC PROCEDURE
    PUBLIC RAISERROR READ READTEXT RECONFIGURE REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT
    ROLLBACK ROWCOUNT ROWGUIDCOL RULE SAVE SCHEMA SECURITYAUDIT SELECT SEMANTICKEYPHRASETABLE
    SEMANTICSIMILARITYDETAILSTABLE SEMANTICSIMILARITYTABLE SESSION_USER SET SETUSER SHUTDOWN SOME STATISTICS
    SYSTEM_USER TABLE TABLESAMPLE TEXTSIZE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT TSEQUAL UNION
    UNIQUE UNPIVOT UPDATE UPDATETEXT USE USER VALUES VARYING VIEW WAITFOR WHEN WHERE WHILE WITH WITHIN WRITETEXT
    """)


# Of a number that stands where no expression may: a length, a depth, a distance.
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Grammar:
    """The functions that a construct needs from modules that import its own, because it may hold what holds it.

    Attributes
    ----------
    query : callable
        Reads a query, which an expression and a source may hold.
    statements : callable
        Reads all statements that are left, which are the body of CREATE PROCEDURE.
    """

    query: Callable[[TokenReader], Query]
    statements: Callable[[TokenReader], tuple[Statement, ...]]


class TokenReader:
    """A position in the tokens of a batch, and what was declared up to there.

    Parameters
    ----------
    text : str
        The batch.
    grammar : Grammar
        For what holds itself.
    declared : dict of str to SqlType
        Variables known from the start.

    Attributes
    ----------
    token : Token
        The token to be read next.
    position : int
        Its place among `tokens`.
    declared : dict of str to SqlType
        Scalar variables, by name in lower case.
    tables : set of str
        Table variables, in lower case.
    parameter_count : int
        How many ``?`` were read.
    loop_depth : int
        How many WHILE the next token is inside of.
    """

    def __init__(self, text: str, grammar: Grammar, declared: dict[str, SqlType]) -> None:
        self.text = text
        self.grammar = grammar
        self.tokens = tokenize(text)
        self.position = 0
        self.token = self.tokens[0]
        self.declared = declared
        self.tables: set[str] = set()
        self.parameter_count = 0
        self.loop_depth = 0

    @property
    def at_end(self) -> bool:
        """True when nothing is left to be read."""
        return self.token.kind is Kind.END

    def ahead(self, count: int = 1) -> Token:
        """Return the token after the next one, or one that is further ahead."""
        return self.tokens[min(self.position + count, len(self.tokens) - 1)]

    def behind_parentheses(self) -> Token:
        """Return the first token ahead that opens no parenthesis."""
        offset = 0
        while self.ahead(offset).word == "(":
            offset += 1
        return self.ahead(offset)

    def next(self) -> Token:
        """Read a token."""
        token = self.token
        if token.kind is not Kind.END:
            self.position += 1
            self.token = self.tokens[self.position]
        return token

    def at(self, word: str, *more: str) -> bool:
        """Tell whether these words or symbols come next."""
        if self.token.word != word:
            return False
        return all(self.ahead(offset).word == each for offset, each in enumerate(more, start=1))

    def at_any(self, *words: str) -> bool:
        """Tell whether one of these words or symbols comes next."""
        return self.token.word in words

    def take(self, word: str, *more: str) -> bool:
        """Read these words if they come next, and tell whether they did."""
        if not self.at(word, *more):
            return False
        self.next()
        for _ in more:
            self.next()
        return True

    def take_any(self, *words: str) -> str:
        """Read one of these words if it comes next, and return it; else return nothing."""
        return self.next().word if self.token.word in words else ""

    def expect(self, *words: str) -> Token:
        """Read these words, or fail; return the last one."""
        token = self.token
        for word in words:
            if self.token.word != word:
                self.fail()
            token = self.next()
        return token

    def expect_any(self, *words: str) -> str:
        """Read one of these words, or fail."""
        if self.token.word not in words:
            self.fail()
        return self.next().word

    def fail(self, token: Token | None = None) -> NoReturn:
        """Raise the syntax error at a token, by default the next one."""
        token = token or self.token
        if token.kind is Kind.END:
            before = self.tokens[max(self.position - 1, 0)]
            raise numbered_error(102, line=before.line, near=before.text, advice="The statement ends too early.")
        if token.word in RESERVED:
            raise numbered_error(156, line=token.line, keyword=token.text)
        raise numbered_error(102, line=token.line, near=token.text)

    def refuse(self, what: str, token: Token | None = None) -> NoReturn:
        """Raise the error for T-SQL that the embedded engine does not have."""
        error = refused(what, "Write it another way, or use SQL Server.")
        error.line = (token or self.token).line
        raise error

    @property
    def at_identifier(self) -> bool:
        """True where a name comes next."""
        token = self.token
        return token.kind is Kind.QUOTED or (token.kind is Kind.NAME and token.word not in RESERVED)

    def identifier(self) -> str:
        """Read a name."""
        if not self.at_identifier:
            self.fail()
        token = self.next()
        if not token.value:
            raise numbered_error(1038, line=token.line)
        return token.value if token.kind is Kind.QUOTED else token.text

    def name(self) -> Name:
        """Read a name of several parts; a part left out (``tempdb..#t``) is empty."""
        parts = [self.identifier()]
        while self.take("."):
            parts.append("" if self.at(".") else self.identifier())
        return tuple(parts)

    def column_names(self) -> tuple[str, ...]:
        """Read names in parentheses, if a parenthesis comes next."""
        return self.parenthesised(TokenReader.identifier) if self.at("(") else ()

    @property
    def at_text(self) -> bool:
        """True where a string comes next."""
        return self.token.kind in (Kind.STRING, Kind.UNICODE)

    @property
    def at_variable(self) -> bool:
        """True where a variable comes next."""
        return self.token.kind is Kind.VARIABLE

    def variable(self) -> str:
        """Read a scalar variable that is declared."""
        if not self.at_variable:
            self.fail()
        token = self.next()
        if token.text.lower() not in self.declared:
            raise numbered_error(137, line=token.line, variable=token.text, advice="Variables end with their batch.")
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
        return -self.unsigned() if self.take("-") else self.unsigned()

    def unsigned(self) -> int:
        """Read an integer without a sign.

        Raises
        ------
        SqlError
            1007 for one of more digits than any type has.
        """
        if self.token.kind is not Kind.INTEGER:
            self.fail()
        token = self.next()
        if len(token.text.lstrip("0")) > _MOST_DIGITS:
            raise numbered_error(1007, line=token.line, number=token.text[:60], precision=_MOST_DIGITS)
        return int(token.text)

    def nullability(self) -> bool | None:
        """Read NULL, which is true, or NOT NULL, which is false, if one of them comes next."""
        if self.take("NOT"):
            self.expect("NULL")
            return False
        return True if self.take("NULL") else None

    def if_exists(self) -> bool:
        """Read IF EXISTS if IF comes next, and tell whether it did."""
        return self.at("IF") and bool(self.expect("IF", "EXISTS"))

    def descending(self) -> bool:
        """Read ASC or DESC if one of them comes next, and tell whether it was DESC."""
        return self.take_any("ASC", "DESC") == "DESC"

    def commas(self, read: Callable[[TokenReader], Item]) -> tuple[Item, ...]:
        """Read items separated by commas."""
        items = [read(self)]
        while self.take(","):
            items.append(read(self))
        return tuple(items)

    def parenthesised(self, read: Callable[[TokenReader], Item]) -> tuple[Item, ...]:
        """Read items separated by commas in parentheses."""
        self.expect("(")
        items = self.commas(read)
        self.expect(")")
        return items

    def enclosed(self, read: Callable[[TokenReader], Item]) -> Item:
        """Read one item in parentheses."""
        self.expect("(")
        item = read(self)
        self.expect(")")
        return item

    def text_of(self, read: Callable[[TokenReader], object]) -> str:
        """Read something and return it as it is written."""
        start = self.token.start
        read(self)
        return self.text[start : self.tokens[self.position - 1].end]

    def data_type(self, default_length: int = 1) -> SqlType:
        """Read a data type."""
        start = self.token
        if start.kind not in (Kind.NAME, Kind.QUOTED):
            self.fail()
        words = [self.next().value]
        if self.take("."):
            words = [self.next().value]
        while further := self.take_any("VARYING", "PRECISION", "CHARACTER", "CHAR"):
            words.append(further)
        written = " ".join(words)
        if self.at("("):
            sizes = self.parenthesised(TokenReader.next)
            written += f"({', '.join(size.value for size in sizes)})"
        try:
            return parse_type(written, default_length=default_length)
        except SqlError as error:
            error.line = start.line
            raise
