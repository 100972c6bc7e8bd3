#!/usr/bin/env bash
# What the official image's entrypoint does, as far as k8s/shop relies on it: makes a new volume's server with the password
# of POSTGRES_PASSWORD_FILE, listens on all addresses, and stops fast on TERM (the image says STOPSIGNAL SIGINT).
set -euo pipefail

if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
if [[ ${1:-} != postgres ]]; then exec "$@"; fi

mkdir -p "${PGDATA:?}"
chmod 0700 "$PGDATA"
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    initdb --username=postgres --pwfile="${POSTGRES_PASSWORD_FILE:?}" --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
"$@" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql &
server=$!
trap 'kill -INT "$server"' TERM
# The first wait ends with the signal, the second with the server.
wait "$server" || wait "$server"
