"""A session of Spark, or one sentence of what is missing for it."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.errors import LungdbError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
"""What Spark 4 runs on (https://spark.apache.org/docs/latest/: "Java 17/21")."""

_SECONDS = 10.0  # for a master to answer
_VERSION = re.compile(r'version "(\d+)')


def check_java() -> None:
    """Check that there is a Java that Spark 4 runs on, the one of JAVA_HOME or of the path.

    Raises
    ------
    LungdbError
        There is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    install = (
        f"Install Java {OLDEST_JAVA} or later with the system's package manager, on Debian openjdk-17-jre-headless."
    )
    if java is None:
        raise LungdbError(f"Spark needs Java, and there is none on the path. {install}")
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr  # noqa: S603 - the site's own Java
    except (OSError, subprocess.SubprocessError) as error:
        where = "of JAVA_HOME" if home else "on the path"
        raise LungdbError(f"Spark needs Java, and the one {where} does not run ({error}). {install}") from None
    found = _VERSION.search(said)
    if found is None or int(found[1]) < OLDEST_JAVA:
        is_now = found[1] if found else "of an unknown version"
        raise LungdbError(f"Spark needs Java {OLDEST_JAVA}, and this one is {is_now}. {install}")


@contextmanager
def spark_session(
    name: str, master: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Start a session and stop it afterwards.

    Parameters
    ----------
    name : str
        Shown by Spark's own page.
    master : str, optional
        As Spark writes it, such as ``local[2]`` or ``spark://host:7077``; None: what spark-submit or Spark's own
        configuration says, else all processors of this machine.
    settings : mapping, optional
        Spark's own, beyond those of every session here.

    Raises
    ------
    LungdbError
        Java, Spark or the master is missing, or is another version.
    """
    try:
        import pyspark
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise LungdbError(f'Spark needs {error.name}. Run: pip install "lungdb[spark]"') from error
    if pyspark.__version__.split(".")[0] != "4":
        raise LungdbError(f'Spark is version {pyspark.__version__}, and 4 is needed. Run: pip install "lungdb[spark]"')
    check_java()
    _check_master(master)
    # Executors run the same Python, at the same path, unless the site says which.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    if master is not None:
        builder = builder.master(master)
    for key, value in {**_SETTINGS, **(settings or {})}.items():
        builder = builder.config(key, value)
    try:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of versions of pandas, which no session here uses
            session = builder.getOrCreate()
    except Exception as error:  # py4j and Spark raise errors of many kinds
        raise LungdbError(_not_started(master, error)) from None
    # What py4j logs of a call that was interrupted, traceback and all, comes back as an exception besides.
    silent = logging.NullHandler()
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(silent)
    try:
        yield session
    finally:
        session.stop()
        logging.getLogger().removeHandler(silent)


def _check_master(master: str | None) -> None:
    """Look whether a standalone master answers, which Spark itself takes a minute to find out."""
    if master is None or not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        if not port.isdigit():
            raise LungdbError(f"The master {master} is no address. Write it as spark://host:7077.")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
        except (OSError, OverflowError):
            continue
        return
    raise LungdbError(f"The master {master} does not answer. Check its address, and that it runs.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Java, which is started here, say nothing on stderr for as long as it runs: its errors come back as ours."""
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


_SETTINGS = {
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def _not_started(master: str | None, error: Exception) -> str:
    first = next(iter(str(error).splitlines()), type(error).__name__)
    where = master or "of its own configuration"
    return f"Spark could not be started with the master {where}: {first} Check its address, and that it runs Spark 4."
