"""LightGBM's model text as a whole: whether all of it is there, before its library reads it.

The library ends the whole process over a tree that is cut off, and scores with fewer trees without a word. The text's
head gives the bytes of each tree (tree_sizes; LightGBM's src/boosting/gbdt_model_text.cpp) and the number of features.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from lungdb.errors import ErrorNumber, ProcedureError

_START = b"tree\n"
_END = b"end of trees\n"
_MARK = re.compile(rb"^Tree=(\d+)$", re.M)


@lru_cache(maxsize=4)
def count_trees(model: bytes) -> int:
    """Count the trees of a model text; of the few that were read last the number is known.

    Raises
    ------
    ProcedureError
        50116 when it is no model text, or trees, features or parts of them are missing.
    """
    end = model.find(b"\n" + _END)
    if not model.startswith(_START) or end < 0:
        raise _refusal("it is no whole LightGBM model text")
    end += 1
    starts = [(int(mark[1]), mark.start()) for mark in _MARK.finditer(model, 0, end)]
    if not starts:
        raise _refusal("it has no trees")
    if [number for number, _ in starts] != list(range(len(starts))):
        raise _refusal("its trees are not numbered one after the other")
    head = model[: starts[0][1]]
    names, last = _field(head, b"feature_names"), _field(head, b"max_feature_idx")
    if names is not None and last is not None and last.strip() != b"%d" % (len(names.split()) - 1):
        raise _refusal("it names another number of features than it says to read")
    sizes = _field(head, b"tree_sizes")
    if sizes is not None:
        places = [place for _, place in starts] + [end]
        found = [after - before for before, after in pairwise(places)]
        if [b"%d" % size for size in found] != sizes.split():
            raise _refusal(f"its head lists {len(sizes.split())} trees, and those that follow are not of those sizes")
    return len(starts)


def _field(head: bytes, name: bytes) -> bytes | None:
    match = re.search(rb"^%s=(.*)$" % name, head, re.M)
    return match[1] if match else None


def _refusal(reason: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.UNREADABLE, f"The model cannot be read: {reason}. Restore it from a backup, or train it again."
    )
