#!/usr/bin/env bash
# Shows what the bus does, behaviour by behaviour, on both pairs of broker and database: tests/conformance.sh [options] [filter]
#
#   tests/conformance.sh                             all behaviours, as a table
#   tests/conformance.sh Inbox                       those whose area or name contains the text
#   tests/conformance.sh --markdown RESULTS.md       keeps the table as Markdown too
#
# The last line is `N behaviours: N passed, N failed, N skipped`, counted over both pairs. Exits non-zero when one failed or was not
# shown on both. Needs KAFKA_HOME (or EVENTBUS_TEST_KAFKA) and PostgreSQL's server for the second pair; without them it is skipped.
# Configuration=Debug runs a debug build.
set -euo pipefail

# A run that hangs has to end. Several times what it takes.
readonly limit=${EVENTBUS_TEST_LIMIT:-15m}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1

filter=() table=()
while (($#)); do
    case $1 in
        --markdown) table+=(--markdown "${2:?--markdown needs a file}"); shift 2 ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \?//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        -*) echo "Unknown option $1; --help lists them." >&2; exit 2 ;;
        *) filter=(-method "*$1*"); shift ;;
    esac
done

"$root/.build/setup.sh" --tests
output=$(dotnet build "$root/tests/Cuckoo.EventBus.Conformance" -nologo -v quiet 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'echo "Interrupted." >&2; exit 130' INT

# What fails is told as it happens; the table follows.
timeout --foreground -k 30s "$limit" dotnet "$root/tests/Cuckoo.EventBus.Conformance/bin/$Configuration/net10.0/Cuckoo.EventBus.Conformance.dll" \
    -noLogo -noColor -xml "$folder/report.xml" "${filter[@]}" >"$folder/log" 2>&1 || true
sed -n '/\[FAIL\]$/,/^    [^ ].*\[\(FAIL\|SKIP\)\]$\|^=== /{/^=== /!p}' "$folder/log"
if [[ ! -s $folder/report.xml ]]; then
    tail -n 30 "$folder/log" >&2
    echo "The tests ended without a report." >&2
    exit 1
fi
/usr/bin/python3 "$root/tests/Cuckoo.EventBus.Conformance/table.py" "$folder/report.xml" "${table[@]}"
