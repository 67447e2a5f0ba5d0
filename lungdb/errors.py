"""The errors that lungdb raises on purpose.

Each message is one sentence of what is wrong, with the value, and one of what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

ASK_DOCTOR = "In the database, EXECUTE dbo.CheckRuntime; EXECUTE dbo.Doctor; say what its Python lacks."
"""The end of a message about the Python that the procedures run in."""


class LungdbError(Exception):
    """Something a user can put right: bad input, a missing package, a refused value."""


class ErrorNumber(IntEnum):
    """The numbers of what the stored procedures refuse; sql/README.md says what each means."""

    IN_TRANSACTION = 50100
    ARGUMENT = 50101
    UNKNOWN_NETWORK = 50102
    UNKNOWN_BYTES = 50103
    OTHER_SHAPE = 50104
    DAMAGED = 50105
    UNKNOWN_PATIENT = 50107
    UNKNOWN_MODEL = 50108
    NO_FEATURES = 50109
    OTHER_WIDTH = 50110
    NO_LABELS = 50111
    ONE_CLASS = 50112
    TOO_FEW = 50113
    ONE_OF_TWO = 50114
    UNKNOWN_LAYER = 50115
    UNREADABLE = 50116
    NOTHING_TO_TRAIN_ON = 50117
    OUT_OF_ORDER = 50119
    SOME_FAILED = 50120
    FEATURES_MISSING = 50140
    WORSE_THAN_CHAMPION = 50141
    NO_CHAMPION = 50142
    STILL_REFERRED_TO = 50143
    NOT_COMPARABLE = 50144
    UNKNOWN_PREDICTION = 50145
    CHAMPION_CHANGED = 50146
    NO_NODES = 50150
    NOT_CHECKED = 50151
    NOT_AS_NODES = 50152
    OTHER_FEATURES = 50153
    UNKNOWN_PREVALENCE = 50154
    COPIED_IN_PART = 50155
    SEARCH_SPACE = 50160
    NUMBER_OF_TRIALS = 50161
    UNKNOWN_SEARCH = 50162
    ALL_TRIALS_FAILED = 50163
    FEATURES_CHANGED = 50164
    UNKNOWN_TENSORS = 50170
    UNKNOWN_DATASET = 50171
    UNFIT_EXAMPLE = 50172
    UNFIT_TENSORS = 50173
    OTHER_LAYERS = 50174
    UNFIT_LABEL = 50175
    OVERFLOW = 50176
    NOTHING_SIMILAR = 50200
    UNKNOWN_SLICES = 50210
    SCAN_REPLACED = 50211
    UNKNOWN_ACCOUNT = 50220
    ACCOUNT_EXISTS = 50221
    UNKNOWN_TOKEN = 50222
    ROWS_DIFFER = 50230
    TOO_LARGE = 50231
    CHANGED_MEANWHILE = 50232
    NOT_WHOLE = 50250
    DATASET_QUERY = 50270
    UNKNOWN_MEMBERS = 50271
    EMPTY_DATASET = 50272
    OTHER_KIND_OF_DATASET = 50273
    MEMBERS_CHANGED = 50274
    DATASET_IN_USE = 50275
    OTHER_LABELS = 50276
    NO_NUMBERS = 50277
    UNKNOWN_FEATURES = 50278
    VALUES_MISSING = 50279
    UNKNOWN_SCAN = 50280
    SEVERAL_KINDS_OF_FEATURES = 50281
    LEARNT_FROM = 50285
    UNKNOWN_SUBGROUPS = 50287
    TOO_FEW_TO_COMPARE = 50288
    NOT_MEASURABLE = 50289
    UNFIT_MEMBERS = 50290
    OTHER_TRUTH = 50291
    NOT_REPEATED = 50292
    UNKNOWN_IMAGE_CLASSIFIER = 50300
    GROUP_DISAGREES = 50301
    NAME_TAKEN = 50303
    IN_USE = 50305
    NO_SCALING = 50306
    NUMERIC_LABELS = 50310
    OTHER_TASK = 50311
    NOT_OF_THE_TASK = 50312
    NO_TRAINED_SCANS = 50320
    UNKNOWN_DEVICE = 50340
    NOT_SCORED = 50370
    NO_CONTRIBUTIONS = 50371
    NO_REFERENCE = 50372
    SCORE_OUTDATED = 50373
    NO_STORED_FEATURES = 50374
    NOT_EXPLAINED = 50375
    SCORE_UNEXPLAINED = 50380
    EXPLAINED_OTHERWISE = 50381
    NO_FEATURES_TO_EXPLAIN = 50382
    NO_EXACT_MAP = 50383
    NO_SLICE_FEATURES = 50384
    NO_MAP = 50385
    UNFIT_STEPS = 50390
    UNKNOWN_PREPROCESSING = 50391
    OTHER_STEPS = 50392
    PREPROCESSING_IN_USE = 50393
    NOT_REGISTERED = 50394
    OTHER_COLUMNS = 50395
    UNFIT_TABLE = 50396
    TOO_MANY_TO_CLUSTER = 50400
    NUMBER_OF_CLUSTERS = 50401
    TOO_MANY_RUNS = 50410
    NO_GRADIENTS = 50411
    OTHER_ACTIVATION = 50412
    NO_LAYER_MAP = 50413
    TOO_MANY_MAPS = 50414
    SOME_UNKEPT = 50415
    UNFIT_SLICES = 50420
    UNKNOWN_PICTURE = 50421
    UNFIT_ALGORITHM = 50422
    UNKNOWN_REPORT = 50423
    NO_REPORTS = 50424
    OTHER_PRINCIPAL = 50430
    OTHER_RIGHTS = 50431
    OTHER_CERTIFICATE = 50432
    OTHER_SIGNATURE = 50433
    IDENTITY_SETTLED = 50434
    UNKNOWN_PROCEDURE = 50450
    NO_SESSION_LOCK = 50460
    WORK_DELETED = 50461
    THREE_ENDED = 50462
    NO_WORKER = 50463
    DRIFT_ALARM = 50470
    JOB_FAILED_IN_PART = 50471
    HASHES_DIFFER = 50472
    UNFIT_AGENT_JOBS = 50473
    NOT_THE_PRIMARY = 50474
    OTHER_AGENT_JOB = 50475


class ProcedureError(LungdbError):
    """A refusal that a stored procedure passes on as THROW.

    Attributes
    ----------
    number : int
        A plain one, because an OUTPUT parameter takes no enumeration.
    """

    def __init__(self, number: ErrorNumber, message: str) -> None:
        super().__init__(message)
        self.number = int(number)
        self.message = message


class SqlError(LungdbError):
    """An error that a T-SQL engine reports.

    Attributes
    ----------
    number, severity, state : int
        As SQL Server numbers them; severity 11 to 20 for errors.
    procedure : str or None
        The stored procedure that was running.
    line : int
        Line in the batch or procedure, from 1.
    message : str
        The text alone, without numbers.
    """

    def __init__(
        self,
        number: int,
        message: str,
        *,
        severity: int = 16,
        state: int = 1,
        procedure: str | None = None,
        line: int = 1,
    ) -> None:
        super().__init__(message)
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state
        self.procedure = procedure
        self.line = line

    def __str__(self) -> str:
        """Say it as SQL Server's clients do."""
        where = f", Procedure {self.procedure}" if self.procedure else ""
        return f"Msg {self.number}, Level {self.severity}, State {self.state}{where}, Line {self.line}\n{self.message}"


@dataclass(frozen=True)
class Message:
    """What a T-SQL engine says that is no error, by PRINT or RAISERROR; severity 10 and below."""

    number: int
    severity: int
    state: int
    procedure: str | None
    line: int
    text: str


def escaped(text: object, *, keep: str = "") -> str:
    """Write what a terminal would obey as ``\\x1b`` and the like: names of files hold any bytes.

    Parameters
    ----------
    text : object
        A name, a path or a message with one in it.
    keep : str
        Characters that stay although they cannot be printed, such as the line ends of a message.
    """
    return "".join(
        sign
        if sign.isprintable() or sign in keep
        else sign.encode("unicode_escape", "backslashreplace").decode("ascii")
        for sign in str(text)
    )
