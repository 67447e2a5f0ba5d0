"""The loading of a network: its file becomes canonical ONNX with its details, in another precision too if wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from lungdb.database import Connection
from lungdb.database.retrying import committed, retried
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError
from lungdb.loading.network_file import NetworkFile, find_file
from lungdb.loading.network_store import StoredNetwork, store_network
from lungdb.loading.pooling_network import check_wish
from lungdb.loading.precision import PICTURES, Entry, make_precision
from lungdb.loading.preparing import Task, prepare_apart
from lungdb.loading.trained_on import find_trained_on, record_trained_on, stored_trained_on
from lungdb.networks.wording import printable

_LONGEST_NAME = 128


@dataclass(frozen=True)
class Wish:
    """What is to be loaded, and how.

    Attributes
    ----------
    source : str
        A path or an https address.
    folder : Path or None
        Where a download is kept; None is the user's cache.
    sha256 : str or None
        Refuse a file of another hash, in lower-case hexadecimal.
    name : str or None
        Name in the database; None is the file's.
    output : str or None
        Which output of a CNTK network is meant, where it has several.
    layer : str or None
        The layer that features are taken from; None is the one under the classifier.
    mean_file : Path or None
        CNTK's mean picture, which the network is to subtract.
    described : mapping
        What is said about the network, from `describe`.
    declared : mapping
        What is said about its input, from `lungdb.networks.inputs.declaring.read_declared`.
    detects : mapping or None
        What its outputs are, of a detector, from `lungdb.networks.inputs.declaring.read_detects`.
    precision : str
        `float32`, or one of `lungdb.loading.precision.PRECISIONS` for a second network beside it.
    pictures : int
        How many pictures of scans calibrate the second network and are compared.
    force : bool
        Store the second network although its features are unlike float32's.
    pooling : str or None
        Not None for a network that pools features: how it reads the rows of a scan, empty to find out.
    trained_on : str or None
        What it was trained on, as `lungdb.loading.trained_on.find_trained_on` takes it; None where that is not known.
    """

    source: str
    folder: Path | None = None
    sha256: str | None = None
    name: str | None = None
    output: str | None = None
    layer: str | None = None
    mean_file: Path | None = None
    described: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    detects: Mapping[str, Any] | None = None
    precision: str = "float32"
    pictures: int = PICTURES
    force: bool = False
    pooling: str | None = None
    trained_on: str | None = None


def describe(
    architecture: str | None = None,
    input_size: int | None = None,
    channel_order: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Gather what is said about a network, by the names that `network_details` has for it; None says nothing.

    Raises
    ------
    LungdbError
        The catalog has no such architecture, or mean and std are not usable or not given together.
    """
    from lungdb.networks.architectures import catalog

    if (mean is None) != (std is None):
        raise LungdbError("--mean and --std go together. Give both or neither.")
    described: dict[str, Any] = {}
    if architecture:
        described["architecture"] = catalog.architecture(architecture).name
    if mean:
        from lungdb.networks.entry import check_normalisation  # which imports onnx, half a second

        described["normalisation"] = check_normalisation({"mean": mean, "std": std}, len(mean))
    given = {"input_size": input_size, "channel_order": channel_order}
    return described | {name: value for name, value in given.items() if value is not None}


def load_network(
    target: str | None, wish: Wish, on_entry: Callable[[NetworkFile, Entry, tuple[str, ...]], object]
) -> list[StoredNetwork]:
    """Load a network.

    Parameters
    ----------
    target : str or None
        As `lungdb.database.site.open_database` takes it.
    on_entry : callable
        Called with the file, what is to be stored of it and notes for people, for each precision as soon as it is made.

    Returns
    -------
    list of StoredNetwork
        The network, then the one in another precision.

    Raises
    ------
    LungdbError
        The file or the name is not usable, or the database is not there, has the network under another name, or has no
        scans to make another precision with; nothing is stored.
    """
    # What is wrong with the target or the list is better known before a long download than after it.
    with open_database(target) as connection:
        hashes = retried(partial(_trained_on, connection, wish.trained_on), connection)
    file = find_file(wish.source, wish.folder, wish.sha256)
    name = file.name if wish.name is None else wish.name
    names = [name] if wish.precision == "float32" else [name, f"{name}-{wish.precision}"]
    if not name or len(names[-1]) > _LONGEST_NAME:
        raise LungdbError(
            f"The name '{printable(names[-1])}' has {len(names[-1])} characters. Give one of 1 to 128 with --name."
        )
    if wish.pooling is not None:
        precision = None if wish.precision == "float32" else wish.precision
        options = {"--layer": wish.layer, "--mean-file": wish.mean_file, "--precision": precision}
        described_as = wish.described or wish.declared or wish.detects
        check_wish(name, {**options, "the description of its pictures": described_as})
    described = (wish.described, wish.declared, wish.detects, wish.pooling)
    prepared = prepare_apart(Task(file, wish.output, wish.layer, wish.mean_file, *described))
    entries = [Entry(prepared.model, prepared.format, prepared.details)]
    on_entry(file, entries[0], prepared.notes)
    given = {"name": name, "precision": wish.precision, "layer": wish.layer}
    with open_database(target) as connection, logged_load(connection, "load-network", given):
        if wish.precision != "float32":
            make = partial(make_precision, connection, entries[0], wish.precision, wish.pictures, force=wish.force)
            entries.append(retried(make, connection))
            on_entry(file, entries[1], ())
        named = dict(zip(names, entries, strict=True))
        tries = committed(connection, lambda: _store(connection, named, hashes, renamed=bool(wish.name)))
    # What a commit without an answer has stored is there already for the next try, and new all the same.
    return [
        replace(network, is_new=any(one == replace(network, is_new=True) for each in tries for one in each))
        for network in tries[-1]
    ]


def _trained_on(connection: Connection, text: str | None) -> list[str] | None:
    return None if text is None else find_trained_on(connection, text)


def _store(
    connection: Connection, entries: Mapping[str, Entry], hashes: list[str] | None, *, renamed: bool
) -> list[StoredNetwork]:
    stored = [store_network(connection, name, entry, renamed=renamed) for name, entry in entries.items()]
    if hashes is None and len(stored) > 1:  # another precision has learnt what its original has
        hashes = stored_trained_on(connection, stored[0].name, stored[0].version)
    for network in stored if hashes is not None else []:
        record_trained_on(connection, network.name, network.version, hashes or [])
    return stored
