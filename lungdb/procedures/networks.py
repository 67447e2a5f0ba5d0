"""Opening the network that T-SQL hands over, for the procedures that run one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.networks.detecting.stages import is_detector
from lungdb.networks.entry import NODULES, check_normalisation
from lungdb.networks.graphs.apart import Apart
from lungdb.networks.graphs.layers import cut_layers, keep_outputs
from lungdb.networks.graphs.maps import averaged_map
from lungdb.networks.inputs.stored import channels_of, reads_volumes, sides_of
from lungdb.networks.running.sessions import Session, cached_session
from lungdb.procedures.checks import check_sha256, comma_list, read_details


@dataclass(frozen=True)
class OpenNetwork:
    """A network cut at its layers, ready to run.

    Attributes
    ----------
    session : Session
        One output a layer.
    layers : list of str
        As they were asked for.
    mean, std : a number a channel
        Of the network's normalisation.
    details : dict
        The whole of `networks.details`.
    """

    session: Session
    layers: list[str]
    mean: list[float]
    std: list[float]
    details: dict[str, Any]

    @property
    def detects(self) -> bool:
        """Whether the outputs are those of a detector, which all run."""
        return self.layers == [NODULES] and is_detector(self.details)


def open_network(
    network: bytes, sha256: str, details: str, layers: str | None, providers: str | None, threads: int | None
) -> OpenNetwork:
    """Check a network of colour pictures or triples of slices and open it, or take this process's session of it.

    Parameters
    ----------
    network, sha256, details
        `networks.model`, its SHA-256 in hexadecimal, and `networks.details`.
    layers : str or None
        With commas; None means `penultimate`.
    providers : str or None
        With commas; None or empty means the best that ONNX Runtime lists.
    threads : int or None

    Raises
    ------
    ProcedureError
        50101 for an argument, 50104 for a network that reads something else, 50105 when its bytes are damaged, 50115
        for an unknown layer, 50116 when it cannot be run.
    """
    _need_triples(details)
    return open_any(network, sha256, details, layers, providers, threads)


def open_any(
    network: bytes, sha256: str, details: str, layers: str | None, providers: str | None, threads: int | None
) -> OpenNetwork:
    """Open a network as `open_network` does, whatever it reads; of a detector without layers, all its outputs."""
    check_sha256(network, sha256, "network")
    read = read_details(details, "network")
    normalisation = check_normalisation(read.get("normalisation"), channels_of(read))
    names = _layer_names(layers, read)
    size = sides_of(read)
    catalog = _catalog_names(read)

    def make() -> Apart:
        if names == [NODULES] and is_detector(read):
            return keep_outputs(network, size)
        return cut_layers(network, names, layers=catalog, size=size)

    session = cached_session(
        f"{sha256.lower()} {size} {names} {catalog}", make, comma_list(providers) if providers else None, threads
    )
    if isinstance(session.channels, int) and session.channels != channels_of(read):
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network reads {session.channels} channels, and its details say {channels_of(read)}. Load it again.",
        )
    return OpenNetwork(session, names, normalisation["mean"], normalisation["std"], read)


def open_maps(
    network: bytes, sha256: str, details: str, layer: str, providers: str | None, threads: int | None
) -> OpenNetwork | None:
    """Open a network, as `open_network` does, at the map whose mean a layer is; None when it is not such a mean.

    The session's one output is float32[N, channels, rows, cols].
    """
    _need_triples(details)
    check_sha256(network, sha256, "network")
    read = read_details(details, "network")
    normalisation = check_normalisation(read.get("normalisation"))
    size = sides_of(read)
    catalog = _catalog_names(read)
    tensor = averaged_map(network, layer, layers=catalog, size=size)
    if tensor is None:
        return None
    session = cached_session(
        f"{sha256.lower()} {size} map {tensor}",
        lambda: cut_layers(network, [tensor], size=size, average=False),
        comma_list(providers) if providers else None,
        threads,
    )
    return OpenNetwork(session, [layer], normalisation["mean"], normalisation["std"], read)


def _need_triples(details: str) -> None:
    """Refuse a network that reads volumes or single slices, for what works on pictures of three channels."""
    read = read_details(details, "network")
    if reads_volumes(read) or channels_of(read) != CHANNELS:
        what = "volumes" if reads_volumes(read) else "single slices"
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network reads {what}, and this works with pictures of three channels. Name such a network.",
        )


def _layer_names(layers: str | None, details: Mapping[str, Any]) -> list[str]:
    detects = is_detector(details)
    names = comma_list(layers or "penultimate")
    if detects and names == ["penultimate"]:
        names = [NODULES]
    if not all(names) or len(set(names)) < len(names):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The layers {layers!r} are not supported: one is empty or named twice. Name each layer once.",
        )
    if detects and NODULES in names and len(names) > 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The layers {layers!r} are not supported together. Ask for the layer {NODULES} of a detector alone.",
        )
    return names


def _catalog_names(details: Mapping[str, Any]) -> dict[str, str]:
    layers = details.get("layers", {})
    if isinstance(layers, dict) and all(isinstance(tensor, str) for tensor in layers.values()):
        return layers
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        "The network's details do not give its layers as names of tensors. Make the network again.",
    )
