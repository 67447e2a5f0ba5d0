"""The server's log: lines for people, or JSON for programs that collect logs, without who asked."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import datetime, timezone
from types import TracebackType

from flask import Flask, request

from lungdb.config import Settings
from lungdb.errors import LungdbError

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
REQUEST = "request"
"""What a record of a request calls its fields."""
_MOST_CAUSES = 10
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """Writes a record as a line of JSON: of a request its fields alone, so neither address nor query is among them."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        said: dict[str, object] = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        fields = getattr(record, REQUEST, None)
        if isinstance(fields, dict):
            said |= fields
        else:
            said["message"] = record.getMessage()
        if record.exc_info:
            said["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(said, ensure_ascii=False)


class Application(Flask):
    """A Flask that logs of a request which failed the route and not the address, which may hold whose scan it is."""

    def log_exception(self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
        """Log an exception that nothing else has answered."""
        if exc_info[1] is not None:
            log_failure(self.logger, f"{request.method} {route_of_request()}", exc_info[1])


def log_failure(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log what nobody had foreseen: where it happened and what it followed, without texts, which may name somebody.

    Parameters
    ----------
    what : str
        What was going on, without a patient.
    """
    steps: list[str] = []
    each: BaseException | None = error
    while each is not None and len(steps) < _MOST_CAUSES:
        steps.append(f"{type(each).__name__}\n{''.join(traceback.format_tb(each.__traceback__))}".rstrip())
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    logger.error("%s ended by %s", what, "\nafter ".join(steps))


def route_of_request() -> str:
    """Give the pattern of the present request's address, as logs and counts have it."""
    return request.url_rule.rule if request.url_rule is not None else "(no such page)"


def check_log_settings(settings: Settings) -> None:
    """Refuse a format or a level that is not known; LungdbError says which are."""
    for name, known in (("web_log", FORMATS), ("web_log_level", LEVELS)):
        value = getattr(settings, name)
        if value not in known:
            raise LungdbError(f"The setting {name} is '{value}'. Give one of {', '.join(known)}.")


def configure_logs(settings: Settings) -> None:
    """Write the log to standard error, as the settings say.

    Raises
    ------
    LungdbError
        A setting is not known.
    """
    check_log_settings(settings)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.web_log == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler])
    # At warning a site sees who is refused and what fails; what is read stands in the audit.
    logging.getLogger("lungdb_web").setLevel(settings.web_log_level.upper())
    # Requests that wait for a thread are no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
