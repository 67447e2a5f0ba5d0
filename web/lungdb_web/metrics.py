"""What Prometheus reads at /metrics: requests and how long they took, what is busy, what the database is at work on.

No patient, account or address is among it. The format is version 0.0.4 of Prometheus' text exposition.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flask import Flask

from lungdb import __version__
from lungdb_web.queries.watching import Work

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper ends of the histogram's buckets, in seconds."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Labels = tuple[tuple[str, str], ...]
Samples = Iterable[tuple[Labels, float]]


@dataclass
class _Durations:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class Requests:
    """Counts requests since the server began, by route and never by address. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, _Durations] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        # A client may make up methods without end.
        key = (method if method in _METHODS else "other", route, status)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1
            durations = self._durations.setdefault(route, _Durations())
            durations.counts[bisect_left(BUCKETS, seconds)] += 1
            durations.seconds += seconds

    def written(self) -> list[str]:
        """Write what was counted."""
        with self._lock:
            counts = sorted(self._counts.items())
            durations = sorted((route, list(one.counts), one.seconds) for route, one in self._durations.items())
        lines = _family(
            "lungdb_requests_total",
            "counter",
            "Requests that were answered, by the route's pattern.",
            (
                ((("method", method), ("route", route), ("status", str(status))), count)
                for (method, route, status), count in counts
            ),
        )
        name = "lungdb_request_seconds"
        lines += [f"# HELP {name} Seconds until the answer began.", f"# TYPE {name} histogram"]
        for route, buckets, seconds in durations:
            total = 0
            for end, count in zip((*BUCKETS, float("inf")), buckets, strict=True):
                total += count
                upper = "+Inf" if end == float("inf") else f"{end:g}"
                lines.append(_sample(f"{name}_bucket", (("route", route), ("le", upper)), total))
            lines.append(_sample(f"{name}_sum", (("route", route),), seconds))
            lines.append(_sample(f"{name}_count", (("route", route),), total))
        return lines


def requests_of(app: Flask) -> Requests:
    """Give the counts of an application."""
    counts: Requests = app.extensions["lungdb.requests"]
    return counts


def written(requests: Requests, busy: Mapping[str, int], *, background: bool, work: Work | None) -> str:
    """Write everything that is measured.

    Parameters
    ----------
    busy : mapping of str to int
        Connections of each lane that are in use.
    background : bool
        Whether something goes on in the background.
    work : Work or None
        None where the database did not answer.
    """
    lines = _family("lungdb_build_info", "gauge", "The version that serves.", [((("version", __version__),), 1)])
    lines += requests.written()
    lanes = [((("lane", lane),), float(count)) for lane, count in busy.items()]
    lines += _family("lungdb_connections_busy", "gauge", "Connections to the database in use.", lanes)
    lines += _family("lungdb_background_busy", "gauge", "1 while work goes on in the background.", [((), background)])
    up = work is not None
    lines += _family("lungdb_database_up", "gauge", "1 where the database has answered to this scrape.", [((), up)])
    if work is not None:
        lines += _of_database(work)
    return "\n".join(lines) + "\n"


def _of_database(work: Work) -> list[str]:
    queues: dict[tuple[str, str], int] = {}
    for queue in work.queues:
        for state in ("waiting", "taken", "done", "failed"):
            key = (queue.procedure_name, state)
            queues[key] = queues.get(key, 0) + getattr(queue, state)
    trials = {
        state: sum(getattr(search, state) for search in work.searches if search.is_open)
        for state in ("queued", "running", "done", "failed")
    }
    return [
        *_family(
            "lungdb_scores",
            "gauge",
            "Scores that are stored, by the version that gave them.",
            (((("model", name), ("version", str(version))), count) for (name, version), count in work.scores.items()),
        ),
        *_family(
            "lungdb_runs",
            "gauge",
            "Runs of the last 30 days.",
            (((("procedure", runs.procedure_name), ("state", runs.state)), runs.runs) for runs in work.runs),
        ),
        *_family(
            "lungdb_queue_items",
            "gauge",
            "Scans, pictures or scores in the queue.",
            (((("procedure", name), ("state", state)), count) for (name, state), count in queues.items()),
        ),
        *_family(
            "lungdb_search_trials",
            "gauge",
            "Trials of searches that are not finished.",
            (((("state", state),), count) for state, count in trials.items()),
        ),
        *_family(
            "lungdb_unreadable_scans",
            "gauge",
            "Scans without features because they could not be read.",
            [((), sum(work.failures.values()))],
        ),
    ]


def _family(name: str, kind: str, meaning: str, samples: Samples) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *(_sample(name, *sample) for sample in samples)]


def _sample(name: str, labels: Labels, value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{written}}} {float(value)!r}" if written else f"{name} {float(value)!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
