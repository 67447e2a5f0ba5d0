"""Every route of the application with an address to try it at, so that a new route is tried as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

SAFE = {"GET", "HEAD", "OPTIONS"}
PUBLIC = {"/static/<path:filename>", "/sign-in", "/sign-in/link", "/health"}
"""All that may be seen by anybody."""
PROGRAM_PREFIXES = ("/api/", "/dicomweb/", "/predict/", "/gif/", "/metrics")
DOCUMENTATION = "/api/v1/docs"
"""A page for people, that tells what programs may ask."""
TEXTS = {
    "name": "lightgbm_sql",
    "plot": "roc",
    "filename": "style.css",
    # Of the phantom with the index 0.
    "study": "2.25.33870463711223987069053191114522840150",
    "series": "2.25.137285955608638477842902725873530603559",
    "instance": "2.25.210937076963589774463573263605104032669",
    "frames": "1",
    "upload_id": "none",
}


@dataclass(frozen=True)
class Route:
    """A route with a method, and an address of it that exists in the tests' database."""

    rule: Rule
    method: str
    path: str

    @property
    def is_public(self) -> bool:
        """Whether anybody may see it."""
        return self.rule.rule in PUBLIC

    @property
    def is_for_programs(self) -> bool:
        """Whether programs call it, which cannot follow a redirection to a form."""
        return self.path.startswith(PROGRAM_PREFIXES) and self.path != DOCUMENTATION

    @property
    def changes(self) -> bool:
        """Whether its method may change something."""
        return self.method not in SAFE

    def __str__(self) -> str:
        """Say it as the messages of failures do."""
        return f"{self.method} {self.rule.rule}"


def routes(app: Flask) -> Iterator[Route]:
    """Go through every route and each of its methods but HEAD and OPTIONS."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        values: dict[str, Any] = {name: _value(name, rule) for name in rule.arguments}
        path = adapter.build(rule.endpoint, values)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield Route(rule, method, path)


def _value(name: str, rule: Rule) -> Any:
    if name in TEXTS:
        return TEXTS[name]
    ones = ("version", "prediction_id", "classifier_id", "number")
    return 1 if name in ones and "slices" not in rule.rule else 0
