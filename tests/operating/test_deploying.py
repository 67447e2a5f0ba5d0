"""The units, the crontab, the Dockerfiles and the compose files: what they name is there, and what they run runs."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from lungdb_web.administration import add_account
from packaging.requirements import Requirement

from lungdb.cli.main import COMMANDS
from lungdb.database import connect
from lungdb.operating.jobs import JOBS
from tests.support.databases import copy_to, target_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
DOCKERFILES = sorted(DEPLOY.rglob("Dockerfile"))
COMPOSED = sorted(DEPLOY.rglob("compose.yaml"))
PROGRAM = "/opt/lungdb/.venv/bin/lungdb"
SECRET = "a secret of sixteen and more"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _unit(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    # Names keep their case; the library's documentation has it set so, which its types do not know.
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text(encoding="utf-8"))
    return found


def _instructions(path: Path) -> list[tuple[str, str]]:
    """Give the instructions of a Dockerfile with their arguments, lines that go on joined, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(verb, rest) for verb, _, rest in (line.strip().partition(" ") for line in joined.splitlines()) if verb]


def _ignored(name: str) -> bool:
    """Whether .dockerignore leaves a file or folder of the checkout out: the last line that fits decides."""
    is_ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line.startswith("#") or not line:
            continue
        if pattern == "*" or name == pattern or name.startswith(f"{pattern}/"):
            is_ignored = not line.startswith("!")
    return is_ignored


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_no_fault_in_a_unit(path: Path, tmp_path: Path) -> None:
    """Checked by systemd itself, each job for itself, with the program that is here."""
    systemd_analyze = shutil.which("systemd-analyze")
    if systemd_analyze is None:
        pytest.skip("systemd-analyze, which checks units, is not here")
    program = tmp_path / "lungdb"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for each in UNITS:
        text = each.read_text(encoding="utf-8").replace(PROGRAM, str(program))
        for job in JOBS if "@" in each.name else [""]:
            (tmp_path / each.name.replace("@", f"@{job}" if job else "@")).write_text(text)
    names = [f"lungdb-job@{job}.service" for job in JOBS] if "@" in path.name else [path.name]
    checked = subprocess.run(
        [systemd_analyze, "verify", "--man=no", "--recursive-errors=yes", *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert checked.returncode == 0, checked.stderr
    assert str(tmp_path) not in checked.stderr


def test_every_job_has_a_timer_and_a_line_of_the_crontab() -> None:
    """One each, and none for what is no job; the unit runs the command with the job's name."""
    timers = {path.stem.removeprefix("lungdb-job-"): _unit(path) for path in UNITS if path.suffix == ".timer"}
    assert timers.keys() == JOBS.keys()
    for job, unit in timers.items():
        assert unit["Timer"]["Unit"] == f"lungdb-job@{job}.service"
    service = _unit(DEPLOY / "systemd" / "lungdb-job@.service")["Service"]
    assert service["ExecStart"] == f"{PROGRAM} job %i"
    assert service["User"] != "root"
    lines = [
        line
        for line in (DEPLOY / "lungdb.crontab").read_text(encoding="utf-8").splitlines()
        if re.match(r"[\d*]", line)
    ]
    assert [re.findall(r"lungdb job (\w+)", line) for line in lines] == [[job] for job in JOBS]
    for line in lines:
        assert len(line.split(maxsplit=6)) == 7
        assert "%" not in line  # cron ends the command there


@pytest.mark.parametrize("path", DOCKERFILES, ids=_name)
def test_what_a_dockerfile_copies_is_there_and_not_left_out(path: Path) -> None:
    """From the checkout, which is its context; what another stage made is the other stage's."""
    copies = [shlex.split(argument) for word, argument in _instructions(path) if word == "COPY"]
    assert copies
    for words in copies:
        if any(word.startswith("--from=") for word in words):
            continue
        sources = [word for word in words if not word.startswith("--")][:-1]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source == "." or not _ignored(source), source


@pytest.mark.parametrize("path", DOCKERFILES, ids=_name)
def test_a_base_image_is_pinned(path: Path) -> None:
    """By a version of its own, which an argument names, so that a digest can take its place."""
    given = dict(argument.split("=", 1) for word, argument in _instructions(path) if word == "ARG" and "=" in argument)
    bases = [argument.split()[0] for word, argument in _instructions(path) if word == "FROM"]
    assert bases
    for base in bases:
        image = given[base.removeprefix("${").removesuffix("}")]
        assert re.search(r":\d+\.\d+", image), image


def test_no_settings_and_no_data_of_a_checkout_get_into_an_image() -> None:
    """A site's config.py has its secrets, a demonstration its database; the project's own module is no such file."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert _ignored("config.py")
    assert _ignored("demo")
    assert _ignored(".git")
    assert {"**/*.db", "**/config.py", "!lungdb/config.py"} <= set(patterns)
    assert not _ignored("lungdb/config.py")
    assert not _ignored("lungdb")


@pytest.mark.parametrize("folder", ["", "ci"])
def test_an_image_of_ours_runs_as_a_user_without_rights(folder: str) -> None:
    """The last USER is neither root nor 0."""
    users = [argument for word, argument in _instructions(DEPLOY / folder / "Dockerfile") if word == "USER"]
    assert users
    assert users[-1].split(":")[0] not in ("root", "0")


def test_every_dependency_is_pinned_to_a_release_that_the_project_takes() -> None:
    """Of the base install and of the extras that the image installs."""
    lines = (DEPLOY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    installed = re.search(r'install .*"\.\[([\w,]+)\]"', (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert installed is not None
    extras = ["", *installed.group(1).split(",")]
    wanted = [
        each
        for each in map(Requirement, requires("lungdb") or [])
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]
    assert len(wanted) > 10
    for each in wanted:
        assert each.specifier.contains(pinned[each.name.lower()], prereleases=True), each


def _services(path: Path) -> dict[str, Any]:
    composed = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(composed) <= {"name", "services", "volumes", "secrets", "x-lungdb"}
    return dict(composed["services"])


@pytest.mark.parametrize("path", COMPOSED, ids=_name)
def test_a_compose_file_names_what_is_there(path: Path) -> None:
    """Contexts, Dockerfiles, volumes and secrets; what listens does so on this machine alone."""
    composed = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, service in _services(path).items():
        context = (path.parent / service["build"]["context"]).resolve()
        assert context == ROOT, name
        assert (context / service["build"]["dockerfile"]).is_file(), name
        assert {each.split(":")[0] for each in service["volumes"]} <= composed["volumes"].keys(), name
        assert set(service["secrets"]) <= composed["secrets"].keys(), name
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", [])), name
        assert "privileged" not in service, name


def test_the_services_of_ours_run_commands_of_ours_without_rights() -> None:
    """Read only, no capability, no user of the machine's; what they run is a command of lungdb."""
    services = _services(DEPLOY / "compose.yaml")
    assert {"page", "worker", "jobs"} == services.keys()
    for name, service in services.items():
        assert service["command"][0] in COMMANDS, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["user"] == "10001:10001", name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_the_supervisor_starts_both_services_and_no_systemctl() -> None:
    """SQL Server as its own user; the script before it is one that bash can read."""
    read = configparser.ConfigParser(interpolation=None)
    read.read(DEPLOY / "sqlserver" / "supervisord.conf", encoding="utf-8")
    assert read["program:sqlservr"]["command"] == "/opt/mssql/bin/sqlservr"
    assert read["program:sqlservr"]["user"] == "mssql"
    assert read["program:launchpadd"]["command"].split()[0] == "/opt/mssql/bin/launchpadd"
    for path in (DEPLOY / "sqlserver").iterdir():
        commands = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert "systemctl" not in "\n".join(commands), path
    subprocess.run(["bash", "-n", DEPLOY / "sqlserver" / "start.sh"], check=True)


def test_the_page_of_the_image_answers_its_health_check(installed_file: Path, tmp_path: Path) -> None:
    """Both as the Dockerfile has them, in processes of their own, with the settings out of the file of secrets."""
    file = copy_to(tmp_path, installed_file)
    with closing(connect(target_of(file))) as connection:
        add_account(connection, "ana", None, "scorer", False)
    config = tmp_path / "lungdb_config"
    config.write_text(f'web_secret = "{SECRET}"\nweb_hosts = "ct.clinic.example"\nweb_scheme = "https"\n')
    words = dict(_instructions(DEPLOY / "Dockerfile"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LUNGDB_")}
    environment |= dict(each.split("=", 1) for each in words["ENV"].split() if each.startswith("LUNGDB_"))
    assert environment["LUNGDB_WEB_HOST"] == "0.0.0.0"
    environment |= {
        "LUNGDB_DATABASE": target_of(file), "LUNGDB_CONFIG": str(config), "LUNGDB_WEB_PORT": "0",
    }  # fmt: skip
    assert words["ENTRYPOINT"] == '["lungdb"]'
    command = [sys.executable, "-m", "lungdb.cli.main", *yaml.safe_load(words["CMD"])]
    check = yaml.safe_load(words["HEALTHCHECK"].split("CMD ", 1)[1])
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as page:
        try:
            assert page.stdout is not None
            port = re.search(r":(\d+)/", page.stdout.readline())
            assert port is not None
            script = check[-1].replace(":5000/", f":{port.group(1)}/")
            assert script != check[-1]
            subprocess.run([sys.executable, *check[1:-1], script], check=True, timeout=60)
        finally:
            page.kill()
    failed = subprocess.run([sys.executable, *check[1:-1], script], check=False, capture_output=True, timeout=60)
    assert failed.returncode != 0


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
def test_make_image_says_so_where_no_docker_answers() -> None:
    """One sentence of what is missing and what to do, and a status that is not 0."""
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    made = subprocess.run(
        ["make", "image"], cwd=ROOT, capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert made.returncode != 0
    assert made.stderr.startswith("There is no docker here that answers, so no image was built.")
