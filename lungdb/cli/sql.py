"""`lungdb sql`: run T-SQL on either engine, the way sqlcmd does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.database import Connection, Cursor, Message, connect, following, split_batches
from lungdb.errors import LungdbError, SqlError

WIDTH = 256
# Errors of this severity and above end the connection.
_FATAL = 20


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0, or 1 when any batch had an error."""
    parser = argparse.ArgumentParser(
        prog="lungdb sql",
        description="Run T-SQL and print results, messages and errors. Batches are separated by lines that say GO. "
        "Exit status 1 when there was an error.",
    )
    add_database_argument(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("-i", "--input", metavar="FILE", help="file with T-SQL, in UTF-8; default: standard input")
    source.add_argument("-q", "-Q", "--query", metavar="T-SQL", help="the T-SQL itself")
    parser.add_argument("-b", "--stop", action="store_true", help="stop at the first error instead of going on")
    parser.add_argument(
        "-y", "--width", type=int, default=WIDTH, metavar="N", help=f"longest value shown (default {WIDTH})"
    )
    options = parser.parse_args(argv)
    if options.width < 8:
        parser.error(f"-y {options.width} is too narrow; give 8 or more")

    script = _read(options)
    target = options.database or load_settings().database
    connection = connect(target)
    try:
        with following(target, connection, _print_at_once) as has_said:
            fine = run_and_print(connection, script, stop=options.stop, output=Output(options.width, has_said))
    finally:
        connection.close()
    return 0 if fine else 1


@dataclass(frozen=True)
class Output:
    """How results and messages are printed.

    Attributes
    ----------
    width : int
        Longest value shown.
    has_said : callable
        Tells which messages are passed over, because they were printed before they came.
    """

    width: int = WIDTH
    has_said: Callable[[Message], bool] = lambda message: False

    def print_step(self, cursor: Cursor) -> None:
        """Print messages and rows of the present step; an error comes after the rows that were read before it."""
        self.print_messages(cursor.messages)
        if cursor.description is None:
            _print_count(cursor.rowcount)
            return
        columns = [str(column[0] or "") for column in cursor.description]
        rows: list[Sequence[Any]] = []
        try:
            # One by one: an error would take the rows with it that were read in one call.
            while (row := cursor.fetchone()) is not None:
                rows.append(row)
        except SqlError:
            print_table(columns, rows, self.width)
            count = "1 row was" if len(rows) == 1 else f"{len(rows)} rows were"
            print(f"\n({count} read before the error; more may be there)\n")
            raise
        print_table(columns, rows, self.width)
        print()
        _print_count(len(rows))

    def print_messages(self, messages: Iterable[Message]) -> None:
        """Print messages, those of errors after which a batch goes on with their number."""
        for message in messages:
            if message.severity > 10:
                print(f"Msg {message.number}, Level {message.severity}, State {message.state}, Line {message.line}")
            if not self.has_said(message):
                print(message.text, flush=True)


_OUTPUT = Output()


def run_and_print(connection: Connection, script: str, *, stop: bool = False, output: Output = _OUTPUT) -> bool:
    """Run a script and print everything that it says, as it comes.

    Parameters
    ----------
    stop : bool
        Stop at the first error instead of going on.
    output : Output
        How it is printed.

    Returns
    -------
    bool
        Whether there was no error.
    """
    fine = True
    for batch, first_line in split_batches(script):
        fine = _run_batch(connection, batch, first_line, stop, output) and fine
        if stop and not fine:
            break
    return fine


def _read(options: argparse.Namespace) -> str:
    if options.query is not None:
        if any("\ud800" <= each <= "\udfff" for each in options.query):
            raise LungdbError("The T-SQL of -q holds bytes that are no UTF-8. Write it as UTF-8.")
        return str(options.query)
    try:
        if options.input is None:
            return sys.stdin.read()
        return Path(options.input).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LungdbError(f"The file '{options.input}' cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LungdbError(f"'{options.input or 'standard input'}' is not UTF-8. Save it as UTF-8.") from error


def _run_batch(connection: Connection, batch: str, first_line: int, stop: bool, output: Output) -> bool:
    """Print everything the batch says; an error after the first result is met while the rest is drained."""
    cursor = connection.cursor()
    fine = True
    more = True
    started = False
    while more:
        try:
            if started:
                more = bool(cursor.nextset())
            else:
                started = True
                cursor.execute(batch)
            output.print_step(cursor)
        except SqlError as error:
            output.print_messages(cursor.messages)
            error.line += first_line - 1 if error.procedure is None else 0
            print(error, file=sys.stderr)
            fine = False
            if stop:
                break
            # An error of the driver's own has no number: asked for more it might say the same for ever.
            if error.severity >= _FATAL or error.number == 0:
                print("What else this batch had to say was not read.", file=sys.stderr)
                break
    cursor.close()
    return fine


def _print_count(count: int) -> None:
    if count >= 0:
        print(f"({count} row{'' if count == 1 else 's'} affected)\n")


def _print_at_once(text: str) -> None:
    print(text, flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], width: int = WIDTH) -> int:
    """Print rows under their column names and return how many; numbers stand right, long values are cut at `width`."""
    values = list(rows)
    cells = [[_text(value, width) for value in row] for row in values]
    numeric = [_is_numeric([row[index] for row in values]) for index in range(len(columns))]
    widths = [max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(columns)]
    for line in (columns, ["-" * size for size in widths], *cells):
        parts = [
            cell.rjust(size) if right else cell.ljust(size)
            for cell, size, right in zip(line, widths, numeric, strict=True)
        ]
        print("  ".join(parts).rstrip())
    return len(cells)


def _is_numeric(values: Sequence[Any]) -> bool:
    given = [value for value in values if value is not None]
    return bool(given) and all(isinstance(value, (int, float, Decimal)) for value in given)


def _text(value: Any, width: int) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (bytes, bytearray)):
        text = "0x" + bytes(value[: width // 2]).hex().upper()
        return text if len(value) <= width // 2 else text[: width - 1] + "…"
    text = str(value).replace("\r\n", "\n").replace("\n", " ")
    return text if len(text) <= width else text[: width - 1] + "…"
