"""The gates of embedded Python: it compiles, agrees with its call, and has the form that works in every runtime."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.sql.gates.external_calls import ExternalCall, Parameter, external_calls
from tests.sql.gates.findings import Finding
from tests.sql.gates.tree import Script

MOST_LINES = 10
OF_THE_CALLER = {"RunOnDataset", "install"}
"""Files with a procedure that runs the Python that its caller gives; its own last lines have tests that run them."""


def check_scripts(path: Path, script: Script) -> list[Finding]:
    """Report what is wrong with the external scripts of a file and with their calls."""
    findings = []
    for call in external_calls(script):
        findings += [Finding(path, call.line, "script-params", message) for message in _parameter_faults(call)]
        if call.script is None and path.stem in OF_THE_CALLER:
            continue
        if call.script is None:
            message = "@script is neither a literal nor a variable with one literal value"
            findings.append(Finding(path, call.line, "script-compiles", message))
            continue
        try:
            module = ast.parse(call.script)
        except SyntaxError as error:
            line = call.script_line + (error.lineno or 1) - 1
            findings.append(Finding(path, line, "script-compiles", f"the Python does not compile: {error.msg}"))
            continue
        findings += [Finding(path, call.script_line, gate, message) for gate, message in _script_faults(call, module)]
    return findings


def _parameter_faults(call: ExternalCall) -> Iterator[str]:
    if call.declared is None:
        yield "@params is not a literal that declares parameters"
        return
    declared = {parameter.name: parameter for parameter in call.declared}
    passed = {parameter.name: parameter for parameter in call.passed}
    for name in sorted(declared.keys() - passed.keys()):
        yield f"@params declares @{name}, which the call does not pass"
    for name in sorted(passed.keys() - declared.keys()):
        yield f"the call passes @{name}, which @params does not declare"
    for name in sorted(declared.keys() & passed.keys()):
        yield from _disagreements(declared[name], passed[name])


def _disagreements(declared: Parameter, passed: Parameter) -> Iterator[str]:
    if declared.is_output != passed.is_output:
        where, other = ("in @params", "in the call") if declared.is_output else ("in the call", "in @params")
        yield f"@{declared.name} is OUTPUT {where} but not {other}"
    if passed.type and declared.type != passed.type:
        yield f"@{declared.name} is {declared.type} in @params but its variable is {passed.type}"


def _script_faults(call: ExternalCall, module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield gate and message. Only what stands outside functions counts as assigned or used."""
    names = [node for node in _outside_functions(module) if isinstance(node, ast.Name)]
    assigned = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    for parameter in call.declared or ():
        if parameter.is_output and parameter.name not in assigned:
            yield "script-output", f"OUTPUT parameter {parameter.name} is never assigned"
        if not parameter.is_output and parameter.name not in used and f"@{parameter.name}" not in (call.query or ""):
            yield "script-input", f"parameter {parameter.name} is never used"
    if call.has_query and call.input_name not in used:
        yield "script-input", f"{call.input_name} is never used"
    if call.row_columns is not None and call.output_name not in assigned:
        yield "script-result", f"rows are expected but {call.output_name} is never assigned"
    for message in _form_faults(call.script or "", module):
        yield "script-form", message


def _form_faults(script: str, module: ast.Module) -> Iterator[str]:
    lines = len(script.strip().splitlines())
    if lines > MOST_LINES:
        yield f"the script has {lines} lines; at most {MOST_LINES} are wanted"
    if "'" in script:
        yield 'the script has single quotes; use "'
    match module.body:
        case [ast.FunctionDef(name="main") as main, ast.Assign(value=ast.Call(func=ast.Name(id="main")))]:
            if not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(main)):
                yield "main() has no import inside; what it calls must be imported there"
        case _:
            yield "the script is not one def main(…) followed by one assignment from main(…)"


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _outside_functions(child)
