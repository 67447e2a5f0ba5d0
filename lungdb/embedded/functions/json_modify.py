"""JSON_MODIFY: one value of a JSON text replaced, added, appended or deleted; the rest stays as it is written."""

from __future__ import annotations

from lungdb.embedded.functions.base import Function, TypedCall, Types, wrong_type
from lungdb.embedded.functions.compose import escape_json
from lungdb.embedded.functions.json import (
    JSON_TEXT,
    Span,
    elements,
    json_argument,
    not_found,
    parse_json,
    parse_path,
    step_into,
)
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import BIGINT, BIT, FLOAT, Family, nvarchar, varchar


def _modify(text: str | None, path: str | None, value: str | float | None, kind: str) -> str | None:
    if text is None or path is None:
        return None
    parsed = parse_path(path)
    root = parse_json(text)
    parent: Span | None = root
    for step in parsed.steps[:-1]:
        parent = None if parent is None else step_into(parent, step)
    if not parsed.steps and not parsed.append:
        raise numbered_error(13619, path=path)
    last = parsed.steps[-1] if parsed.steps else None
    target = root if last is None else None if parent is None else step_into(parent, last)
    if parent is None or (target is None and parsed.strict):
        if parsed.strict:
            raise not_found(path)
        return text
    raw = _raw(value, kind)
    if parsed.append and target is not None:
        return _append(target, raw, path, parsed.strict)
    if target is not None:
        if value is None and isinstance(last, str) and not parsed.strict:
            return _delete(parent, target)
        return text[: target.start] + raw + text[target.end :]
    if isinstance(last, int) or parent.kind != 5 or value is None:
        return text
    return _insert(parent, f'"{escape_json(str(last))}":{f"[{raw}]" if parsed.append else raw}')


def _raw(value: str | float | None, kind: str) -> str:
    if value is None:
        return "null"
    if kind == "text":
        return f'"{escape_json(str(value))}"'
    if kind == "bit":
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _insert(container: Span, raw: str) -> str:
    """Return the text with one more member at the end of an object or array."""
    text = container.text
    comma = "," if any(True for _ in elements(container)) else ""
    return text[: container.end - 1].rstrip() + comma + raw + text[container.end - 1 :]


def _append(target: Span, raw: str, path: str, strict: bool) -> str:
    if target.kind == 4:
        return _insert(target, raw)
    if strict:
        raise numbered_error(13621, path=path)
    return target.text


def _delete(parent: Span, target: Span) -> str:
    """Return the text without a member of an object, its key and one comma."""
    text = parent.text
    members = [value for _, value in elements(parent)]
    position = next(index for index, value in enumerate(members) if value.start == target.start)
    if position > 0:
        return text[: members[position - 1].end] + text[target.end :]
    if len(members) > 1:
        after = text.index(",", target.end) + 1
        return text[: parent.start + 1] + text[after:].lstrip()
    return text[: parent.start + 1] + text[target.end :].lstrip()


def _rule(types: Types) -> TypedCall:
    given = types[2]
    kind = "raw" if given.is_json or given.is_numeric else "text"
    parameter = nvarchar()
    if given.family == Family.BIT:
        parameter, kind = BIT, "bit"
    elif given.family == Family.INTEGER:
        parameter = BIGINT
    elif given.family == Family.FLOAT:
        parameter = FLOAT
    elif given.family == Family.DECIMAL:
        parameter = varchar(50)
    elif given.family != Family.CHARACTER:
        raise wrong_type("JSON_MODIFY", 3, given, "CAST it to nvarchar.")
    template = f"tsql_json_modify({{0}}, {{1}}, {{2}}, '{kind}')"
    return TypedCall((json_argument("JSON_MODIFY", types[0]), nvarchar(), parameter), JSON_TEXT, template)


FUNCTIONS = (Function("JSON_MODIFY", (3, 3), _rule),)

IMPLEMENTATIONS = (Implementation("tsql_json_modify", 4, _modify, takes_null=True),)
