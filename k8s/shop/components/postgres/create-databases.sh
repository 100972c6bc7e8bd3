#!/usr/bin/env bash
# Makes the server's users and databases what the files of /passwords say: for each file, named after a service, a user with
# that password and a database of its own. What is there stays, and passwords are set anew, so this may run as often as one likes.
#
#   PGHOST, PGUSER, PGPASSWORD   the server, and someone who may create users and databases
#   PASSWORDS                    the folder, default /passwords
#   WAIT_SECONDS                 how long to wait for the server, default 300
set -euo pipefail

readonly passwords=${PASSWORDS:-/passwords}
shopt -s nullglob
files=("$passwords"/*)
((${#files[@]})) || { echo "error: there are no passwords in $passwords." >&2; exit 1; }

deadline=$((SECONDS + ${WAIT_SECONDS:-300}))
until pg_isready --quiet; do
    ((SECONDS < deadline)) || { echo "error: no server answers at $PGHOST: is its pod ready?" >&2; exit 1; }
    echo "waiting for $PGHOST"
    sleep 1
done

for file in "${files[@]}"; do
    name=${file##*/}
    # psql reads the file itself: what stands on a command line can be read by every process of the pod.
    psql --no-psqlrc --quiet --dbname postgres --set ON_ERROR_STOP=1 --set "name=$name" --set "file=$file" <<'SQL'
\set password `cat :'file'`
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
-- Only its owner gets in.
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
    echo "$name: user and database as they should be"
done
