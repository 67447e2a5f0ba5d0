"""The vector that a model reads, pooled again from the features of a scan's triples, some of them left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.pooling import pool, third_weights

Features = NDArray[np.float32]
Values = NDArray[np.float64]
Order = NDArray[np.int64]

LINEAR = ("mean", "thirds")
"""Poolings whose vector is a weighted sum of the triples' features."""

_CLOSE = 1e-5  # relative: a vector pooled again, on another processor or by another version of numpy


@dataclass(frozen=True)
class Part:
    """A piece of a model's vector that is pooled from the features of triples.

    Attributes
    ----------
    pooling : str
    first_index, width : int
        Where its numbers stand in the vector, and how many they are.
    """

    pooling: str
    first_index: int
    width: int

    @property
    def place(self) -> slice:
        """Where its numbers stand."""
        return slice(self.first_index, self.first_index + self.width)


@dataclass(frozen=True)
class TripleScan:
    """A scan as a model reads it.

    Attributes
    ----------
    vector : float32[width]
        As it is stored; what stands in no part is of columns, which no triple changes.
    parts : tuple of Part
    arrays : tuple of float32[triples, features]
        What each part is pooled from.
    """

    vector: Features
    parts: tuple[Part, ...]
    arrays: tuple[Features, ...]

    @property
    def triples(self) -> int:
        """Number of triples; 0 where the model reads columns alone."""
        return int(self.arrays[0].shape[0]) if self.arrays else 0

    @property
    def is_linear(self) -> bool:
        """Whether the vector is a weighted sum over the triples."""
        return bool(self.parts) and all(part.pooling in LINEAR for part in self.parts)


def check_scan(scan: TripleScan) -> None:
    """Refuse arrays that do not fit the vector.

    Raises
    ------
    ProcedureError
        50373 when arrays of one scan have several numbers of triples, or do not pool to the vector that is stored;
        50394 when a pooling of a package is not there or fails.
    """
    if not scan.parts:
        return
    counts = sorted({array.shape[0] for array in scan.arrays})
    if len(counts) > 1 or counts[0] == 0:
        raise _changed(f"its arrays have {' and '.join(map(str, counts))} rows")
    for part, array in zip(scan.parts, scan.arrays, strict=True):
        try:
            again = pool(array, part.pooling)
        except ProcedureError:
            raise
        except LungdbError as error:
            raise ProcedureError(ErrorNumber.NOT_REGISTERED, str(error)) from None
        if again.size != part.width:
            raise _changed(f"the array's {part.pooling} has {again.size} numbers where the model reads {part.width}")
        stored = scan.vector[part.place]
        # The first component's sign hangs on which entry is the largest, where two may be as large.
        turned = (again, -again) if part.pooling == "pca1" else (again,)
        most = _CLOSE * float(np.abs(stored).max(initial=0))
        if not any(np.allclose(stored, each, rtol=_CLOSE, atol=most) for each in turned):
            raise _changed(f"the array's {part.pooling} is not the vector that is stored")


def pooled(vector: Features, parts: Sequence[Part], arrays: Sequence[Features]) -> Features:
    """Pool arrays into a model's vector.

    Parameters
    ----------
    vector : float32[width]
        What stands in no part stays as it is here.
    parts : sequence of Part
    arrays : sequence of float32[triples, features]
        One of each part, at least one triple.

    Returns
    -------
    float32[width]

    Raises
    ------
    LungdbError
        As of `lungdb.learning.pooling.pool`, or a package's pooling makes other numbers of fewer triples.
    """
    made: Features = vector.copy()
    for part, array in zip(parts, arrays, strict=True):
        made[part.place] = _pool(array, part)
    return made


def without_each(scan: TripleScan) -> Features:
    """Pool the scan without each of its triples, as features are pooled, of pca1 to the rounding of single precision.

    Returns
    -------
    float32[triples, width]
        Of a scan of one triple float32[0, width]: without it nothing is left.

    Raises
    ------
    LungdbError
        As of `pooled`.
    """
    if scan.triples < 2:
        return np.empty((0, scan.vector.size), dtype=np.float32)
    vectors: Features = np.repeat(scan.vector[None], scan.triples, axis=0)
    for part, array in zip(scan.parts, scan.arrays, strict=True):
        if part.pooling == "pca1":
            vectors[:, part.place] = list(_components_without(array.astype(np.float64)))
        else:
            left = (np.delete(array, triple, axis=0) for triple in range(scan.triples))
            vectors[:, part.place] = [_pool(each, part) for each in left]
    return vectors


def reference_of(scan: TripleScan, means: Values) -> Values:
    """Give the vector that a scan's triples are compared with: the training mean, its columns as the scan has them.

    Parameters
    ----------
    means : float64[width]
        Of the model's training scans; NaN where none is known.

    Raises
    ------
    ProcedureError
        50372 when the mean of a feature of the pixels is not known.
    """
    if means.size != scan.vector.size:
        raise no_reference()
    reference = scan.vector.astype(np.float64)
    for part in scan.parts:
        reference[part.place] = means[part.place]
        if np.isnan(means[part.place]).any():
            raise no_reference()
    return reference


def along(scan: TripleScan, reference: Values, order: Order) -> Features:
    """Add the triples of a scan to the reference, one after the other.

    Where a pooling is linear (mean, thirds), the triples that are not there yet stand at the reference. Where it is
    not, the vector is that of the triples that are there, and the reference when there is none.

    Parameters
    ----------
    reference : float64[width]
        From `reference_of`.
    order : int64[triples]
        A permutation of the triples.

    Returns
    -------
    float32[triples + 1, width]
        The first is the reference, the last the vector as it is stored.

    Raises
    ------
    LungdbError
        As of `pooled`.
    """
    vectors = np.repeat(scan.vector[None], scan.triples + 1, axis=0)
    vectors[0] = reference
    for part, array in zip(scan.parts, scan.arrays, strict=True):
        ordered = array[order].astype(np.float64)
        if part.pooling == "thirds":
            vectors[1:-1, part.place] = _thirds_along(ordered, reference[part.place], order)
        elif part.pooling == "mean":
            missing = np.arange(scan.triples - 1, 0, -1)[:, None]
            sums = np.cumsum(ordered, axis=0)[:-1] + missing * reference[part.place]
            vectors[1:-1, part.place] = sums / scan.triples
        elif part.pooling == "pca1":
            vectors[1:-1, part.place] = list(_components_along(ordered, order))
        elif part.pooling in ("max", "mean_max_std"):
            vectors[1:-1, part.place] = _spread_along(ordered, part.pooling)
        else:  # a package's, which may mind the order of triples
            for count in range(1, scan.triples):
                vectors[count, part.place] = _pool(array[np.sort(order[:count])], part)
    return vectors


def triple_weights(pooling: str, triples: int) -> Values:
    """Give what each triple weighs in the pieces of a linear pooling: float64[pieces, triples], rows that sum to 1."""
    return third_weights(triples) if pooling == "thirds" else np.full((1, triples), 1 / triples)


def no_reference() -> ProcedureError:
    """Give the refusal of a model whose training means are not stored."""
    return ProcedureError(
        ErrorNumber.NO_REFERENCE,
        "What the scans that the model was trained on have in the mean is not stored (dbo.model_scope_features), so "
        "that nothing can stand in for what is absent. Train it again, or load it with the data set that it was "
        "trained on. @Permutations = 0 explains without estimates; of a network take @Features = 0 too.",
    )


def _pool(array: Features, part: Part) -> Features:
    vector = pool(array, part.pooling)
    if vector.size != part.width:
        raise LungdbError(
            f"The pooling {part.pooling!r} makes {vector.size} numbers of {len(array)} triples and {part.width} of "
            "all. Mend its package, or take another pooling."
        )
    return vector


def _thirds_along(ordered: Values, reference: Values, order: Order) -> Values:
    weights = third_weights(order.size)[:, order]  # [thirds, triples]
    means = reference.reshape(weights.shape[0], -1)
    added = weights[:, :, None] * (ordered[None] - means[:, None])
    path = means[:, None] + np.cumsum(added, axis=1)[:, :-1]
    return np.moveaxis(path, 0, 1).reshape(order.size - 1, -1)


def _spread_along(ordered: Values, pooling: str) -> Values:
    greatest = np.maximum.accumulate(ordered, axis=0)[:-1]
    if pooling == "max":
        return greatest
    counts = np.arange(1, ordered.shape[0])[:, None]
    middle = ordered.mean(axis=0)  # squares of what is left lose no digits
    means = np.cumsum(ordered - middle, axis=0)[:-1] / counts
    squares = np.cumsum((ordered - middle) ** 2, axis=0)[:-1] / counts
    deviation = np.sqrt(np.clip(squares - means**2, 0, None))
    return np.concatenate([means + middle, greatest, deviation], axis=1)


def _components_along(ordered: Values, order: Order) -> Iterator[Values]:
    """Give the first component's scores of the first triples, then of one more: from the products of all with all."""
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    products = centred @ centred.T
    for count in range(1, ordered.shape[0]):
        yield _component(products[:count, :count], centred[:count], order[:count])


def _components_without(array: Values) -> Iterator[Values]:
    """Give the first component's scores without each triple: a small matrix each in place of all features."""
    centred = array - array.mean(axis=1, keepdims=True)
    products = centred @ centred.T
    for triple in range(array.shape[0]):
        left = np.delete(np.arange(array.shape[0]), triple)
        yield _component(products[np.ix_(left, left)], centred[left], left)


def _component(products: Values, centred: Values, places: Order) -> Values:
    """Give the first component's scores of triples at some places, turned as `pool` turns them."""
    axis = np.linalg.eigh(products)[1][:, -1]
    upward = np.argsort(places)
    return np.asarray(axis @ centred * np.sign(axis[upward[np.argmax(np.abs(axis[upward]))]]))


def _changed(what: str) -> ProcedureError:
    return ProcedureError(
        ErrorNumber.SCORE_OUTDATED,
        f"The features that are stored are not those that the score was made of: {what}. Call GenerateFeatures with "
        "@Recompute = 1, and score the scan again.",
    )
