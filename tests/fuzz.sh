#!/usr/bin/env bash
# Sends generated records, many of them broken, through consumers and looks what became of each: tests/fuzz.sh [options]
#
#   tests/fuzz.sh                              1,000,000 records of a new seed, about half an hour
#   tests/fuzz.sh --records 20000 --seed 1     a short run whose records are given
#
# The last line is `records N handled N skipped N dead N repeats N missing 0 twice 0`; exits non-zero when a record is missing or
# twice, when sums do not match, or when the engine had trouble that it had no answer to.
# Needs KAFKA_HOME (or EVENTBUS_TEST_KAFKA) and PostgreSQL's server. Configuration=Debug runs a debug build.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1

"$root/.build/setup.sh" --tests
output=$(dotnet build "$root/tests/Cuckoo.EventBus.Fuzz" -nologo -v quiet 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }

# In this process's place, so that signals reach the program itself.
exec dotnet "$root/tests/Cuckoo.EventBus.Fuzz/bin/$Configuration/net10.0/Cuckoo.EventBus.Fuzz.dll" "$@"
