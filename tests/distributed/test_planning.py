"""Groups of series are divided so that tasks have about as much to do."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

pytest.importorskip("pyspark", reason="needs the extra spark")

from lungdb.distributed.groups import Group
from lungdb.distributed.planning import balance


def make_groups(sizes: list[int]) -> list[Group]:
    """Make groups of one series of so many bytes."""
    return [Group("00000", number, 1, 1, size) for number, size in enumerate(sizes)]


def loads(tasks: list[list[Group]]) -> list[int]:
    """Return the bytes of each task."""
    return [sum(group.bytes for group in task) for task in tasks]


def test_sizes_as_of_ct_series_are_balanced_where_hashing_is_not() -> None:
    """Of 96 log-normal sizes on 8 tasks the longest is below 1.3 times the mean; by hash it is above that."""
    sizes = (1e8 * np.random.default_rng(4).lognormal(sigma=1.0, size=96)).astype(int).tolist()
    groups = make_groups(sizes)
    mean = sum(sizes) / 8
    assert max(loads(balance(groups, 8))) < 1.3 * mean
    hashed = [0] * 8
    for group in groups:
        hashed[hashlib.sha256(f"{group.number}".encode()).digest()[0] % 8] += group.bytes
    assert max(hashed) > 1.3 * mean


def test_every_group_is_done_once_and_the_largest_first() -> None:
    """Also where there are fewer groups than tasks."""
    groups = make_groups([5, 100, 7, 30])
    tasks = balance(groups, 3)
    assert sorted(group.number for task in tasks for group in task) == [0, 1, 2, 3]
    assert loads(tasks) == [100, 30, 12]
    assert [[group.bytes for group in task] for task in tasks] == [[100], [30], [7, 5]]
    assert len(balance(groups, 50)) == 4


def test_the_plan_is_the_same_whatever_the_order() -> None:
    """Equal sizes are told apart by their places."""
    groups = make_groups([3, 3, 3, 3, 9])
    assert balance(groups, 2) == balance(groups[::-1], 2)


def test_names_of_files_do_not_depend_on_the_run() -> None:
    """So that no attempt doubles a row."""
    assert Group("00007", 3, 1, 1, 1).file == "00007-00003.parquet"
