"""Which groups of series a task does: as many bytes as any other, the largest first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from lungdb.distributed.groups import Group

PARTITIONS_A_CORE = 4
"""Tasks for each core of the executors: so the last ones to end are short, and what a dead executor loses is."""


def balance(groups: Sequence[Group], partitions: int) -> list[list[Group]]:
    """Divide groups, each given to the task with the fewest bytes so far, the largest group first.

    The longest task has at most 4/3 - 1/(3 × partitions) times what the best division has (R. L. Graham, Bounds on
    Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17, 1969).

    Parameters
    ----------
    groups : sequence of Group
    partitions : int
        At least 1.

    Returns
    -------
    list of list of Group
        Tasks that have something to do, the largest first; each does its largest group first.
    """
    tasks: list[list[Group]] = [[] for _ in range(partitions)]
    filled = [(0, number) for number in range(partitions)]
    for group in sorted(groups, key=lambda group: (-group.bytes, group.part, group.number)):
        size, number = heapq.heappop(filled)
        tasks[number].append(group)
        heapq.heappush(filled, (size + group.bytes, number))
    return sorted(filter(None, tasks), key=lambda task: -sum(group.bytes for group in task))
