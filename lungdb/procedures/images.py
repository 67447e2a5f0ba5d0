"""What dbo.FeaturizeImages calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import encode_array, from_hex
from lungdb.imaging.pictures import prepare_picture
from lungdb.networks.running.featurizing import ahead, batches_ahead
from lungdb.networks.running.processors import allowed_processors
from lungdb.procedures.checks import check_columns, check_sha256, whole_numbers
from lungdb.procedures.leaving import MESSAGE, NAME, check_size, for_t_sql
from lungdb.procedures.networks import OpenNetwork, open_network

_COLUMNS = ("place", "image", "sha256")
_RESULT = {
    "place": np.int32,
    "layer": np.int32,
    "error": object,
    "array_rows": np.int32,
    "array_cols": np.int32,
    "array": object,
    "sha256": object,
}
_MAX_BATCH = 1024
_CHANNEL_ORDERS = ("rgb", "bgr")
_NO_MEMORY = (
    "The memory does not hold the pictures of this call and the network. Call FeaturizeImages with a smaller "
    "@ChunkMegabytes or @BatchSize, or give the process more memory, in SQL Server its external resource pool."
)

Prepared = NDArray[np.float32] | LungdbError


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE}, {"error": MESSAGE})
def featurize_images(
    images: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layers: str | None,
    batch_size: int,
    providers: str | None,
    threads: int | None,
) -> tuple[pd.DataFrame, str, str, int, str]:
    """Run a network over pictures.

    Parameters
    ----------
    images : DataFrame
        One row a picture: `place` (a number of its own), `image` (a PNG or JPEG file in hexadecimal), `sha256` (of the
        file, hexadecimal).
    network : bytes
        ONNX, from `networks.model`.
    network_sha256 : str
        Its SHA-256 in hexadecimal.
    details : str
        `networks.details`, JSON; `input`, `layers` and `normalisation` are used.
    layers : str or None
        One or more layers with commas, computed in one pass: names of the catalog, tensors or nodes. None and
        `penultimate` mean what the classifying layer reads.
    batch_size : int
        Pictures in one run of the network, 1 to 1024. The features of a picture do not depend on the others in its
        batch beyond the rounding of float32.
    providers : str or None
        ONNX Runtime's execution providers, with commas; None takes the best that it lists.
    threads : int or None
        Threads of ONNX Runtime and of decoding; None takes as many as the process may have processors.

    Returns
    -------
    result : DataFrame
        One row a picture and layer: `place`, `layer` (int32, counted from 1 as asked for), `error` (empty when all is
        well), `array_rows` (1), `array_cols` (the layer's width), `array` (hexadecimal float32), `sha256` (of the
        array, hexadecimal). A picture that fails is one row with its error, the layer 0 and empty values.
    provider : str
        The execution provider that ran.
    notice : str
        What the user should know of how it ran: another provider than was wanted and why, smaller batches; or empty.
    error_number, error_message : int, str
        0 and empty, or a refusal of the whole call: 50101 for an argument, 50104 for a network that reads no
        pictures, 50105 when the network's bytes are damaged, 50115 for an unknown layer, 50116 when the network cannot
        be run, 50231 when the arrays are more than may leave Python.
    """
    try:
        if not 1 <= batch_size <= _MAX_BATCH:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The batch size {batch_size} is not supported. Supported values are 1 to {_MAX_BATCH}.",
            )
        check_columns(images, _COLUMNS)
        opened = open_network(network, network_sha256, details, layers, providers, threads)
        rows = list(_rows(images, opened, _preparation(opened), batch_size, threads or allowed_processors()))
        check_size(
            sum(len(row["array"]) for row in rows), "features", "Call FeaturizeImages with a smaller @ChunkMegabytes."
        )
    except ProcedureError as refusal:
        return _frame([]), "", "", refusal.number, refusal.message
    except MemoryError:
        return _frame([]), "", "", ErrorNumber.UNREADABLE, _NO_MEMORY
    return _frame(rows), opened.session.provider, opened.session.notice, 0, ""


def _preparation(opened: OpenNetwork) -> Callable[[Any, Any], Prepared]:
    """Make the function that turns the hexadecimal file and hash of a row into a picture or its error."""
    picture = opened.details.get("input", {})
    order = picture.get("channel_order", "rgb")  # networks of earlier versions do not say
    if order not in _CHANNEL_ORDERS:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network's channel order {str(order)[:20]!r} is not supported. Load it again with rgb or bgr.",
        )
    size = opened.session.input_size

    def prepare(image: Any, sha256: Any) -> Prepared:
        try:
            data = from_hex(image)
        except (TypeError, ValueError):
            return LungdbError("The picture is not hexadecimal. Select CONVERT(VARCHAR(MAX), image, 2).")
        try:
            check_sha256(data, str(sha256), "picture")
            return prepare_picture(data, size, order, opened.mean, opened.std)
        except LungdbError as error:
            return error

    return prepare


def _rows(
    images: pd.DataFrame, opened: OpenNetwork, prepare: Callable[[Any, Any], Prepared], batch_size: int, threads: int
) -> Iterator[dict[str, Any]]:
    with ThreadPoolExecutor(threads) as pool:
        batches = (images.iloc[start : start + batch_size] for start in range(0, len(images), batch_size))
        begun = ((batch, pool.map(prepare, batch["image"], batch["sha256"])) for batch in batches)
        for batch, results in ahead(begun, batches_ahead(opened.session)):
            prepared = list(results)
            pictures = [picture for picture in prepared if not isinstance(picture, LungdbError)]
            outputs = opened.session.run(np.stack(pictures)) if pictures else []
            features = zip(*outputs, strict=True)
            for place, picture in zip(whole_numbers(batch, "place").tolist(), prepared, strict=True):
                if isinstance(picture, LungdbError):
                    yield _failed(place, str(picture))
                else:
                    yield from _picture_rows(place, next(features))


def _picture_rows(place: int, vectors: tuple[NDArray[np.float32], ...]) -> Iterator[dict[str, Any]]:
    if not all(np.isfinite(vector).all() for vector in vectors):
        yield _failed(place, "The network gives NaN or infinity for it. Check the network, or try another layer.")
        return
    for layer, vector in enumerate(vectors, start=1):
        blob, sha256 = encode_array(vector[np.newaxis])
        values = (place, layer, "", 1, vector.size, blob.hex(), sha256.hex())
        yield dict(zip(_RESULT, values, strict=True))


def _failed(place: int, error: str) -> dict[str, Any]:
    return dict(zip(_RESULT, (place, 0, error, 0, 0, "", ""), strict=True))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
