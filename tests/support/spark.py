"""A real cluster of Spark on loopback: a standalone master and workers, started by the scripts of the wheel."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

ROOT = Path(__file__).resolve().parents[2]
_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
_DEPLOY = "org.apache.spark.deploy"
_SECONDS = 90.0


@dataclass
class Cluster:
    """A master that runs, and its workers.

    Attributes
    ----------
    master : str
        Its address, to be given as ``--master``.
    workers : list of Popen
        Each is the leader of a process group, of which its executors are.
    """

    master: str
    workers: list[subprocess.Popen[bytes]]

    def executors(self) -> list[int]:
        """Return the process numbers of all executors that run now."""
        groups = {worker.pid for worker in self.workers}
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    is_executor = b"CoarseGrainedExecutorBackend" in (entry / "cmdline").read_bytes()
                    if is_executor and os.getpgid(int(entry.name)) in groups:
                        found.append(int(entry.name))
        return found


@contextmanager
def cluster(folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g") -> Iterator[Cluster]:
    """Start a cluster with its logs in a folder, and end all of it afterwards."""
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_NO_DAEMONIZE": "1",
        "SPARK_DAEMON_MEMORY": "256m",
        "PYTHONPATH": str(ROOT),
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, arguments: list[str], wanted: str) -> str:
        log = folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(_CLASS), *arguments], stdout=file, stderr=file, env=environment, start_new_session=True
            )
        started.append(process)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and process.poll() is None:
            found = re.search(wanted, log.read_text(encoding="utf-8", errors="replace"))
            if found is not None:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"{name} did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")

    try:
        at = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        master = start("master", [f"{_DEPLOY}.master.Master", *at], r"spark://127\.0\.0\.1:\d+")
        resources = ["--cores", str(cores), "--memory", memory]
        for number in range(workers):
            start(f"worker{number}", [f"{_DEPLOY}.worker.Worker", *at, *resources, master], "Successfully registered")
        yield Cluster(master, started[1:])
    finally:
        for process in reversed(started):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
