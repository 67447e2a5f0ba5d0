#!/usr/bin/env bash
# Before the supervisor: the password out of a file, and the settings of the image into a volume that is new.
set -euo pipefail
if [ -n "${MSSQL_SA_PASSWORD_FILE:-}" ]; then
  MSSQL_SA_PASSWORD="$(cat "$MSSQL_SA_PASSWORD_FILE")"
  export MSSQL_SA_PASSWORD
fi
[ -e /var/opt/mssql/mssql.conf ] || install -o mssql -g mssql -m 0640 /opt/lungdb/mssql.conf /var/opt/mssql/mssql.conf
chown -R mssql:mssql /var/opt/mssql
exec "$@"
