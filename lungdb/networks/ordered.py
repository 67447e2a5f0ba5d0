"""Networks that pool: an ONNX file becomes one that makes a vector of a scan's features, and is tried.

A GRU, an LSTM, an attention head: whatever reads float32[rows, width], the features of a scan's triples of slices or of
its tiles in their order, and gives one vector. Scans are run one at a time, so none depends on another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, ValueInfoProto

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.networks.entry import tidy
from lungdb.networks.graphs.checking import check_model
from lungdb.networks.graphs.graph import Dimension, describe, read_model, refusing, shape_of
from lungdb.networks.graphs.operators import SUPPORTED
from lungdb.networks.inputs.kinds import METADATA_KEY
from lungdb.networks.running.ordered import KIND as KIND
from lungdb.networks.running.ordered import LAYOUTS, Ordered, Pooler
from lungdb.networks.running.providers import CPU
from lungdb.networks.wording import listed, printable, shortened

OPERATORS = SUPPORTED | {"Attention", "RotaryEmbedding", "RMSNormalization"}
"""What other networks are made of, and what attention is written as since operator set 23."""

MOST_WIDTH = 65536
"""Features of a row, and numbers of a vector, at most: a vector is text in a table."""

_MOST_NUMBERS = 2**28  # of the rows of a scan, where a network reads so many and no other number: 1 GB
_TRIED = (7, 12)  # rows; more than one number, so that what grows with them shows
_FEWEST = 64  # rows; what cannot be run on so few is refused
_WRITTEN = {",".join(layout): layout for layout in LAYOUTS}
_KINDS = {TensorProto.INT32: "int32", TensorProto.INT64: "int64"}


def prepare_pooling(
    model: bytes, *, layout: str = "", output: str | None = None, source_sha256: str | None = None
) -> tuple[bytes, dict[str, Any]]:
    """Check a network that pools, find out how it reads a scan, and try it.

    Parameters
    ----------
    model : bytes
        ONNX with an input float32[rows, width], float32[N, rows, width] or float32[rows, N, width], width fixed, and at
        most one other: the number of rows.
    layout : str
        Which of the three it is, such as `N,rows,width`; empty finds out.
    output : str, optional
        The output that is the vector, where several are.
    source_sha256 : str, optional
        SHA-256 of the file as the user has it.

    Returns
    -------
    bytes
        ONNX, with what was found out among its metadata.
    dict
        For `networks.details`.

    Raises
    ------
    ProcedureError
        50116 when the bytes are no valid, self-contained ONNX model of supported operators, or cannot be run; 50104
        when its inputs or outputs are others; 50101 when the layout or the output has to be named, or cannot be.
    """
    with refusing("read"):
        parsed = read_model(model)
        tidy(parsed)
        check_model(parsed, OPERATORS)
        found = _try(parsed, layout, output)
    details = {
        "architecture": None,
        "source": {"format": "onnx", "sha256": source_sha256},
        **found.details(),
        "normalisation": None,
        "layers": {},
        "penultimate": found.output,
        "precision": "float32",
    }
    told = {name: details[name] for name in ("kind", "input", "vector")}
    properties = {entry.key: entry.value for entry in parsed.metadata_props}
    onnx.helper.set_model_props(parsed, {**properties, METADATA_KEY: json.dumps(told)})
    return bytes(parsed.SerializeToString()), details


def _try(model: onnx.ModelProto, layout: str, output: str | None) -> Ordered:
    features, lengths = _inputs(model)
    dimensions = shape_of(features) or []
    if layout and layout not in _WRITTEN:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The layout {layout[:80]!r} is not supported. Supported values are {listed(_WRITTEN)}.",
        )
    possible = [each for each in LAYOUTS if _fits(dimensions, each)]
    if layout:
        possible = [each for each in possible if each == _WRITTEN[layout]]
    if not possible:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network's input '{shortened(features.name)}' is float32{describe(dimensions)}, which is none of "
            f"{listed(f'float32[{each}]' for each in ([layout] if layout else _WRITTEN))}. Export it so that width is "
            f"fixed, 1 to {MOST_WIDTH}, rows is free or fixed to 2 or more ({_MOST_NUMBERS:,} numbers at most), and N "
            "is free or 1.",
        )
    names = [str(value.name) for value in model.graph.output]
    if output is not None and output not in names:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network has no output {output[:80]!r}. Its outputs are {listed(names)}.",
        )
    stored = model.SerializeToString()
    found: list[Ordered] = []
    failures: list[str] = []
    for each in possible:
        tried = _ordered(features, lengths, each, dimensions)
        pooler = Pooler(stored, tried, [CPU])
        try:
            found += _vectors(pooler, tried, [output] if output else names)
        except LungdbError as failure:
            failures.append(f"As [{','.join(each)}]: {failure}")
    return _smallest(stored, _only(found, failures, output))


def _inputs(model: onnx.ModelProto) -> tuple[ValueInfoProto, ValueInfoProto | None]:
    """Find the input for the features, and the one for their number."""
    floats: list[ValueInfoProto] = []
    whole: list[ValueInfoProto] = []
    others: list[ValueInfoProto] = []
    for value in model.graph.input:
        kind = value.type.tensor_type.elem_type
        rank = len(shape_of(value) or [])
        place = floats if kind == TensorProto.FLOAT and rank in (2, 3) else others
        (whole if kind in _KINDS and rank <= 1 and shape_of(value) is not None else place).append(value)
    if len(floats) == 1 and len(whole) <= 1 and not others:
        return floats[0], whole[0] if whole else None
    written = listed(f"{value.name} {describe(shape_of(value))}" for value in model.graph.input)
    raise ProcedureError(
        ErrorNumber.OTHER_SHAPE,
        f"The network has the inputs {written or 'none'}. Use one with a single float32[rows, width] or "
        "float32[N, rows, width], beside it at most the number of rows as int32 or int64. Scans are run one at a time "
        "and whole: export it without masks, and with the states that it starts from inside.",
    )


def _fits(dimensions: Sequence[Dimension], layout: Sequence[str]) -> bool:
    if len(dimensions) != len(layout):
        return False
    sizes = dict(zip(layout, dimensions, strict=True))
    width, rows, scans = sizes["width"], sizes["rows"], sizes.get("N", 1)
    is_width = isinstance(width, int) and width <= MOST_WIDTH
    is_small = not (isinstance(rows, int) and isinstance(width, int)) or rows * width <= _MOST_NUMBERS
    return is_width and is_small and rows != 1 and not (isinstance(scans, int) and scans != 1)


def _ordered(
    features: ValueInfoProto, lengths: ValueInfoProto | None, layout: tuple[str, ...], dimensions: Sequence[Dimension]
) -> Ordered:
    sizes = dict(zip(layout, dimensions, strict=True))
    rows, width = sizes["rows"], sizes["width"]
    assert isinstance(width, int)  # or it would not fit
    return Ordered(
        name=str(features.name),
        layout=layout,
        rows=rows if isinstance(rows, int) else None,
        at_least=rows if isinstance(rows, int) else 1,
        width=width,
        lengths=None if lengths is None else str(lengths.name),
        lengths_kind="int64" if lengths is None else _KINDS[lengths.type.tensor_type.elem_type],
        lengths_rank=0 if lengths is None else len(shape_of(lengths) or []),
        output="",
        vector=0,
    )


def _rows(number: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(number).standard_normal((number, width), dtype=np.float32)


def _vectors(pooler: Pooler, tried: Ordered, outputs: Sequence[str]) -> Iterator[Ordered]:
    """Yield the outputs that are one vector whatever the number of rows; LungdbError when none is."""
    made = [pooler.run(_rows(rows, tried.width), outputs) for rows in ([tried.rows] if tried.rows else _TRIED)]
    again = pooler.run(_rows(tried.rows or _TRIED[0], tried.width), outputs)
    found = False
    for place, name in enumerate(outputs):
        values = [each[place] for each in made]
        lengths = {_length(value) for value in values}
        if values[0].dtype != np.float32 or len(lengths) > 1 or not 0 < min(lengths) <= MOST_WIDTH:
            continue
        if not np.isfinite(values[0]).all() or not np.array_equal(values[0], again[place]):
            continue
        found = True
        yield replace(tried, output=name, vector=lengths.pop())
    if not found:
        written = listed(f"{name} {describe(list(made[0][place].shape))}" for place, name in enumerate(outputs))
        raise LungdbError(f"it gives {written} for {tried.rows or _TRIED[0]} rows, not one vector of finite numbers.")


def _length(value: NDArray[Any]) -> int:
    """Count the numbers of a vector; 0 of what is none."""
    return value.size if sum(size != 1 for size in value.shape) <= 1 else 0


def _only(found: Sequence[Ordered], failures: Sequence[str], output: str | None) -> Ordered:
    if not found:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network does not make one vector of the rows of a scan. {printable(' '.join(failures))[:900]} Export "
            "it so that an output is float32[1, n] for any number of rows, the same for the same rows"
            + ("." if output is None else ", or name another output."),
        )
    layouts = list(dict.fromkeys(each.layout for each in found))
    if len(layouts) > 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network gives a vector both as {' and as '.join(f'[{chr(44).join(each)}]' for each in layouts)}. Say "
            f"which it was trained as: --pooling {','.join(layouts[0])}.",
        )
    if len(found) > 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network gives several vectors: {listed(each.output for each in found)}. Say which is meant: --output "
            f"{shortened(found[0].output)}.",
        )
    return found[0]


def _smallest(model: bytes, found: Ordered) -> Ordered:
    """Find the fewest rows that a network can be run on."""
    if found.rows is not None:
        return found
    pooler = Pooler(model, found, [CPU])
    for rows in range(1, _FEWEST + 1):
        try:
            pooler.pool(_rows(rows, found.width))
        except ProcedureError:
            raise
        except LungdbError:
            continue
        return replace(found, at_least=rows)
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The network cannot be run on {_FEWEST} rows or fewer. Export it for scans of any length.",
    )
