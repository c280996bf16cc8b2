#!/usr/bin/env bash
# Makes the database at the first start, then becomes the server. Writes to PGDATA, /var/run/postgresql and /tmp only.
set -euo pipefail

[[ ${1:-} == -* ]] && set -- postgres "$@"
[ "${1:-}" = postgres ] || exec "$@"

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
mkdir -p "$PGDATA"
chmod 700 "$PGDATA" 2>/dev/null || true # the folder of a volume may belong to another user

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo "PostgreSQL cannot be initialized: POSTGRES_PASSWORD is empty, expected the password of $user." >&2
    exit 1
  fi
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    --encoding=UTF8 --auth-local=trust --auth-host=scram-sha-256
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    postgres --single -D "$PGDATA" -j postgres <<<"CREATE DATABASE \"$database\" OWNER \"$user\";" >/dev/null
  fi
fi
exec "$@"
