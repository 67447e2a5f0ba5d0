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
    103: Wording(15, "The {kind} that starts with '{start}' is too long. Maximum length is {limit}."),
    105: Wording(15, "Unclosed quotation mark after the character string '{rest}'. Close it."),
    106: Wording(
        16, "Too many table names in the query. The maximum allowable is {limit}. Break it into smaller ones."
    ),
    107: Wording(16, "The column prefix of '{prefix}' does not match with a table in FROM. Check it."),
    108: Wording(
        16,
        "The ORDER BY position number {position} is out of range of the number of items in the select list. "
        "Order by a column's name.",
    ),
    109: Wording(16, "There are more columns in the INSERT statement ({columns}) than values ({values}). Match them."),
    110: Wording(16, "There are fewer columns in the INSERT statement ({columns}) than values ({values}). Match them."),
    111: Wording(15, "'{statement}' must be the first statement in a query batch. Put GO before it."),
    113: Wording(15, "Missing end comment mark '*/'. Close the comment."),
    116: Wording(
        16,
        "Only one expression can be specified in the select list when the subquery is not introduced with "
        "EXISTS. Select one column.",
    ),
    117: Wording(15, "The object name '{name}' contains more than the maximum number of prefixes. The maximum is 2."),
    119: Wording(
        15,
        "Must pass parameter number {position} and subsequent parameters as '@name = value'. After the form '@name = "
        "value' has been used, all subsequent parameters must be passed in it.",
    ),
    120: Wording(16, "There are more columns in the INSERT statement ({columns}) than values ({values}). Match them."),
    121: Wording(16, "There are fewer columns in the INSERT statement ({columns}) than values ({values}). Match them."),
    128: Wording(
        15,
        'The name "{name}" is not permitted in this context. Valid expressions are constants, constant expressions, '
        "and (in some contexts) variables. Column names are not permitted.",
    ),
    130: Wording(
        16,
        "Cannot perform an aggregate function on an expression containing an aggregate or a subquery. Compute"
        " the inner one in a derived table.",
    ),
    134: Wording(
        15,
        "The variable name '{variable}' has already been declared. Variable names must be unique within a query batch "
        "or stored procedure.",
    ),
    135: Wording(15, "Cannot use a BREAK statement outside the scope of a WHILE statement."),
    136: Wording(15, "Cannot use a CONTINUE statement outside the scope of a WHILE statement."),
    137: Wording(15, 'Must declare the scalar variable "{variable}".'),
    141: Wording(
        16,
        "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations. "
        "Assign every item, or none.",
    ),
    144: Wording(
        15,
        "Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY clause. "
        "Compute it in a derived table.",
    ),
    145: Wording(16, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified. Select it."),
    147: Wording(16, "An aggregate may not appear in the WHERE clause unless it is in a subquery. Use HAVING."),
    155: Wording(16, "'{name}' is not a recognized {function} option. Use one of {options}."),
    156: Wording(15, "Incorrect syntax near the keyword '{keyword}'."),
    157: Wording(15, "An aggregate may not appear in the set list of an UPDATE statement. Use a subquery."),
    158: Wording(15, "An aggregate may not appear in the OUTPUT clause. Put OUTPUT into a table and aggregate that."),
    162: Wording(15, "Invalid expression in the TOP clause: an aggregate may not appear there. Use a variable."),
    164: Wording(
        15,
        "Each GROUP BY expression must contain at least one column that is not an outer reference. Group by a column, "
        "not by its position or a constant.",
    ),
    168: Wording(15, "The floating point value '{number}' is out of the range of representation (8 bytes)."),
    174: Wording(16, "The {function} function requires {count} argument(s)."),
    175: Wording(15, "An aggregate may not appear in a computed column expression or check constraint."),
    179: Wording(15, "Cannot use the OUTPUT option when passing a constant to a stored procedure."),
    189: Wording(16, "The {function} function requires {least} to {most} arguments."),
    191: Wording(15, "Some part of your SQL statement is nested too deeply. Break it into smaller ones."),
    195: Wording(
        16,
        "'{function}' is not a recognized built-in function name, or the embedded engine does not have it. "
        "Check its spelling, or use SQL Server.",
    ),
    201: Wording(16, "Procedure or function '{procedure}' expects parameter '{parameter}', which was not supplied."),
    205: Wording(
        16,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
        "expressions in their target lists. Count the columns.",
    ),
    206: Wording(16, "Operand type clash: {first} is incompatible with {second}."),
    207: Wording(16, "Invalid column name '{column}'."),
    208: Wording(16, "Invalid object name '{name}'."),
    209: Wording(16, "Ambiguous column name '{column}'. Put the table's alias before it."),
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
    220: Wording(16, "Arithmetic overflow error for data type {type}, value = {value}. Use a larger type."),
    232: Wording(16, "Arithmetic overflow error for type {type}, value = {value}. Use a larger type."),
    235: Wording(16, "Cannot convert a {source} value to {target}. The value has incorrect syntax."),
    239: Wording(16, "Duplicate common table expression name '{name}' was specified. Rename one."),
    241: Wording(
        16,
        "Conversion failed when converting date and/or time from character string. Write it as 2024-02-29 or "
        "2024-02-29T23:59:59.",
    ),
    242: Wording(
        16,
        "The conversion of a {source} data type to a {target} data type resulted in an out-of-range value. "
        "Use a day that exists, or datetime2.",
    ),
    244: Wording(16, "The conversion of the {source} value '{value}' overflowed {target}. Use a larger type."),
    245: Wording(
        16,
        "Conversion failed when converting the {source} value '{value}' to data type {target}. Pass a number,"
        " or use TRY_CAST.",
    ),
    248: Wording(16, "The conversion of the {source} value '{value}' overflowed {target}. Use a larger type."),
    252: Wording(16, "Recursive common table expression '{name}' does not contain a top-level UNION ALL operator."),
    253: Wording(
        16, "Recursive member of a common table expression '{name}' has multiple recursive references. Name it once."
    ),
    257: Wording(
        16,
        "Implicit conversion from data type {source} to {target} is not allowed. Use the CONVERT function to "
        "run this query.",
    ),
    264: Wording(16, "The column name '{column}' is specified more than once in the column list."),
    266: Wording(
        16,
        "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous "
        "count = {before}, current count = {after}.",
    ),
    281: Wording(16, "{style} is not a valid style number when converting from {source} to {target}."),
    289: Wording(
        16,
        "Cannot construct data type {type}, some of the arguments have values which are not valid. Pass a day"
        " and a time that exist.",
    ),
    310: Wording(
        15, "The value {value} specified for the MAXRECURSION option exceeds the allowed maximum of {limit}. Use less."
    ),
    402: Wording(16, "The data types {first} and {second} are incompatible in the {operator} operator."),
    408: Wording(15, "A constant expression was encountered in the ORDER BY list. Order by a column or its position."),
    460: Wording(
        16, "DISTINCT operator is not allowed in the recursive part of a recursive common table expression '{name}'."
    ),
    461: Wording(
        16,
        "The TOP or OFFSET operator is not allowed in the recursive part of a recursive common table expression "
        "'{name}'.",
    ),
    462: Wording(
        16, "Outer join is not allowed in the recursive part of a recursive common table expression '{name}'."
    ),
    465: Wording(16, "Recursive references are not allowed in subqueries. Join the common table expression."),
    467: Wording(
        16,
        "GROUP BY, HAVING, or aggregate functions are not allowed in the recursive part of a recursive common table "
        "expression '{name}'.",
    ),
    483: Wording(16, "The OUTPUT clause cannot be used in an INSERT … EXEC statement. Leave it out."),
    506: Wording(16, "The invalid escape character '{escape}' was specified in a LIKE predicate. Use one character."),
    512: Wording(
        16,
        "Subquery returned more than 1 value ({count}). This is not permitted when the subquery follows =, "
        "!=, <, <= , >, >= or when the subquery is used as an expression. Use TOP (1) with ORDER BY, or an "
        "aggregate.",
    ),
    515: Wording(
        16,
        "Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls. "
        "{statement} fails.",
    ),
    517: Wording(16, "The date is outside the years 1 to 9999."),
    529: Wording(
        16,
        "Explicit conversion from data type {source} to {target} is not allowed. Convert to a text type "
        "first, or store another type.",
    ),
    530: Wording(
        16,
        "The statement terminated. The maximum recursion {level} has been exhausted before statement "
        "completion. Use OPTION (MAXRECURSION n).",
    ),
    535: Wording(
        16,
        "The datediff function resulted in an overflow. The number of dateparts between the two values is too"
        " large: use a less precise datepart or DATEDIFF_BIG.",
    ),
    537: Wording(16, "Invalid length parameter passed to the {function} function. Pass a length of 0 or more."),
    544: Wording(16, "Cannot insert explicit value for identity column in table '{table}'."),
    547: Wording(16, "The {statement} statement conflicted with the {kind} constraint {constraint}."),
    628: Wording(16, "Cannot issue SAVE TRANSACTION when there is no active transaction. Begin one first."),
    701: Wording(17, "There is insufficient system memory to run this query. Work on fewer or smaller values at once."),
    824: Wording(
        24, "The database file is damaged, is no database, or its disk cannot be read. Restore it from a backup."
    ),
    911: Wording(16, "Database '{database}' does not exist. The embedded engine's file holds one database, {own}."),
    1001: Wording(16, "Length or precision specification {length} is invalid for {type}."),
    1002: Wording(16, "Scale {scale} is not valid for {type}. Use 0 to 7."),
    1007: Wording(
        15, "The number '{number}' is out of the range for numeric representation (maximum precision {precision})."
    ),
    1013: Wording(
        16,
        "The objects '{first}' and '{second}' in the FROM clause have the same exposed names. Use AS to tell "
        "them apart.",
    ),
    1014: Wording(16, "A TOP, OFFSET or FETCH clause contains an invalid value ({value}). Use 0 or more."),
    1015: Wording(
        15,
        "An aggregate cannot appear in an ON clause unless it is in a subquery. Aggregate in a derived table, and join "
        "that.",
    ),
    1023: Wording(16, "Invalid parameter {position} specified for {function}. Give a bare word such as DAY."),
    1038: Wording(
        15,
        "An object or column name is missing or empty. Give each a name of at least one character; [] is none.",
    ),
    1046: Wording(
        16,
        "Subqueries are not allowed in this context. Only scalar expressions are allowed.",
    ),
    1056: Wording(
        15,
        "The number of elements in the select list exceeds the maximum allowed number of {limit} elements: it has "
        "{count}.",
    ),
    1087: Wording(15, 'Must declare the table variable "{variable}". Variables end with their batch.'),
    1105: Wording(17, "Could not allocate space in the database: the disk is full. Free some space."),
    1222: Wording(
        16,
        "Lock request time out period exceeded: another process has been writing for {seconds} seconds. Try "
        "again when it is done.",
    ),
    1223: Wording(
        16,
        "Cannot release the application lock (Database Principal: 'public', Resource: '{name}') because it is not "
        "currently held. Take it with sp_getapplock first.",
    ),
    1505: Wording(
        16,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
        "'dbo.{table}' and the index name '{index}'. Remove the duplicates.",
    ),
    1702: Wording(
        16,
        "CREATE TABLE failed because column '{column}' in table '{table}' exceeds the maximum of {limit} columns.",
    ),
    1752: Wording(
        16, "Column '{column}' in table '{table}' is invalid for creating a default constraint. Check its name."
    ),
    1767: Wording(16, "Foreign key '{foreign_key}' references invalid table '{table}'. Create that table first."),
    1776: Wording(
        16,
        "There are no primary or candidate keys in the referenced table '{table}' that match the referencing column "
        "list in the foreign key '{foreign_key}'. Reference a primary key or unique columns.",
    ),
    1781: Wording(
        16, "Column '{column}' of table '{table}' already has a DEFAULT bound to it. Drop that constraint first."
    ),
    1904: Wording(
        16,
        "The index '{index}' on table '{table}' has {count} columns in the key list. The maximum limit for index key "
        "column list is {limit}.",
    ),
    1909: Wording(
        16, "Cannot use duplicate column names in index. Column name '{column}' listed more than once. Name it once."
    ),
    1911: Wording(16, "Column name '{column}' does not exist in the target table '{table}'. Check its spelling."),
    1913: Wording(
        16,
        "The operation failed because an index or statistics with name '{index}' already exists on table '{table}'. "
        "Drop it first.",
    ),
    2601: Wording(14, "Cannot insert duplicate key row in object '{table}' with unique index '{index}'."),
    2627: Wording(
        14,
        "Violation of {kind} constraint '{constraint}'. Cannot insert duplicate key in object '{table}'.",
    ),
    2628: Wording(
        16,
        "String or binary data would be truncated in table '{table}', column '{column}': it takes {limit}, "
        "the value has {length}. Shorten the value or widen the column.",
    ),
    2702: Wording(16, "Database '{database}' does not exist."),
    2705: Wording(
        16,
        "Column names in each table must be unique. Column name '{column}' in table '{table}' is specified more than "
        "once.",
    ),
    2714: Wording(
        16,
        "There is already an object named '{name}' in the database. Drop it first, or take another name.",
    ),
    2715: Wording(16, "Cannot find data type {type}."),
    2716: Wording(16, "{type} takes no width. Write {type} alone."),
    2744: Wording(16, "Multiple identity columns specified for table '{table}'. Only one identity column per table."),
    2748: Wording(
        16,
        "Cannot specify {type} data type as a substitution parameter of RAISERROR. CAST it to int or nvarchar.",
    ),
    2749: Wording(16, "Identity column '{column}' must be of an integer type. Use INT or BIGINT."),
    2754: Wording(
        16,
        "Error severity levels greater than 18 can only be specified by members of the sysadmin role, using the WITH "
        "LOG option. Use 16.",
    ),
    2760: Wording(
        16, 'The specified schema name "{name}" either does not exist or you do not have permission to use it.'
    ),
    2786: Wording(
        16,
        "The data type of substitution parameter {position} does not match the expected type of the format "
        "specification {specification}. CAST it.",
    ),
    2787: Wording(16, "Invalid format specification: '{specification}'. Write %% for a percent sign."),
    2812: Wording(16, "Could not find stored procedure '{name}'. Check its name and its database."),
    3623: Wording(16, "An invalid floating point operation occurred. Check the value before calling the function."),
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
    3729: Wording(16, "Cannot drop {kind} '{name}' because it is being referenced by object '{held}'."),
    3902: Wording(16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION. Leave it out."),
    3903: Wording(
        16,
        "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION. Test @@TRANCOUNT first.",
    ),
    3906: Wording(16, "The database file cannot be written. Change its permissions or open a copy."),
    3915: Wording(16, "Cannot use the ROLLBACK statement within an INSERT-EXEC statement. Use THROW."),
    3930: Wording(
        16,
        "The current transaction cannot be committed and cannot support operations that write to the log "
        "file. Roll back the transaction.",
    ),
    4104: Wording(16, 'The multi-part identifier "{name}" could not be bound. Check its alias.'),
    4108: Wording(
        16,
        "Windowed functions can only appear in the SELECT or ORDER BY clauses. Compute it in a derived table.",
    ),
    4109: Wording(
        16,
        "Windowed functions cannot be used in the context of another windowed function or aggregate. Compute the inner "
        "one in a derived table.",
    ),
    4112: Wording(16, "The function '{function}' must have an OVER clause with ORDER BY."),
    4115: Wording(
        16,
        "A column is not allowed in an argument to a TOP, OFFSET, or FETCH clause. Use a number or a variable.",
    ),
    4116: Wording(16, "The function 'ntile' takes only a positive int or bigint expression as its input."),
    4117: Wording(
        16,
        "Cannot retrieve table data for the query operation because the schema is being altered by another process. "
        "Run it again.",
    ),
    4127: Wording(
        16,
        "At least one of the arguments to COALESCE must be an expression that is not the NULL constant. CAST "
        "one of the NULLs.",
    ),
    4145: Wording(
        15,
        "An expression of non-boolean type specified in a context where a condition is expected, near '{near}'. "
        "Compare it with something.",
    ),
    4193: Wording(
        16,
        "'{frame}' is not a valid window frame and cannot be used with the OVER clause: it ends before it begins.",
    ),
    4194: Wording(
        16,
        "RANGE is only supported with UNBOUNDED and CURRENT ROW window frame delimiters. Use ROWS.",
    ),
    4405: Wording(16, "The view '{view}' is not updatable. Change its tables."),
    4505: Wording(
        16, "CREATE VIEW failed because column '{column}' in view '{view}' exceeds the maximum of {limit} columns."
    ),
    4606: Wording(16, "Granted or revoked privilege {permission} is not compatible with object."),
    4712: Wording(
        16,
        "Cannot truncate table '{table}' because it is being referenced by a FOREIGN KEY constraint. Use DELETE.",
    ),
    4901: Wording(
        16,
        "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified. "
        "Column '{column}' cannot be added to non-empty table '{table}': give it a DEFAULT.",
    ),
    4923: Wording(
        16,
        "ALTER TABLE DROP COLUMN failed because '{column}' is the only data column in table '{table}'. A table must "
        "have at least one data column.",
    ),
    4924: Wording(16, "'{name}' is not a column of table '{table}'. Check its name."),
    5074: Wording(
        16,
        "ALTER TABLE {action} {column} failed because one or more objects access this column: {users}. Drop them "
        "first.",
    ),
    5308: Wording(
        16,
        "Windowed functions, aggregates and NEXT VALUE FOR functions do not support integer indices as ORDER BY clause "
        "expressions. Order by a column, or by (SELECT NULL).",
    ),
    5309: Wording(
        16,
        "Windowed functions, aggregates and NEXT VALUE FOR functions do not support constants as ORDER BY clause "
        "expressions. Order by a column, or by (SELECT NULL).",
    ),
    5310: Wording(16, "Aggregates are not allowed in the VALUES list of an INSERT statement. Use INSERT … SELECT."),
    6401: Wording(
        16,
        "Cannot roll back {name}. No transaction or savepoint of that name was found. Leave the name out to "
        "roll back the whole transaction.",
    ),
    8023: Wording(16, "The value {value} is not a valid {type}."),
    8102: Wording(16, "Cannot update identity column '{column}'. Leave it as it is."),
    8110: Wording(16, "Cannot add multiple PRIMARY KEY constraints to table '{table}'. Keep one."),
    8114: Wording(16, "Error converting data type {source} to {target}."),
    8115: Wording(16, "Arithmetic overflow error converting {source} to data type {target}."),
    8116: Wording(16, "Argument data type {type} is invalid for argument {position} of {function} function."),
    8117: Wording(16, "Operand data type {type} is invalid for {operator} operator."),
    8120: Wording(
        16,
        "Column '{column}' is invalid in the select list because it is not contained in either an aggregate "
        "function or the GROUP BY clause. Put it in one of them.",
    ),
    8121: Wording(
        16,
        "Column '{column}' is invalid in the HAVING clause because it is not contained in either an aggregate"
        " function or the GROUP BY clause. Put it in one of them.",
    ),
    8127: Wording(
        16,
        "Column '{column}' is invalid in the ORDER BY clause because it is not contained in either an "
        "aggregate function or the GROUP BY clause. Put it in one of them.",
    ),
    8133: Wording(
        16,
        "At least one of the result expressions in a CASE specification must be an expression other than the "
        "NULL constant. CAST one of the NULLs.",
    ),
    8134: Wording(16, "Divide by zero error encountered. Use NULLIF(divisor, 0) for a NULL instead."),
    8143: Wording(16, "Parameter '{name}' was supplied multiple times."),
    8144: Wording(16, "Procedure or function {procedure} has too many arguments specified: it takes {count}."),
    8145: Wording(16, "{name} is not a parameter for procedure {procedure}. Its parameters are: {parameters}."),
    8155: Wording(16, "No column name was specified for column {position} of '{alias}'. Add AS and a name."),
    8156: Wording(16, "The column '{column}' was specified multiple times for '{alias}'. Rename one with AS."),
    8158: Wording(16, "'{alias}' has more columns than were specified in the column list. Name each."),
    8159: Wording(16, "'{alias}' has fewer columns than were specified in the column list. Name each."),
    8162: Wording(
        16,
        'The formal parameter "{parameter}" was not declared as an OUTPUT parameter, but the actual parameter passed '
        "in requested output.",
    ),
    8164: Wording(16, "An INSERT EXEC statement cannot be nested. Use OUTPUT parameters in the inner procedure."),
    8169: Wording(
        16,
        "Conversion failed when converting from a character string to uniqueidentifier. Pass 32 hex digits "
        "with hyphens.",
    ),
    8170: Wording(16, "Insufficient result space to convert uniqueidentifier value to {target}. Use {target}(36)."),
    8179: Wording(
        16, "The batch has {markers} parameter markers (?), but {values} values were passed. Pass one for each."
    ),
    8630: Wording(16, "Internal Query Processor Error: the embedded engine could not run what the statement became."),
    8730: Wording(16, "Offset parameter for Lag and Lead functions cannot be a negative value."),
    8939: Wording(16, "Table error: {findings} ({count} in all). Restore the database from a backup."),
    9810: Wording(16, "The datepart {part} is not supported by date function {function}. Use another part."),
    9818: Wording(16, "The culture parameter '{culture}' is not supported by the embedded engine. Use 'en-US'."),
    9819: Wording(
        16,
        "The format '{pattern}' is not supported by FORMAT in the embedded engine. Use CONVERT with a style, "
        "or a format such as N2, F3, P1, D5, 0.00, #,##0 or yyyy-MM-dd.",
    ),
    9828: Wording(
        16,
        "The second and third arguments of the TRANSLATE built-in function must contain an equal number of "
        "characters. Pad the shorter one.",
    ),
    9829: Wording(
        16,
        "STRING_AGG aggregation result exceeded the limit of 8000 bytes. CAST the argument to NVARCHAR(MAX).",
    ),
    9833: Wording(16, "{what} is half of a character. Write the whole character as a literal."),
    10704: Wording(
        16,
        "To rethrow an error, a THROW statement must be used inside a CATCH block. Give number, message and state.",
    ),
    10709: Wording(16, "The number of columns for each row in a table value constructor must be the same. Count them."),
    10735: Wording(
        16,
        "Incorrect WHERE clause for filtered index '{index}' on table '{table}'. Compare columns with constants only.",
    ),
    10738: Wording(
        15,
        "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of {limit} row "
        "values. Use several statements.",
    ),
    10752: Wording(15, "The function '{function}' may not have a window frame. Leave ROWS or RANGE out."),
    10753: Wording(16, "The function '{function}' must have an OVER clause."),
    10756: Wording(15, "Window frame with ROWS or RANGE must have an ORDER BY clause."),
    10757: Wording(16, "The function '{function}' may not have a WITHIN GROUP clause. Leave it out."),
    10759: Wording(16, "Use of DISTINCT is not allowed with the OVER clause. Count in a derived table."),
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
    12302: Wording(
        16,
        "The hash algorithm '{algorithm}' is not supported by HASHBYTES. Use MD5, SHA1, SHA2_256 or SHA2_512.",
    ),
    13600: Wording(16, "The escape type '{type}' is not supported by STRING_ESCAPE. Use 'json'."),
    13607: Wording(16, "JSON path '{path}' is not properly formatted. Write it as $.name.\"other name\"[0]."),
    13608: Wording(16, "Property cannot be found on the specified JSON path '{path}'. Use lax for a NULL instead."),
    13609: Wording(
        16,
        "JSON text is not properly formatted: something unexpected stands at position {position}. Pass an "
        "object or an array, or test it with ISJSON.",
    ),
    13611: Wording(16, "Value referenced by JSON path '{path}' is not an array or object. Use JSON_VALUE."),
    13619: Wording(16, "JSON_MODIFY cannot change the whole text: the path '{path}' names no property. Name one."),
    13621: Wording(16, "The value on the JSON path '{path}' is no array, so nothing can be appended. Name an array."),
    13623: Wording(16, "Scalar value cannot be found on the JSON path '{path}'. Use JSON_QUERY."),
    13624: Wording(16, "Object or array cannot be found on the JSON path '{path}'. Use JSON_VALUE."),
    13625: Wording(16, "The value on the JSON path '{path}' is longer than 4000 characters. Use OPENJSON."),
    15023: Wording(16, "User, group, or role '{name}' already exists in the current database."),
    15063: Wording(16, "The login already has an account under a different user name."),
    15081: Wording(16, "Membership of the public role cannot be changed."),
    15135: Wording(16, "Object is invalid. Extended properties are not permitted on '{object}', or it does not exist."),
    15144: Wording(16, "The role has members. It must be empty before it can be dropped."),
    15150: Wording(16, "Cannot drop the {kind} '{name}'."),
    15151: Wording(16, "Cannot {doing} the {kind} '{name}', because it does not exist or you do not have permission."),
    15217: Wording(16, "Cannot update or delete the property. Property '{name}' is not there for '{object}'. Add it."),
    15232: Wording(
        16,
        "A certificate with name '{name}' already exists or this certificate already has been added to the database.",
    ),
    15233: Wording(16, "Property cannot be added. Property '{name}' already exists for '{object}'. Update it."),
    15352: Wording(
        16,
        "The certificate cannot be dropped because one or more entities are either signed or encrypted using it.",
    ),
    15556: Wording(
        16,
        "Cannot decrypt or encrypt using the specified certificate, either because it has no private key or because "
        "the password provided for the private key is incorrect.",
    ),
    15581: Wording(
        16,
        "Please create a master key in the database or open the master key in the session before performing this "
        "operation. Give ENCRYPTION BY PASSWORD.",
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
