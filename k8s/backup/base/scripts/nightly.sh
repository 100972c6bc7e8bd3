#!/usr/bin/env bash
# Exports into FOLDER/TIME, and deletes exports there that are older than KEEP_DAYS (default 14, at least 7). The seven
# newest stay however old they are: after a long pause the first run must not leave a single one.
#
#   nightly.sh FOLDER
#
# Everything else is set as for export.sh, by the environment.

set -euo pipefail
export LC_ALL=C TZ=UTC

folder=${1:?the folder that holds the exports}
keep_days=${KEEP_DAYS:-14}
KEEP_AT_LEAST=7

if ! [[ $keep_days =~ ^[0-9]+$ ]] || ((10#$keep_days < 7)); then
    echo "KEEP_DAYS is $keep_days. Set it to 7 or more." >&2
    exit 1
fi

printf -v name '%(%Y-%m-%dT%H%M%SZ)T' -1
exit_code=0
"$(dirname "${BASH_SOURCE[0]}")/export.sh" "$folder/$name" || exit_code=$?
# 3: exported, with something to be told.
((exit_code == 0 || exit_code == 3)) || exit "$exit_code"

printf -v now '%(%s)T' -1
printf -v oldest '%(%Y-%m-%dT%H%M%SZ)T' "$((now - 10#$keep_days * 86400))"
whole=()
for manifest in "$folder"/????-??-??T??????Z/MANIFEST; do whole+=("$(dirname "$manifest")"); done
for ((i = 0; i < ${#whole[@]} - KEEP_AT_LEAST; i++)); do
    if [[ ${whole[i]##*/} < $oldest ]]; then
        rm -rf "${whole[i]}"
        echo "Deleted ${whole[i]}, older than $keep_days days."
    fi
done
# Left by a run that was killed. A run that goes on is younger: the CronJob allows it minutes.
find "$folder" -maxdepth 1 -name '.unfinished-*' -mtime +0 -exec rm -rf {} +

exit "$exit_code"
