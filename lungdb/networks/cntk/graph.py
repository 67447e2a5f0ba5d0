"""A CNTK model as a graph: Blocks inlined, placeholders followed, outputs chosen, functions sorted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lungdb.errors import LungdbError
from lungdb.networks.cntk.functions import (
    INPUT,
    PLACEHOLDER,
    Function,
    Variable,
    read_functions,
    read_variables,
)
from lungdb.networks.cntk.operations import CRITERIA
from lungdb.networks.cntk.wire import damaged

_OUTPUT = re.compile(r"(.+)_Output_(\d{1,3})", re.DOTALL)

_MAX_NESTING = 100  # real models nest three blocks
_MAX_OUTPUTS = 100  # trained models have four

_CLASSES = "z"  # what CNTK's own networks call the scores of the classes
_RECURRENT = {"PastValue", "FutureValue"}


@dataclass(frozen=True)
class Output:
    """Output number `index` of a primitive function."""

    function: Function
    index: int

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.function.uid, self.index


Source = Variable | Output


@dataclass(frozen=True)
class Name:
    """A name, the output that it stands for, and whether its function is inside a Block."""

    text: str
    output: Output
    inside: bool


class Graph:
    """The functions and variables of a model and what each id stands for.

    Parameters
    ----------
    root : dict
        The root dictionary of the file.
    """

    def __init__(self, root: dict[str, Any]) -> None:
        self.variables = read_variables(root)
        self.functions = read_functions(root)
        name = root.get("root")
        if not isinstance(name, str) or name not in self.functions:
            raise damaged("its root function is missing")
        self._root = self.functions[name]
        self._arguments: dict[str, str] = {}
        for function in self.functions.values():
            for placeholder, value in function.block_arguments.items():
                if self._arguments.setdefault(placeholder, value) != value:
                    raise damaged(f"the placeholder {placeholder} stands for two values")
        self._sources: dict[str, Source] = {}

    def choose(self, wanted: str | None) -> Output:
        """Find the output to convert.

        A name finds any function, named ones outside Blocks first. Without one it is the classifying output: of those
        that are no training criterion and need the fewest inputs, `z` or else the last; of a model that gives
        nothing but criteria, its node `z`.

        Raises
        ------
        LungdbError
            When there is none of that name, or several.
        """
        if wanted is not None:
            return self._called(wanted)
        sources = {uid: self.resolve(uid) for uid in self._outputs_of(self._root)}
        criteria = self._criteria()
        kept = {
            uid: source
            for uid, source in sources.items()
            if isinstance(source, Output) and not self._is_criterion(source, criteria)
        }
        if not kept and any(name.text == _CLASSES for name in self.names()):
            return self._called(_CLASSES)
        if not kept:
            raise LungdbError("The CNTK model gives nothing but training criteria. Name the output to convert.")
        needed = {uid: len(self.inputs_of(source)) for uid, source in kept.items()}
        candidates = [uid for uid in kept if needed[uid] == min(needed.values())]
        named = [uid for uid in candidates if self._name_of(uid) == _CLASSES]
        return kept[[*candidates, *named][-1]]

    def resolve(self, uid: str) -> Source:
        """Follow an id through Blocks, Combines and placeholders to a variable or a primitive's output."""
        passed: dict[str, None] = {}
        while uid not in self._sources:
            if uid in passed:
                raise damaged(f"{uid} stands for itself")
            passed[uid] = None
            following = self._step(uid)
            if isinstance(following, str):
                uid = following
            else:
                self._sources[uid] = following
        source = self._sources[uid]
        self._sources.update(dict.fromkeys(passed, source))
        return source

    def sorted_functions(self, target: Output) -> list[Function]:
        """List the functions that an output needs, each after those that it reads."""
        ordered: list[Function] = []
        finished: dict[str, bool] = {}
        stack: list[tuple[Function, Iterator[Function]]] = [(target.function, self._feeding(target.function))]
        finished[target.function.uid] = False
        while stack:
            function, feeding = stack[-1]
            following = next(feeding, None)
            if following is None:
                finished[function.uid] = True
                ordered.append(function)
                stack.pop()
            elif following.uid not in finished:
                finished[following.uid] = False
                stack.append((following, self._feeding(following)))
            elif not finished[following.uid]:
                for waiting, _ in stack:
                    if waiting.operation in _RECURRENT:
                        waiting.refuse("makes a loop over a sequence", "Use a network for single pictures.")
                raise damaged(f"the function {following.uid} depends on itself")
        return ordered

    def inputs_of(self, target: Output) -> list[Variable]:
        """List the inputs that an output needs."""
        sources = [self.resolve(uid) for function in self.sorted_functions(target) for uid in function.inputs]
        found = {source.uid: source for source in sources if isinstance(source, Variable) and source.kind == INPUT}
        return list(found.values())

    def names(self) -> list[Name]:
        """List the names of functions and what they stand for: those outside Blocks first, then in the file's order."""
        inner = self._inner_functions()
        found = []
        for function in self.functions.values():
            if not function.name or _is_combine(function):
                continue
            for index, uid in enumerate(self._outputs_of(function)):
                source = self.resolve(uid)
                if isinstance(source, Output):
                    name = function.name if index == 0 else f"{function.name}_{index}"
                    found.append(Name(name, source, function.uid in inner))
        return sorted(found, key=lambda name: name.inside)

    def _called(self, wanted: str) -> Output:
        names = self.names()
        for inside in (False, True):
            matches = {name.output.key: name.output for name in names if (name.text, name.inside) == (wanted, inside)}
            if len(matches) > 1:
                ids = ", ".join(uid for uid, _ in list(matches)[:5])
                raise LungdbError(f"The CNTK model has {len(matches)} nodes {wanted!r}. Name one by its id: {ids}.")
            if matches:
                return next(iter(matches.values()))
        if wanted in self.functions:
            source = self.resolve(self._outputs_of(self.functions[wanted])[0])
            if isinstance(source, Output):
                return source
        known = [name for name in dict.fromkeys(name.text for name in names) if len(name) < 200][:2000]
        close = difflib.get_close_matches(wanted, known, n=3)
        advice = f"Did you mean {' or '.join(close)}?" if close else f"It has {', '.join(known[-5:]) or 'no names'}."
        raise LungdbError(f"The CNTK model has no node {wanted!r}. {advice}")

    def _step(self, uid: str) -> str | Source:
        function, index = self._function_of(uid)
        if function is not None:
            if index >= self._number_of_outputs(function):
                raise damaged(f"{uid} is one output too many")
            if function.block_root is not None:
                return _output_of(self._inner_root(function), index)
            return function.inputs[index] if _is_combine(function) else Output(function, index)
        if uid in self._arguments:
            return self._arguments[uid]
        variable = self.variables.get(uid)
        if variable is None or variable.kind == PLACEHOLDER:
            raise damaged(f"nothing stands for {uid}")
        return variable

    def _function_of(self, uid: str) -> tuple[Function | None, int]:
        match = _OUTPUT.fullmatch(uid)
        return (self.functions.get(match[1]), int(match[2])) if match else (None, 0)

    def _inner_root(self, block: Function) -> Function:
        root = self.functions.get(block.block_root or "")
        if root is None:
            raise damaged(f"the inner function of block {block.uid} is missing")
        return root

    def _outputs_of(self, function: Function) -> list[str]:
        return [_output_of(function, index) for index in range(self._number_of_outputs(function))]

    def _number_of_outputs(self, function: Function) -> int:
        root = function
        for _ in range(_MAX_NESTING):
            if root.block_root is None:
                break
            root = self._inner_root(root)
        else:
            raise damaged(f"the blocks in {function.uid} nest more than {_MAX_NESTING} deep")
        if not _is_combine(root):
            return 2 if root.operation == "TopK" else 1
        if not 0 < len(root.inputs) <= _MAX_OUTPUTS:
            raise damaged(f"{function.uid} has {len(root.inputs)} outputs, not 1 to {_MAX_OUTPUTS}")
        return len(root.inputs)

    def _inner_functions(self) -> set[str]:
        """Collect the ids of the functions that are inside Blocks."""
        inner: set[str] = set()
        waiting = [function.block_root for function in self.functions.values() if function.block_root is not None]
        while waiting:
            uid = waiting.pop()
            function = self.functions.get(uid)
            if function is not None and uid not in inner:
                inner.add(uid)
                sources = (self._function_of(name)[0] for name in function.inputs)
                waiting.extend(source.uid for source in sources if source is not None)
        return inner

    def _name_of(self, uid: str) -> str:
        function = self._function_of(uid)[0]
        return function.name if function is not None else ""

    def _feeding(self, function: Function) -> Iterator[Function]:
        for uid in function.inputs:
            source = self.resolve(uid)
            if isinstance(source, Output):
                yield source.function

    def _criteria(self) -> set[str]:
        """Collect the ids of the primitives that compute a training criterion, by themselves or as a Block's last."""
        found = {function.uid for function in self.functions.values() if function.operation in CRITERIA}
        for uid in list(found):
            for output in self._outputs_of(self.functions[uid]):
                source = self.resolve(output)
                found |= {source.function.uid} if isinstance(source, Output) else set()
        return found

    def _is_criterion(self, source: Output, criteria: set[str]) -> bool:
        return any(function.uid in criteria for function in self.sorted_functions(source))


def _output_of(function: Function, index: int) -> str:
    """Give the id of an output; those of a Combine are its inputs."""
    return function.inputs[index] if _is_combine(function) else f"{function.uid}_Output_{index}"


def _is_combine(function: Function) -> bool:
    return function.operation == "Combine" and function.block_root is None
