"""The site's settings: its config.py, then LUNGDB_* environment variables, which win.

config.py is read, never executed: it holds lines of the form ``name = "text"`` and comments, so a copied or shared file
cannot run code. `config.example.py` shows every setting.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from lungdb.errors import LungdbError


@dataclass(frozen=True)
class Settings:
    """The settings of a site. repr shows no secret: an ODBC connection string may hold a password, too.

    Attributes
    ----------
    database : str
        Where the database is, as `lungdb.database.connect` takes it. LUNGDB_DATABASE.
    id_key : str
        The secret that patient ids and UIDs are hashed with, at least 16 characters; empty when the site has none.
        LUNGDB_ID_KEY.
    worker_calls, worker_megabytes : str
        How long a process stays that the embedded engine keeps for the scripts of lungdb's own procedures: for so many
        calls, and no longer than its memory is below so many megabytes when a call has ended.
    worker_seconds : str
        How long one call of such a script may take before its process is ended; empty for as long as it does, since a
        training may take hours.
    web_host, web_port : str
        Where `lungdb serve` listens.
    web_secret : str
        What the page's cookies are signed with, at least 16 characters; empty makes one for each start of the server.
    web_hosts : str
        The names and addresses by which browsers reach the page, with commas between them; needed with web_user_header,
        web_scheme ``https`` or a web_host beyond this machine, whose own names always do.
    web_user_header : str
        The request header in which a trusted reverse proxy names who is signed in, in UTF-8; empty when there is none.
        The proxy must delete that header from what browsers send.
    web_proxy : str
        The address from which that proxy calls; the header is not believed from elsewhere. Every program that can call
        from it is trusted: with 127.0.0.1 all users of this machine are.
    web_scheme : str
        ``https`` where browsers reach the page so: cookies are then sent over HTTPS only.
    web_cache : str
        ``private`` lets a browser keep slices, volumes and animations, about which it asks each time; ``none`` has it
        keep nothing that is of a patient, as on a workstation that many use.
    web_model : str
        Name of the model that "Analyze scan" runs; the version that the name serves.
    web_metrics : str
        Who may read /metrics: empty for nobody, ``loopback`` for programs of this machine, ``token`` for accounts.
    web_log, web_log_level : str
        The log of `lungdb serve`: ``text`` or ``json``, and from which level on: debug, info, warning or error. Every
        request is logged from info on, those that were refused as warnings.
    web_ohif : str
        The folder with OHIF's build, which the page then serves under /ohif; empty for none.
    web_uploads : str
        How many megabytes of DICOM files an upload on the page may have; empty where nobody may load any there.
    web_load_database : str
        The connection by which they are loaded, because the page's own login has no right to; empty for `database`.
    web_keep_ids : str
        ``yes`` where they are stored with their ids as load-scans --keep-ids stores them; empty: hashed by `id_key`.
    """

    database: str = field(default="sqlite:///lung_cancer_database.db", repr=False)
    id_key: str = field(default="", repr=False)
    worker_calls: str = "1000"
    worker_megabytes: str = "2048"
    worker_seconds: str = ""
    web_host: str = "127.0.0.1"
    web_port: str = "5000"
    web_secret: str = field(default="", repr=False)
    web_hosts: str = ""
    web_user_header: str = ""
    web_proxy: str = "127.0.0.1"
    web_scheme: str = "http"
    web_cache: str = "private"
    web_model: str = "lightgbm_sql"
    web_metrics: str = ""
    web_log: str = "text"
    web_log_level: str = "warning"
    web_ohif: str = ""
    web_uploads: str = ""
    web_load_database: str = field(default="", repr=False)
    web_keep_ids: str = ""


NAMES = tuple(setting.name for setting in fields(Settings))


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Parameters
    ----------
    environment : mapping of str to str
        LUNGDB_CONFIG names the file, else ``config.py`` of the working directory is read if it is there.

    Raises
    ------
    LungdbError
        The file that LUNGDB_CONFIG names is missing, or a line is not a setting.
    """
    values: dict[str, str] = {}
    named = environment.get("LUNGDB_CONFIG")
    path = Path(named or "config.py")
    if named or path.is_file():
        values = _read_config(path)
    for name in NAMES:
        value = environment.get(f"LUNGDB_{name.upper()}")
        if value is not None:
            values[name] = value
    return Settings(**values)


def _read_config(path: Path) -> dict[str, str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LungdbError(f"The configuration '{path}' cannot be read. Check LUNGDB_CONFIG and the file.") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise LungdbError(f'{path}, line {line} is not Python. Write lines of the form name = "text".') from error
    values = {}
    for statement in tree.body:
        match statement:
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as value)):
                _check_name(name, f"{path}, line {statement.lineno}")
                values[name] = value
            case _:
                raise LungdbError(
                    f"{path}, line {statement.lineno} is not a setting. "
                    'The file is not executed: write lines of the form name = "text".'
                )
    return values


def _check_name(name: str, where: str) -> None:
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(NAMES)}."
        raise LungdbError(f"{where}: there is no setting '{name}'. {hint}")
