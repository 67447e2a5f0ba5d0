"""/api/v1/docs: the OpenAPI document as a page to read, with every kind of problem."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, json, render_template

from web.api.problems import KINDS, PREFIX

blueprint = Blueprint("api_documentation", __name__, url_prefix=PREFIX)


@blueprint.route("/docs")
def show_documentation() -> str:
    """Show operations by tag, schemas and kinds of problems."""
    document = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    operations = [
        {**operation, "method": method.upper(), "path": path, "parameters": [*shared, *operation.get("parameters", ())]}
        for path, methods in document["paths"].items()
        for shared in (methods.get("parameters", ()),)
        for method, operation in methods.items()
        if method != "parameters"
    ]
    return render_template(
        "api.html",
        document=document,
        operations=operations,
        kinds={kind.name: kind for kind in KINDS.values()},
        in_words=_in_words,
        body_of=_body_of,
        as_json=json.dumps,
    )


def _body_of(part: dict[str, Any]) -> list[tuple[str, str]]:
    """List the media types of a request's body or a response, each with the name of its schema."""
    return [(media, _in_words(content.get("schema", {}))) for media, content in part.get("content", {}).items()]


def _in_words(schema: dict[str, Any]) -> str:
    """Say a schema's type in a few words: "whole number, 1 to 200", "text or null", "list of Prediction"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_in_words(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join("null" if value is None else str(value) for value in schema["enum"])
    kinds = schema.get("type", "any")
    names = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    said = " or ".join(names.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if "array" in kinds:
        return f"list of {_in_words(schema['items'])}"
    if "format" in schema:
        said = said.replace("text", schema["format"])
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**31 - 1:
        return f"{said}, {low} to {high}"
    return f"{said}, {low} and up" if low else said
