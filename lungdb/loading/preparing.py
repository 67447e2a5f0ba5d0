"""The preparation of a network file, which may be hostile, in a process of its own with a memory and a time limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungdb.errors import LungdbError
from lungdb.isolation import Bounds, Workers
from lungdb.loading.network_file import NetworkFile, convert, read_content, read_mean

_PRELOAD = "lungdb.networks.entry"
_MEGABYTES, _MEGABYTES_PER_MB = 4000, 12  # a network is in memory as bytes, parsed and in two sessions
_SECONDS, _SECONDS_PER_MB = 120, 2

_REASONS = {
    "time_limit": "Preparing the network took {detail}. Use a smaller network.",
    "memory_limit": "Preparing the network took {detail} of memory. Use a smaller network.",
    "reader_crashed": "The process that prepared the network died of it, of a damaged file or for want of memory. "
    "Export the network again.",
    "refused": "{detail}",
}


class PreparationError(LungdbError):
    """A network that cannot be used.

    Parameters
    ----------
    reason : str
        `time_limit`, `memory_limit`, `reader_crashed`, or `refused`.
    detail : str
        The limit, or the whole message.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return _REASONS[self.reason].format(detail=self.detail)


@dataclass(frozen=True)
class Task:
    """A file to prepare.

    Attributes
    ----------
    file : NetworkFile
    output : str or None
        Which output of a CNTK network is meant, where it has several.
    layer : str or None
        The layer that features are taken from, where it is not the one under the classifier.
    mean_file : Path or None
        CNTK's mean picture, which is subtracted.
    described : mapping
        What is said about the network, from `describe`.
    declared : mapping
        What is said about its input, from `lungdb.networks.inputs.declaring.read_declared`.
    detects : mapping or None
        What a detector's outputs are, or a later stage's output.
    pooling : str or None
        Not None for a network that pools features: how it reads the rows of a scan, empty to find out.
    """

    file: NetworkFile
    output: str | None
    layer: str | None
    mean_file: Path | None
    described: Mapping[str, Any]
    declared: Mapping[str, Any] = field(default_factory=dict)
    detects: Mapping[str, Any] | None = None
    pooling: str | None = None


@dataclass(frozen=True)
class Prepared:
    """What a file comes to: ONNX as it is stored, the file's format, `networks.details`, and notes for people."""

    model: bytes
    format: str
    details: dict[str, Any]
    notes: tuple[str, ...]


def prepare_apart(task: Task) -> Prepared:
    """Prepare a network file in another process.

    Raises
    ------
    LungdbError
        It is not usable, or takes too much memory or time.
    """
    megabytes = task.file.size // 1_000_000
    bounds = Bounds(
        _SECONDS + _SECONDS_PER_MB * megabytes, _MEGABYTES + _MEGABYTES_PER_MB * megabytes, PreparationError, _PRELOAD
    )
    with Workers(1, bounds) as workers:
        ((_, result),) = workers.map(prepare, [task])
    if isinstance(result, PreparationError):
        raise result
    return result


def prepare(task: Task) -> Prepared:
    """Read, convert, check, fold, optimise and try a network, and describe it.

    Raises
    ------
    PreparationError
        Whatever went wrong, in one message that a terminal can show.
    """
    from lungdb.networks.running.providers import lacks_memory
    from lungdb.networks.wording import printable

    try:
        return _prepare(task)
    except LungdbError as error:
        raise PreparationError("refused", printable(error)) from None
    except MemoryError:
        raise
    except Exception as error:  # of onnx, ONNX Runtime, protobuf, NumPy and the readers
        if lacks_memory(error):
            raise MemoryError from None
        raise PreparationError(
            "refused",
            f"The network cannot be read ({type(error).__name__}: {printable(error)[:300]}). Export it again.",
        ) from None


def _prepare(task: Task) -> Prepared:
    from lungdb.networks.detecting.stages import is_stage
    from lungdb.networks.entry import network_details, prepare_network
    from lungdb.networks.quantising import precision_of

    if task.pooling is not None:
        return _prepare_pooling(task, task.pooling)
    told = dict(task.described)
    converted = convert(task.file, read_content(task.file), task.output, told.get("input_size"))
    _check_options(task, converted.told)
    model, notes = converted.model, converted.notes
    if task.mean_file is not None:
        from lungdb.networks.packages import read_mean_file, subtract_mean
        from lungdb.networks.packages.package import AS_LEVELS

        model = subtract_mean(model, read_mean_file(read_mean(task.mean_file)))
        told = {"channel_order": "bgr", **told, "normalisation": AS_LEVELS}
        notes = (*notes, "The mean picture of the mean file is subtracted in the network.")
    output = task.detects or _own_output(model, is_layer_named=task.layer is not None)
    model = prepare_network(
        model,
        input_size=told.get("input_size"),
        layer=task.layer,
        declared=task.declared,
        detects=output is not None and not is_stage(output),
    )
    details = network_details(
        model,
        source_format=converted.format,
        source_sha256=task.file.sha256,
        layer=task.layer,
        declared=task.declared,
        output=output,
        **{"architecture": converted.architecture, "precision": precision_of(model), **converted.told, **told},
    )
    if converted.beside:
        details["source"]["beside"] = dict(converted.beside)
    if task.described or task.declared or task.detects or converted.told or task.mean_file or task.layer:
        model = _annotated(model, details)
    return Prepared(model, converted.format, details, notes)


def _prepare_pooling(task: Task, layout: str) -> Prepared:
    from lungdb.networks.ordered import KIND, prepare_pooling

    converted = convert(task.file, read_content(task.file), None)
    if converted.format != "onnx":
        raise LungdbError("A network that pools is read from ONNX. Export it as such.")
    model, details = prepare_pooling(converted.model, layout=layout, output=task.output, source_sha256=task.file.sha256)
    return Prepared(model, KIND, details, ())


def _own_output(model: bytes, *, is_layer_named: bool) -> Mapping[str, Any] | None:
    """Read what a file says of its outputs; None where it says nothing, or features of a layer are wanted of it."""
    import onnx

    from lungdb.networks.detecting.stages import is_stage
    from lungdb.networks.inputs.kinds import own_words

    output = own_words(onnx.load_from_string(model)).get("output")
    if not isinstance(output, dict) or (is_layer_named and not is_stage(output)):
        return None
    return output


def _check_options(task: Task, told: Mapping[str, Any]) -> None:
    twice = sorted(told.keys() & task.described.keys())
    if twice or (told and task.mean_file):
        raise LungdbError(
            "The package itself prepares the network's pictures. Leave --mean, --std, --mean-file and --channel-order "
            "out."
        )
    if task.mean_file and "normalisation" in task.described:
        raise LungdbError("--mean-file and --mean say the same thing. Give one of them.")


def _annotated(model: bytes, details: dict[str, Any]) -> bytes:
    """Write what was said of a network into it: looked up by its hash, it may have only one description."""
    import onnx

    from lungdb.networks.inputs.kinds import METADATA_KEY

    parsed = onnx.load_from_string(model)
    properties = {entry.key: entry.value for entry in parsed.metadata_props}
    keys = ("architecture", "input", "normalisation", "penultimate", "output")
    told = {key: details[key] for key in keys if key in details}
    onnx.helper.set_model_props(parsed, {**properties, METADATA_KEY: json.dumps(told)})
    return bytes(parsed.SerializeToString())
