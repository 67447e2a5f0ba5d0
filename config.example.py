"""Copy this file to config.py, which git ignores, and change it.

It is read, not executed: only lines of the form name = "text" may stand here. An environment variable LUNGDB_<NAME>,
such as LUNGDB_DATABASE, takes precedence over its line.
"""

# Where the database is. The embedded engine, a file that needs no server:
database = "sqlite:///lung_cancer_database.db"
# or SQL Server, through ODBC:
# database = "Driver={ODBC Driver 18 for SQL Server};Server=HOST;Database=lung_cancer_database;Trusted_Connection=yes"

# The secret that patient ids and UIDs are hashed with before they are stored. Keep a copy in a safe place: without it
# later scans and labels of the same patients cannot be matched. Make one with
#     python -c "import secrets; print(secrets.token_hex(32))"
# It may stay empty for data that are already de-identified (load_scans --keep-ids).
id_key = ""
