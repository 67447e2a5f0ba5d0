"""Opening the network that T-SQL hands over, for the procedures that run one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import SIDE, Size
from lungdb.networks.entry import MAX_SIDE, check_normalisation
from lungdb.networks.graphs.layers import cut_layers
from lungdb.networks.graphs.maps import averaged_map
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
    mean, std : three numbers each
        By channel of the network.
    details : dict
        The whole of `networks.details`.
    """

    session: Session
    layers: list[str]
    mean: list[float]
    std: list[float]
    details: dict[str, Any]


def open_network(
    network: bytes, sha256: str, details: str, layers: str | None, providers: str | None, threads: int | None
) -> OpenNetwork:
    """Check a network and open it, or take the session that this process has of it.

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
        50101 for an argument, 50104 for a network that reads no pictures, 50105 when its bytes are damaged, 50115 for
        an unknown layer, 50116 when it cannot be run.
    """
    check_sha256(network, sha256, "network")
    read = read_details(details, "network")
    normalisation = check_normalisation(read.get("normalisation"))
    names = _layer_names(layers)
    size = _input_size(read)
    catalog = _catalog_names(read)
    session = cached_session(
        f"{sha256.lower()} {size} {names} {catalog}",
        lambda: cut_layers(network, names, layers=catalog, size=size),
        comma_list(providers) if providers else None,
        threads,
    )
    return OpenNetwork(session, names, normalisation["mean"], normalisation["std"], read)


def open_maps(
    network: bytes, sha256: str, details: str, layer: str, providers: str | None, threads: int | None
) -> OpenNetwork | None:
    """Open a network, as `open_network` does, at the map whose mean a layer is; None when it is not such a mean.

    The session's one output is float32[N, channels, rows, cols].
    """
    check_sha256(network, sha256, "network")
    read = read_details(details, "network")
    normalisation = check_normalisation(read.get("normalisation"))
    size = _input_size(read)
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


def _layer_names(layers: str | None) -> list[str]:
    names = comma_list(layers or "penultimate")
    if not all(names) or len(set(names)) < len(names):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The layers {layers!r} are not supported: one is empty or named twice. Name each layer once.",
        )
    return names


def _input_size(details: Mapping[str, Any]) -> Size:
    picture = details.get("input", {"height": SIDE, "width": SIDE})
    rows, cols = (picture.get("height"), picture.get("width")) if isinstance(picture, dict) else (None, None)
    if isinstance(rows, int) and isinstance(cols, int) and min(rows, cols) >= 1 and max(rows, cols) <= MAX_SIDE:
        return rows, cols
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The network's details do not give the height and width of its input as whole numbers from 1 to {MAX_SIDE}. "
        "Make the network again.",
    )


def _catalog_names(details: Mapping[str, Any]) -> dict[str, str]:
    layers = details.get("layers", {})
    if isinstance(layers, dict) and all(isinstance(tensor, str) for tensor in layers.values()):
        return layers
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        "The network's details do not give its layers as names of tensors. Make the network again.",
    )
