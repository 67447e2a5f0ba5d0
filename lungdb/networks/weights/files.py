"""Reading a weights file of any form that is known."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.weights.limits import check_file_size
from lungdb.networks.weights.pytorch import is_pytorch, read_pytorch
from lungdb.networks.weights.safetensors import is_safetensors, read_safetensors

FORMS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], dict[str, NDArray[np.float32]]]]] = {
    "safetensors": (is_safetensors, read_safetensors),
    "pytorch": (is_pytorch, read_pytorch),
}
"""What tells each form by its content, and what reads it; the first that knows a file has it."""


def is_weights(content: bytes) -> str | None:
    """Tell a file's form by its content, one of FORMS; None when it is none of them."""
    return next((form for form, (tells, _) in FORMS.items() if tells(content)), None)


def read_weights(source: bytes | str | PathLike[str]) -> dict[str, NDArray[np.float32]]:
    """Read the weights in a .safetensors, .pth or .pt file, whatever it is called.

    Parameters
    ----------
    source : bytes or path
        A file's content, or where it lies.

    Returns
    -------
    dict of name to float32 array
        Under the names that the file has. Arrays may share memory with the content and are not to be written to.

    Raises
    ------
    LungdbError
        When the file cannot be read, has more than 1 GiB, is of another form, damaged, or holds something else than
        weights.
    """
    content = source if isinstance(source, bytes) else _content(Path(source))
    check_file_size(len(content))
    form = is_weights(content)
    if form is None:
        raise LungdbError(
            "The file is neither safetensors nor what torch.save writes. Use a .safetensors, .pth or .pt file."
        )
    return FORMS[form][1](content)


def _content(path: Path) -> bytes:
    try:
        check_file_size(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise LungdbError(f"{path} cannot be read: {error.strerror}. Give the path of a weights file.") from None
