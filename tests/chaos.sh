#!/usr/bin/env bash
# Builds the chaos program and has it try what the library promises while things fail: tests/chaos.sh outbox|consumer [options]
#
#   tests/chaos.sh outbox --kills 200              workers killed, stopped, cut off; brokers and database restarted: about 12 min
#   tests/chaos.sh consumer --kills 200            the same for consumers, whose group besides comes and goes: about 25 min
#   tests/chaos.sh outbox --seed 1 --kills 12      a short run whose sequence of failures is given: about 1 min
#   tests/chaos.sh outbox --scenario database      one kind of failure (kill, stop, broker, database, network, leaderless, clock)
#   tests/chaos.sh consumer --scenario rebalance   members join and leave every second for a minute
#   tests/chaos.sh consumer --protocol consumer    how the group is formed: cooperative, eager, or consumer (KIP-848)
#   tests/chaos.sh outbox --self-test              with a known flaw each time, which must be caught
#   tests/chaos.sh --help                          all options
#
# The last line is `kills N lost 0 invented 0 reordered 0 left 0 duplicates N` for the outbox, and begins with
# `kills N lost 0 double 0 reordered 0 stuck 0` for consumers; exits non-zero when one of the four is not 0.
# Needs KAFKA_HOME and PostgreSQL's server; TOXIPROXY_HOME for cut connections. Configuration=Debug runs a debug build.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1

"$root/.build/setup.sh" --tests
output=$(dotnet build "$root/tests/Cuckoo.EventBus.Chaos" -nologo -v quiet 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }

# In this process's place, so that signals reach the program itself, which ends what it has started.
exec dotnet "$root/tests/Cuckoo.EventBus.Chaos/bin/$Configuration/net10.0/Cuckoo.EventBus.Chaos.dll" "$@"
