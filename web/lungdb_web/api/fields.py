"""Fields that schemas of the API share: the same thing has the same range and form everywhere.

A field is one of a response, where every member is always there, unless `required=False` says otherwise.
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields, validate

# The largest INT of T-SQL: no index, number of a prediction or version lies above it.
LARGEST = 2_147_483_647
STATES = ("no features", "not scored", "scored", "failed")


class JsonInteger(fields.Integer):
    """A whole number of a JSON document: 2.0 is one, true and "2" are not."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
            raise self.make_error("invalid")
        return super()._deserialize(int(value), attr, data, **kwargs)


class QueryInteger(fields.Integer):
    """A whole number of a query: digits, and perhaps a minus before them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if re.fullmatch(r"-?[0-9]{1,20}", value) is None:
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


def text(description: str, example: str | None = None, *, null: bool = False, required: bool = True) -> fields.String:
    """Describe a text."""
    return fields.String(required=required, allow_none=null, metadata=_said(description, example))


def whole(
    description: str, example: int | None = None, *, null: bool = False, least: int = 0, required: bool = True
) -> fields.Integer:
    """Describe a whole number, `least` and up."""
    return JsonInteger(
        required=required,
        allow_none=null,
        validate=validate.Range(least, LARGEST),
        metadata=_said(description, example),
    )


def number(description: str, example: float | None = None, *, null: bool = False) -> fields.Float:
    """Describe a number."""
    return fields.Float(required=True, allow_none=null, metadata=_said(description, example))


def share(description: str, example: float | None = None, *, null: bool = False) -> fields.Float:
    """Describe a probability or share, 0 to 1."""
    return fields.Float(
        required=True, allow_none=null, validate=validate.Range(0, 1), metadata=_said(description, example)
    )


def truth(description: str, example: bool, *, null: bool = False) -> fields.Boolean:
    """Describe a yes or no."""
    return fields.Boolean(required=True, allow_none=null, metadata=_said(description, example))


def day(description: str) -> fields.Date:
    """Describe a day, or null where it is not known."""
    return fields.Date(required=True, allow_none=True, metadata=_said(description, "2012-03-14"))


def moment(description: str, *, null: bool = False) -> fields.DateTime:
    """Describe a moment, in UTC."""
    return fields.DateTime(
        "iso", required=True, allow_none=null, metadata=_said(description, "2024-05-17T09:30:00+00:00")
    )


def entries(schema: Any, description: str) -> fields.List[Any]:
    """Describe a list of documents."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


def choice(
    description: str, of: tuple[str, ...], default: str | None = None, example: str | None = None
) -> fields.String:
    """Describe a parameter that takes one of some words; without a default it may be left out."""
    options: dict[str, Any] = {} if default is None else {"load_default": default}
    return fields.String(validate=validate.OneOf(of), metadata=_said(description, example or default), **options)


def count(description: str, default: int, most: int, kind: type[fields.Integer] = QueryInteger) -> fields.Integer:
    """Describe a parameter that takes 1 to `most`."""
    return kind(load_default=default, validate=validate.Range(1, most), metadata=_said(description, default))


def _said(description: str, example: Any) -> dict[str, Any]:
    return {"description": description} if example is None else {"description": description, "example": example}
