"""Print how quick the web page is for 50 readers while 4 others have scans scored; part of `make bench`."""

from __future__ import annotations

import http.client
import io
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from databases import DEMO_NETWORK, database
from figures import ONE_ROUND, Figure, each
from sizes import WHOLE, Scans, Sizes

from lungdb.cli import accounts
from lungdb.cli.sql import print_table
from lungdb.database import connect, run

WITH_FEATURES = 40
READING_SECONDS = (0.5, 1.5)
"""How long a reader looks at a page before the next."""
TOO_MANY = 429
FIRST_SECONDS = 2.0
"""How long somebody looks at the worklist before the first score is asked for."""
SCORE = "POST /patients/…/score"

_MORE_PATIENTS = """
CREATE TABLE #digits (digit INT NOT NULL);
INSERT INTO #digits (digit) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO dbo.patients (patient_id, idx, display_name)
SELECT CONCAT(N'more ', n.number), n.number, CONCAT(N'Reader Nr ', n.number)
FROM (
    SELECT 1000 * a.digit + 100 * b.digit + 10 * c.digit + d.digit AS number
    FROM #digits AS a CROSS JOIN #digits AS b CROSS JOIN #digits AS c CROSS JOIN #digits AS d
) AS n
WHERE n.number >= ? AND n.number < ?;
INSERT INTO dbo.scans (
    patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, content_sha256
)
SELECT patient_id, 1, patient_id, N'1', 1, 1, 1, 0x00 FROM dbo.patients WHERE idx >= ?;
EXECUTE dbo.RefreshWorklist;
"""


@dataclass
class Answers:
    """Milliseconds and statuses by route, from all threads."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, route: str, status: str, seconds: float) -> None:
        """Note an answer."""
        with self.lock:
            self.milliseconds.setdefault(route, []).append(1000 * seconds)
            self.statuses.setdefault(route, Counter())[status] += 1


class Visitor:
    """A browser with a token of its own; keeps its connection and its cookie."""

    def __init__(self, port: int, token: str, answers: Answers) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._answers = answers

    def ask(self, route: str, path: str, form: str | None = None) -> int:
        """Send a request, a form by POST, and return the status; 0 when there was no answer."""
        headers = dict(self._headers)
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        started = time.perf_counter()
        try:
            self._connection.request("GET" if form is None else "POST", path, form, headers)
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._answers.add(route, type(error).__name__, time.perf_counter() - started)
            return 0
        self._answers.add(route, str(response.status), time.perf_counter() - started)
        cookie = response.getheader("Set-Cookie")
        if cookie:
            self._headers["Cookie"] = cookie.partition(";")[0]
        return response.status


def main() -> int:
    """Run the benchmark; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), WHOLE)
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the table and give the figures; `folder` is for a database. Ends the program when a request fails."""
    target = database(folder / "web", DEMO_NETWORK, Scans(WITH_FEATURES, 9, 64))
    tokens = _fill(target, sizes)
    first, later = zip(*[_first_score(target, tokens[-1]) for _ in range(sizes.rounds)], strict=True)
    first_ms, later_ms = (f"{statistics.median(times):.0f} ms" for times in (first, later))
    print(f"\nA score, {FIRST_SECONDS:.0f} s after lungdb serve answers, {sizes.rounds} starts, medians:\n")
    print_table(("the first", "the next"), [(first_ms, later_ms)])
    answers = Answers()
    with _serving(target) as port:
        _visit([Visitor(port, token, answers) for token in tokens], sizes)
    late = f"{_print(answers, sizes):.0f} ms"
    busy = f"the page, a score under {sizes.readers} readers, 95th percentile"
    return [
        Figure(
            f"the page, a score {FIRST_SECONDS:.0f} s after its start",
            f"the next one: {later_ms}",
            first_ms,
            each(first, 0),
            "300 ms",
        ),
        Figure(busy, f"without readers: {later_ms}", late, ONE_ROUND, "200 ms"),
    ]


@contextmanager
def _serving(target: str) -> Iterator[int]:
    """Run lungdb serve, and give the port once it answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "lungdb.cli.main", "serve", "-d", target, "--port", str(port)]
    environment = {**os.environ, "LUNGDB_WEB_SECRET": secrets.token_hex(32)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603  our own interpreter and module
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _first_score(target: str, token: str) -> tuple[float, float]:
    """Start the page, look at it for a moment, and give the milliseconds of the first score and of the next."""
    answers = Answers()
    with _serving(target) as port:
        visitor = Visitor(port, token, answers)
        visitor.ask("GET /", "/")
        time.sleep(FIRST_SECONDS)
        for _ in range(2):
            visitor.ask(SCORE, "/patients/0/score", "")
    first, later = answers.milliseconds[SCORE]
    return first, later


def _fill(target: str, sizes: Sizes) -> list[str]:
    """Train a model, add the other patients, and return a token for each visitor."""
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'bench';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        run(connection, _MORE_PATIENTS, (WITH_FEATURES, sizes.page_patients, WITH_FEATURES))
    return [_token(target, number, sizes.readers) for number in range(sizes.readers + sizes.scorers)]


def _token(target: str, number: int, readers: int) -> str:
    """Make an account as an administrator would, and return its token."""
    name, role = f"visitor {number}", "reader" if number < readers else "scorer"
    with redirect_stdout(io.StringIO()) as said:
        for action in (["add", name, "--no-password", "--role", role], ["token", name]):
            if accounts.main([*action, "-d", target]):
                raise SystemExit(1)
    return said.getvalue().split()[-1]


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit(f"lungdb serve ended with {server.returncode} before it answered.")
        try:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("lungdb serve did not answer within 30 seconds.")


def _visit(visitors: list[Visitor], sizes: Sizes) -> None:
    """Let every scorer have one scan scored, which starts the processes of Python, and then all visitors in."""
    scorers = visitors[sizes.readers :]
    _together([partial(scorer.ask, f"{SCORE}, the first", "/patients/0/score", "") for scorer in scorers])
    end = time.perf_counter() + sizes.page_seconds
    # Seeded, so that two runs ask for the same; nothing secret is drawn.
    draws = [random.Random(number) for number in range(len(visitors))]  # noqa: S311
    behaviours = [partial(_read, pages=sizes.page_patients // 50)] * sizes.readers + [partial(_score)] * sizes.scorers
    _together(
        [partial(behave, visitor, draw, end) for behave, visitor, draw in zip(behaviours, visitors, draws, strict=True)]
    )


def _together(works: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _read(visitor: Visitor, draw: random.Random, end: float, pages: int) -> None:
    """Page through the worklist, search it, and open patients, until the end."""
    time.sleep(draw.uniform(0, READING_SECONDS[1]))
    while time.perf_counter() < end:
        chosen = draw.random()
        if chosen < 0.4:
            sort = draw.choice(("index", "name", "date", "slices", "probability", "scored"))
            visitor.ask("GET /", f"/?sort={sort}&page={draw.randint(1, pages)}")
        elif chosen < 0.5:
            visitor.ask("POST /search", "/search", f"q={draw.randint(1, 999)}")
            visitor.ask("GET / of a search", "/")
            visitor.ask("POST /search", "/search", "q=")
        else:
            visitor.ask("GET /patients/…", f"/patients/{draw.randrange(WITH_FEATURES)}")
        time.sleep(draw.uniform(*READING_SECONDS))


def _score(visitor: Visitor, draw: random.Random, end: float) -> None:
    """Have one scan after another scored, until the end."""
    while time.perf_counter() < end:
        index = draw.randrange(WITH_FEATURES)
        if visitor.ask(SCORE, f"/patients/{index}/score", "") == TOO_MANY:
            time.sleep(1)


def _print(answers: Answers, sizes: Sizes) -> float:
    """Print the routes, and give the 95th percentile of a score in milliseconds."""
    requests = sum(map(len, answers.milliseconds.values()))
    print(
        f"\nlungdb serve, {sizes.page_patients} patients: {sizes.readers} readers, who look at a page for "
        f"{READING_SECONDS[0]} to {READING_SECONDS[1]} s, and {sizes.scorers} scorers without a pause, "
        f"{sizes.page_seconds:.1f} s, {requests / sizes.page_seconds:.0f} requests/s; visitors and server share "
        f"{os.cpu_count()} processors:\n"
    )
    rows = []
    failed = False
    for route, times in sorted(answers.milliseconds.items()):
        errors = {status: count for status, count in answers.statuses[route].items() if status[0] not in "23"}
        failed |= any(status != str(TOO_MANY) for status in errors)
        said = ", ".join(f"{status}: {count}" for status, count in sorted(errors.items())) or "none"
        figures = (statistics.median(times), np.percentile(times, 95), max(times))
        rows.append((route, len(times), *(f"{figure:.0f}" for figure in figures), said))
    print_table(("route", "requests", "median, ms", "95th percentile, ms", "longest, ms", "errors"), rows)
    if failed:
        raise SystemExit("Requests failed with something else than 429; run lungdb serve by hand to see why.")
    return float(np.percentile(answers.milliseconds[SCORE], 95))


if __name__ == "__main__":
    sys.exit(main())
