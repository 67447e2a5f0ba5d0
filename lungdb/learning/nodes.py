"""The trees of a LightGBM model as rows of a table, read from LightGBM's own model text.

What the text means is as LightGBM's src/io/tree.cpp and include/LightGBM/tree.h (v4) read it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError

_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_LARGEST = float(np.finfo(np.float64).max)
_MISSING = ("none", "zero", "nan")

Fields: TypeAlias = "dict[str, str]"


class NotAsNodesError(ProcedureError):
    """A model that cannot be written as nodes, 50152, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            ErrorNumber.NOT_AS_NODES,
            f"The model cannot be written as nodes of trees: {reason}. Score it with PredictPatients, or train it with "
            "TrainLungCancerModel.",
        )
        self.reason = reason


@dataclass(frozen=True)
class TreeRows:
    """The nodes of all trees, by tree and node; node 0 is a tree's root and the leaves follow the splits.

    Attributes
    ----------
    tree, node : int32[n]
    feature_index, left_node, right_node : int32[n]
        -1 at a leaf.
    threshold : float64[n]
        A value at most this goes left; NaN at a leaf. The infinity that LightGBM writes for a split on missing values
        alone is the largest double, because FLOAT has none.
    missing : list of str
        `none`, `zero` or `nan`, LightGBM's missing_type; None at a leaf.
    default_left : int32[n]
        1 where what is missing goes left.
    leaf_value : float64[n]
        NaN at a split.
    """

    tree: NDArray[np.int32]
    node: NDArray[np.int32]
    feature_index: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing: list[str | None]
    default_left: NDArray[np.int32]
    left_node: NDArray[np.int32]
    right_node: NDArray[np.int32]
    leaf_value: NDArray[np.float64]


@dataclass(frozen=True)
class Ensemble:
    """A model of trees: the probability is 1 / (1 + exp(−steepness · Σ leaves / divisor)), a number Σ leaves / divisor.

    Attributes
    ----------
    rows : TreeRows
    width : int
        Number of features of a vector.
    trees : int
    divisor : float
        The number of trees where they are averaged (random forests), else 1.
    steepness : float
        LightGBM's parameter `sigmoid`; 1 of a regression.
    task : str
        `classification` or `regression`.
    """

    rows: TreeRows
    width: int
    trees: int
    divisor: float
    steepness: float
    task: str


def read_ensemble(model: bytes) -> Ensemble:
    """Read a model text; thresholds and leaf values are the doubles that LightGBM itself reads from it.

    Raises
    ------
    ProcedureError
        50152 when the model has categorical splits, linear leaves, several classes or an objective that is neither
        squared error nor has a logistic link, or is no whole model text.
    """
    if not model.startswith(b"tree\n") or b"\nend of trees\n" not in model:
        raise NotAsNodesError("it is no whole LightGBM model text")
    text = model.decode("utf-8", "replace").partition("\nend of trees\n")[0]
    head, *blocks = re.split(r"^Tree=\d+$", text, flags=re.M)
    fields = _fields(head)
    try:
        if (fields["num_class"], fields["num_tree_per_iteration"]) != ("1", "1"):
            raise NotAsNodesError(f"it has {fields['num_class']} classes")
        task, steepness = _task(fields.get("objective", ""))
        width = int(fields["max_feature_idx"]) + 1
        columns = [_tree(number, _fields(block), width) for number, block in enumerate(blocks)]
        if not columns:
            raise NotAsNodesError("it has no trees")
        rows = _joined(columns)
    except (KeyError, ValueError, IndexError):
        raise NotAsNodesError("its text is damaged") from None
    divisor = float(len(blocks)) if "average_output" in fields else 1.0
    return Ensemble(rows, width, len(blocks), divisor, steepness, task)


def _fields(block: str) -> Fields:
    return {name: value for name, _, value in (line.partition("=") for line in block.splitlines())}


def _task(objective: str) -> tuple[str, float]:
    name, *settings = objective.split() or ["none"]
    if name == "binary":
        steepness = float(dict(setting.partition(":")[::2] for setting in settings).get("sigmoid", "1"))
        if not (math.isfinite(steepness) and steepness > 0):
            raise ValueError(objective)
        return "classification", steepness
    if name == "cross_entropy":
        return "classification", 1.0
    if name == "regression" and not settings:  # with a setting it is of the square root
        return "regression", 1.0
    raise NotAsNodesError(f"its objective is {objective}; supported are binary, cross_entropy and regression")


def _tree(number: int, fields: Fields, width: int) -> TreeRows:
    leaves = int(fields["num_leaves"])
    if fields.get("is_linear", "0") != "0":
        raise NotAsNodesError(f"tree {number} has linear models in its leaves (linear_tree)")
    decisions = _integers(fields, "decision_type", leaves - 1)
    if int(fields.get("num_cat", "0")) or (decisions & _CATEGORICAL).any():
        at = int(np.flatnonzero(decisions & _CATEGORICAL)[:1].sum())
        feature = _integers(fields, "split_feature", leaves - 1)[at]
        raise NotAsNodesError(f"tree {number} has a categorical split on feature {feature}")
    splits, ends = np.full(leaves, -1, np.int32), np.full(leaves - 1, np.nan)
    node = np.arange(2 * leaves - 1, dtype=np.int32)
    features = _integers(fields, "split_feature", leaves - 1)
    # LightGBM writes leaf k as the child -1 - k.
    children = [_integers(fields, side, leaves - 1) for side in ("left_child", "right_child")]
    left, right = (np.where(child < 0, leaves - 2 - child, child).astype(np.int32) for child in children)
    together = np.sort(np.concatenate([left, right]))
    if (
        not np.array_equal(together, node[1:])
        or (np.minimum(left, right) <= node[: leaves - 1]).any()
        or not ((features >= 0) & (features < width)).all()
    ):
        raise ValueError("children")
    return TreeRows(
        tree=np.full(node.size, number, np.int32),
        node=node,
        feature_index=np.append(features, splits),
        threshold=np.append(_thresholds(fields, leaves - 1), np.full(leaves, np.nan)),
        missing=[*(_MISSING[decision >> 2] for decision in decisions.tolist()), *[None] * leaves],
        default_left=np.append((decisions & _DEFAULT_LEFT) // _DEFAULT_LEFT, np.zeros(leaves, np.int32)),
        left_node=np.append(left, splits),
        right_node=np.append(right, splits),
        leaf_value=np.append(ends, _numbers(fields, "leaf_value", leaves)),
    )


def _integers(fields: Fields, name: str, count: int) -> NDArray[np.int32]:
    return np.array([int(text) for text in _texts(fields, name, count)], dtype=np.int32)


def _thresholds(fields: Fields, count: int) -> NDArray[np.float64]:
    numbers = np.array([float(text) for text in _texts(fields, "threshold", count)], dtype=np.float64)
    if np.isnan(numbers).any():
        raise ValueError("threshold")
    return np.clip(numbers, -_LARGEST, _LARGEST)


def _numbers(fields: Fields, name: str, count: int) -> NDArray[np.float64]:
    numbers = np.array([float(text) for text in _texts(fields, name, count)], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(name)
    return numbers


def _texts(fields: Fields, name: str, count: int) -> list[str]:
    texts = fields.get(name, "").split()
    if len(texts) != count:
        raise ValueError(name)
    return texts


def _joined(trees: list[TreeRows]) -> TreeRows:
    return TreeRows(
        tree=np.concatenate([tree.tree for tree in trees]),
        node=np.concatenate([tree.node for tree in trees]),
        feature_index=np.concatenate([tree.feature_index for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        missing=[missing for tree in trees for missing in tree.missing],
        default_left=np.concatenate([tree.default_left for tree in trees]),
        left_node=np.concatenate([tree.left_node for tree in trees]),
        right_node=np.concatenate([tree.right_node for tree in trees]),
        leaf_value=np.concatenate([tree.leaf_value for tree in trees]),
    )
