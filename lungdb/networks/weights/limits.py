"""How large what a weights file describes may be."""

from __future__ import annotations

import math

from lungdb.errors import LungdbError

MOST_BYTES = 1 << 30
"""Of a file, and of all its weights as float32. ResNet-152 and AlexNet have 240 MB; training states triple that."""

MOST_DIMENSIONS = 8
MOST_CHARACTERS = 200


def damaged(what: str) -> LungdbError:
    """Make the refusal of a file that contradicts itself."""
    return LungdbError(f"The weights file is damaged: {what}. Download it or save it again.")


def is_size(value: object) -> bool:
    """Tell whether a value is a number of things that a file could have."""
    return type(value) is int and 0 <= value <= MOST_BYTES


def check_file_size(size: int) -> None:
    """Refuse files that are too large to hold in memory several times over."""
    if size > MOST_BYTES:
        raise LungdbError(
            f"The weights file has {size:,} bytes, more than the {MOST_BYTES:,} that are taken. "
            "Save the state dict alone, without the optimiser's."
        )


class Allowance:
    """Counts the numbers that tensors ask for, since views let a small file describe huge ones."""

    def __init__(self, file_size: int) -> None:
        # float16 has a number in two bytes, so this leaves room for tensors that share one storage.
        self._most = min(MOST_BYTES // 4, file_size)
        self._taken = 0

    def take(self, name: str, shape: tuple[int, ...]) -> int:
        """Give a tensor's number of elements; LungdbError when it has none or all together are too many.

        Its name is checked too, because refusals will print it.
        """
        if len(name) > MOST_CHARACTERS or not name.isprintable():
            raise damaged(f"{name[:MOST_CHARACTERS]!r} is no name of a weight")
        if len(shape) > MOST_DIMENSIONS or not all(is_size(size) for size in shape):
            raise damaged(f"the shape of {name!r} is impossible")
        count = math.prod(shape)
        if count == 0:
            raise LungdbError(f"The weight {name!r} is empty. Use the weights as they were saved.")
        self._taken += count
        if self._taken > self._most:
            raise LungdbError(
                f"The weights file describes more than {self._most:,} numbers, which is too many for its size or to "
                "be read. Save the state dict of one network, each tensor whole."
            )
        return count
