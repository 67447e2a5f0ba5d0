"""The errors that SQL Server numbers: one table of number to severity and wording, as its sys.messages is.

The wording is SQL Server's, shortened where it speaks of what the embedded engine lacks, and followed by what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.errors import SqlError


@dataclass(frozen=True)
class Wording:
    """How an error reads.

    Attributes
    ----------
    severity : int
        11 to 20.
    text : str
        With a ``{field}`` for each value that it names.
    """

    severity: int
    text: str


WORDINGS: dict[int, Wording] = {
    102: Wording(15, "Incorrect syntax near '{near}'."),
    141: Wording(
        16,
        "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations. "
        "Assign every item, or none.",
    ),
    156: Wording(15, "Incorrect syntax near the keyword '{keyword}'."),
    201: Wording(16, "Procedure or function '{procedure}' expects parameter '{parameter}', which was not supplied."),
    208: Wording(16, "Invalid object name '{name}'."),
    213: Wording(
        16,
        "Column name or number of supplied values does not match table definition: {table} takes {columns} here and "
        "was given {values}.",
    ),
    214: Wording(16, "Procedure expects parameter '{parameter}' of type '{type}'."),
    217: Wording(
        16,
        "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit {limit}). Use a loop "
        "instead of recursion.",
    ),
    266: Wording(
        16,
        "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous "
        "count = {before}, current count = {after}.",
    ),
    483: Wording(16, "The OUTPUT clause cannot be used in an INSERT … EXEC statement. Leave it out."),
    515: Wording(
        16,
        "Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls. "
        "{statement} fails.",
    ),
    547: Wording(16, "The {statement} statement conflicted with the {kind} constraint {constraint}."),
    911: Wording(16, "Database '{database}' does not exist. The embedded engine's file holds one database, {own}."),
    1505: Wording(
        16,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
        "'dbo.{table}' and the index name '{index}'. Remove the duplicates.",
    ),
    1767: Wording(16, "Foreign key '{foreign_key}' references invalid table '{table}'. Create that table first."),
    1776: Wording(
        16,
        "There are no primary or candidate keys in the referenced table '{table}' that match the referencing column "
        "list in the foreign key '{foreign_key}'. Reference a primary key or unique columns.",
    ),
    1913: Wording(
        16,
        "The operation failed because an index or statistics with name '{index}' already exists on table '{table}'. "
        "Drop it first.",
    ),
    2705: Wording(
        16,
        "Column names in each table must be unique. Column name '{column}' in table '{table}' is specified more than "
        "once.",
    ),
    2714: Wording(
        16,
        "There is already an object named '{name}' in the database. Drop it first, or take another name.",
    ),
    2744: Wording(16, "Multiple identity columns specified for table '{table}'. Only one identity column per table."),
    2748: Wording(
        16,
        "Cannot specify {type} data type as a substitution parameter of RAISERROR. CAST it to int or nvarchar.",
    ),
    2754: Wording(
        16,
        "Error severity levels greater than 18 can only be specified by members of the sysadmin role, using the WITH "
        "LOG option. Use 16.",
    ),
    2812: Wording(16, "Could not find stored procedure '{name}'. Check its name and its database."),
    3701: Wording(11, "Cannot drop the {kind} '{name}', because it does not exist. Use IF EXISTS."),
    3725: Wording(
        16,
        "The constraint '{constraint}' is being referenced by table '{table}', foreign key constraint '{foreign_key}'. "
        "Drop that first.",
    ),
    3726: Wording(
        16,
        "Could not drop object '{name}' because it is referenced by a FOREIGN KEY constraint ({constraints}). Drop "
        "that first.",
    ),
    3728: Wording(16, "'{name}' is not a constraint of table '{table}'. Check its name."),
    3915: Wording(16, "Cannot use the ROLLBACK statement within an INSERT-EXEC statement. Use THROW."),
    4712: Wording(
        16,
        "Cannot truncate table '{table}' because it is being referenced by a FOREIGN KEY constraint. Use DELETE.",
    ),
    4901: Wording(
        16,
        "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified. "
        "Column '{column}' cannot be added to non-empty table '{table}': give it a DEFAULT.",
    ),
    4924: Wording(16, "'{name}' is not a column of table '{table}'. Check its name."),
    5074: Wording(
        16,
        "ALTER TABLE {action} {column} failed because one or more objects access this column: {users}. Drop them "
        "first.",
    ),
    8110: Wording(16, "Cannot add multiple PRIMARY KEY constraints to table '{table}'. Keep one."),
    8143: Wording(16, "Parameter '{name}' was supplied multiple times."),
    8144: Wording(16, "Procedure or function {procedure} has too many arguments specified: it takes {count}."),
    8145: Wording(16, "{name} is not a parameter for procedure {procedure}. Its parameters are: {parameters}."),
    8162: Wording(
        16,
        'The formal parameter "{parameter}" was not declared as an OUTPUT parameter, but the actual parameter passed '
        "in requested output.",
    ),
    8164: Wording(16, "An INSERT EXEC statement cannot be nested. Use OUTPUT parameters in the inner procedure."),
    8179: Wording(
        16, "The batch has {markers} parameter markers (?), but {values} values were passed. Pass one for each."
    ),
    10704: Wording(
        16,
        "To rethrow an error, a THROW statement must be used inside a CATCH block. Give number, message and state.",
    ),
    11535: Wording(
        16,
        "EXECUTE statement failed because its WITH RESULT SETS clause specified {specified} result set(s), and the "
        "statement tried to send more. Name them all.",
    ),
    11536: Wording(
        16,
        "EXECUTE statement failed because its WITH RESULT SETS clause specified {specified} result set(s), but the "
        "statement only sent {sent}.",
    ),
    11537: Wording(
        16,
        "EXECUTE statement failed because its WITH RESULT SETS clause specified {specified} column(s), but the "
        "statement sent {sent}. Name each.",
    ),
    15600: Wording(16, "An invalid parameter was specified for procedure '{procedure}'."),
    15664: Wording(
        16,
        "Cannot set key '{key}' in the session context. The key has been set as read_only for this session.",
    ),
    35100: Wording(
        16,
        "Error number {number} in the THROW statement is outside the valid range. Specify an error number in the "
        "valid range of 50000 to 2147483647.",
    ),
    39004: Wording(
        16,
        "A '{language}' script error occurred during execution of 'sp_execute_external_script' with HRESULT "
        "0x80004004.\nAn external script error occurred: \n{reason}",
    ),
    39012: Wording(
        16,
        "Unable to communicate with the runtime for '{language}' script: its process is gone. Look for a crash, a lack "
        "of memory or os._exit in the script.{last_words}",
    ),
    39017: Wording(16, "Input data query returned {what}."),
    39018: Wording(16, "Parameter '{name}' {fault}."),
    39020: Wording(
        16,
        "The external language '{language}' is not registered. Use N'Python', or make it with CREATE EXTERNAL "
        "LANGUAGE.",
    ),
}
"""By number, in ascending order."""


def numbered_error(number: int, /, *, line: int = 1, state: int = 1, advice: str = "", **fields: object) -> SqlError:
    """Return the error of a number, its fields filled in.

    Parameters
    ----------
    number : int
        A key of `WORDINGS`.
    line : int
        Of the batch, where it is known.
    advice : str
        A sentence for this one place, after the wording.
    **fields
        A value for each field of the wording.
    """
    wording = WORDINGS[number]
    text = wording.text.format_map(fields)
    return SqlError(number, f"{text} {advice}" if advice else text, severity=wording.severity, state=state, line=line)
