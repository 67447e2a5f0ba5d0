"""Which name each tensor of the ONNX graph gets, so that a node is found under the name that CNTK shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lungdb.networks.cntk.emitting import NamePool
from lungdb.networks.cntk.functions import Function, Variable
from lungdb.networks.cntk.graph import Graph

Key = tuple[str, int]


@dataclass(frozen=True)
class TensorNames:
    """Names of inputs by id, of outputs by function id and index, and the further names of outputs."""

    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[Key, str] = field(default_factory=dict)
    aliases: dict[Key, list[str]] = field(default_factory=dict)
    pool: NamePool = field(default_factory=NamePool)


def name_tensors(graph: Graph, functions: Sequence[Function], inputs: Sequence[Variable]) -> TensorNames:
    """Choose the names.

    Inputs keep theirs. A name of several nodes goes to the likeliest one (outside Blocks, first in the file); the
    others get it with a number. An output that several names stand for, a Block's and its inner function's, has them
    all. One without a name gets its function's id.
    """
    names = TensorNames()
    for variable in inputs:
        names.inputs[variable.uid] = names.pool.unique(variable.name or variable.uid)
    needed = {function.uid for function in functions}
    found = [name for name in graph.names() if name.output.function.uid in needed]
    meant: dict[str, Key] = {}
    for name in found:
        if name.text not in names.pool and meant.setdefault(name.text, name.output.key) == name.output.key:
            _add(names, name.output.key, name.text)
    names.pool.take(meant)
    for name in found:
        if name.output.key not in names.outputs:
            _add(names, name.output.key, names.pool.unique(name.text))
    for function in functions:
        if (function.uid, 0) not in names.outputs:
            names.outputs[function.uid, 0] = names.pool.unique(function.uid)
    return names


def _add(names: TensorNames, key: Key, text: str) -> None:
    if key not in names.outputs:
        names.outputs[key] = text
    elif text != names.outputs[key] and text not in names.aliases.setdefault(key, []):
        names.aliases[key].append(text)
