"""Runs an external script in the three contexts that runtimes give it.

The runtime of Machine Learning Services makes the text the body of a function, Microsoft's open-source Python extension
runs it as a module, and a host may execute it with globals and locals apart.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

Values = dict[str, Any]


def as_module(script: str, inputs: Mapping[str, Any]) -> Values:
    """Run it with its inputs among a module's globals."""
    names = dict(inputs)
    exec(compile(script, "<external script>", "exec"), names)
    return names


def as_function_body(script: str, inputs: Mapping[str, Any]) -> Values:
    """Run it as the body of a function whose parameters are its inputs."""
    body = textwrap.indent(script, "    ")
    text = f"def body({', '.join(inputs)}):\n{body}\n    return locals()\n"
    names: Values = {}
    exec(compile(text, "<external script>", "exec"), names)
    result: Values = names["body"](**inputs)
    return result


def with_locals_apart(script: str, inputs: Mapping[str, Any]) -> Values:
    """Run it with its inputs and names among locals that its functions do not see."""
    names = dict(inputs)
    exec(compile(script, "<external script>", "exec"), {}, names)
    return names


CONTEXTS: dict[str, Callable[[str, Mapping[str, Any]], Values]] = {
    "module": as_module,
    "function body": as_function_body,
    "locals apart": with_locals_apart,
}
