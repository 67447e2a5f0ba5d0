"""What lungdb.json says of a folder of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.errors import LungdbError, escaped

FORMAT = 1
"""Of lungdb.json and of the columns, the only one there is."""

LONGEST_SOURCE = 400
"""Characters of dbo.scans.source_uri."""

DESCRIPTION = "lungdb.json"
"""Name of the file."""


@dataclass(frozen=True)
class Description:
    """What lungdb.json says of the folder.

    Attributes
    ----------
    source : str
        What the features were made of.
    network_name, network_sha256 : str, bytes
        The network; the hash is that of dbo.networks.
    layers : mapping of int to (str, int)
        Number of a layer in the rows -> its name and width.
    preprocessing : str
        Name in dbo.preprocessings.
    digest : bytes or None
        Of its steps, as dbo.preprocessings has it.
    poolings : tuple of str
    id_mode, key_check : str, str or None
        How patients are named, as the settings id_mode and id_key_check.
    """

    source: str
    network_name: str
    network_sha256: bytes
    layers: Mapping[int, tuple[str, int]]
    preprocessing: str
    digest: bytes | None
    poolings: tuple[str, ...]
    id_mode: str
    key_check: str | None


def described(found: Mapping[str, Any]) -> Description:
    """Read lungdb.json.

    Raises
    ------
    LungdbError
        It is of something else, or of another version.
    """
    if found.get("kind") != "features" or found.get("format") != FORMAT:
        raise LungdbError(
            f"The {DESCRIPTION} is of the kind {escaped(str(found.get('kind')))} in the format "
            f"{escaped(str(found.get('format')))}, not of features in the format {FORMAT}. Give a folder of those, or "
            "load it with the version of lungdb that wrote it."
        )
    try:
        network, preprocessing, identity = found["network"], found["preprocessing"], found["identity"]
        digest = preprocessing["digest"]
        description = Description(
            source=_text(found["source"]),
            network_name=_text(network["name"]),
            network_sha256=bytes.fromhex(network["sha256"]),
            layers={_number(each["number"]): (_text(each["name"]), _number(each["width"])) for each in found["layers"]},
            preprocessing=_text(preprocessing["name"]),
            digest=None if digest is None else bytes.fromhex(digest),
            poolings=tuple(_text(each) for each in found["poolings"]),
            id_mode=_text(identity["mode"]),
            key_check=None if identity["key_check"] is None else _text(identity["key_check"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LungdbError(
            f"The {DESCRIPTION} lacks something or has a wrong value ({type(error).__name__}: {escaped(str(error))}). "
            "Make the features again."
        ) from error
    if not description.layers or not description.poolings or description.id_mode not in ("keyed", "kept"):
        raise LungdbError(
            f"The {DESCRIPTION} names no layers, no poolings, or another identity than keyed or kept. Make the "
            "features again."
        )
    if len(description.source) > LONGEST_SOURCE:
        raise LungdbError(
            f"The source of the features has {len(description.source)} characters, and {LONGEST_SOURCE} are stored. "
            "Make them from a shorter URI."
        )
    return description


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is no number from 1")
    return value
