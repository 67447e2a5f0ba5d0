"""/api/v1/docs: the OpenAPI document as a page to read, with every kind of problem."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, current_app, render_template

from lungdb_web.api.fields import LARGEST
from lungdb_web.api.problems import KINDS, KINDS_OF_OURS, PREFIX

blueprint = Blueprint("api_documentation", __name__, url_prefix=PREFIX)
WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false"}


@blueprint.get("/docs")
def show_documentation() -> str:
    """Show operations by tag, kinds of problems, and the documents that come and go."""
    document = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    responses = document["components"]["responses"]
    operations = []
    for path, methods in document["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                operations.append(
                    {
                        **operation,
                        "method": method.upper(),
                        "path": path,
                        "parameters": shared + operation.get("parameters", []),
                        "responses": {
                            status: responses[schema_name(answer)] if "$ref" in answer else answer
                            for status, answer in operation["responses"].items()
                        },
                    }
                )
    return render_template(
        "api.html",
        document=document,
        operations=operations,
        kinds={kind.name: kind for kind in (*KINDS.values(), *KINDS_OF_OURS.values())},
        in_words=in_words,
        schema_name=schema_name,
        as_json=json.dumps,
    )


def schema_name(schema: dict[str, Any]) -> str:
    """Name the schema that one refers to, itself or by its items; empty when it refers to none."""
    return str(schema.get("$ref", schema.get("items", {}).get("$ref", ""))).rpartition("/")[2]


def in_words(schema: dict[str, Any]) -> str:
    """Say what a schema asks for in a few words: "whole number, 1 to 200", "text or null", "list of Prediction"."""
    if "$ref" in schema:
        return schema_name(schema)
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if schema.get("format") == "binary":
        return "the file's bytes"
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "array" in kinds:
        return f"list of {in_words(schema['items'])}"
    said = " or ".join(
        schema.get("format", WORDS["string"]) if kind == "string" else WORDS.get(kind, kind) for kind in kinds
    )
    low, high = schema.get("minimum"), schema.get("maximum", LARGEST)
    if low is not None and high < LARGEST:
        return f"{said}, {round(low)} to {round(high)}"
    return f"{said}, {round(low)} and up" if low else said
