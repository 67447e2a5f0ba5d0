"""Copy this file to config.py, which git ignores, and change it.

It is read, not executed: only lines of the form name = "text" may stand here. An environment variable LUNGDB_<NAME>,
such as LUNGDB_DATABASE, takes precedence over its line.
"""

# Where the database is. The embedded engine, a file that needs no server:
database = "sqlite:///lung_cancer_database.db"
# or SQL Server, through ODBC; docs/install-sql-server.md says what Encrypt and TrustServerCertificate are for:
# database = "Driver={ODBC Driver 18 for SQL Server};Server=HOST;Database=lung_cancer_database;Trusted_Connection=yes;Encrypt=yes;TrustServerCertificate=no"

# The secret that patient ids and UIDs are hashed with before they are stored. Keep a copy in a safe place: without it
# later scans and labels of the same patients cannot be matched. Make one with
#     python -c "import secrets; print(secrets.token_hex(32))"
# It may stay empty for data that are already de-identified (load_scans --keep-ids).
id_key = ""

# The embedded engine keeps a process for the scripts of lungdb's own procedures. It makes a new one after so many calls,
# and when the memory of the old one is above so many megabytes after a call.
worker_calls = "1000"
worker_megabytes = "2048"
# How many seconds one such call may take before it is ended. Empty: as long as it does; a training may take hours.
worker_seconds = ""

# The web page, `lungdb serve`: where it listens. Beyond this machine (another web_host) it needs accounts, a web_secret
# and web_hosts.
web_host = "127.0.0.1"
web_port = "5000"
# What cookies are signed with, at least 16 characters, made as id_key is. Empty: every start makes one, and signs all
# out.
web_secret = ""
# The names by which browsers reach the page, with commas between them, such as "ct.clinic.example, 10.1.2.3". Needed
# beyond this machine, with web_user_header and with web_scheme "https"; localhost and 127.0.0.1 always do.
web_hosts = ""
# Sign-in by a reverse proxy: the header in which it gives the name of an account, in UTF-8, and the address from which
# it calls. The proxy must delete that header from what browsers send, and whoever can call from that address is
# believed: with 127.0.0.1 that is every user of this machine. Empty: people sign in with a password.
web_user_header = ""
web_proxy = "127.0.0.1"
# "https" where browsers reach the page by HTTPS: cookies are then sent over HTTPS only.
web_scheme = "http"
# "private": a browser may keep the slices that it was shown, and asks about each before it shows it again. "none": it keeps
# nothing of patients, and loads a scan anew each time; for workstations that many use.
web_cache = "private"
# The model that "Analyze scan" runs.
web_model = "lightgbm_sql"
# Who may read /metrics, for Prometheus. Empty: nobody. "loopback": programs of this machine, without an account, where no
# reverse proxy calls from it. "token": whoever has a token of an account, as `lungdb accounts token` makes one.
web_metrics = ""
# The log of `lungdb serve`: "text", or "json" without addresses; and from which level on: debug, info (every request),
# warning (what was refused or failed) or error.
web_log = "text"
web_log_level = "warning"
# The folder of OHIF's build, which the page then serves under /ohif (make ohif brings it to web/ohif). Empty: none.
web_ohif = ""
# How many megabytes of DICOM files may be loaded at a time on the page, such as "2000", by accounts with the right to
# (lungdb accounts role NAME --loads-scans); docs/web.md tells what is to be set up. Empty: nobody loads any there.
web_uploads = ""
# The connection by which they are loaded: on SQL Server one of a login in the role lungdb_loader. Empty: as database.
web_load_database = ""
# "yes" stores them with the ids that they have, as load-scans --keep-ids does; empty: hashed with id_key.
web_keep_ids = ""
