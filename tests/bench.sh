#!/usr/bin/env bash
# Measures the library against what can be written by hand: tests/bench.sh [--list] [OPTION…] [NAME…]
#
#   tests/bench.sh                              all measures (about two hours)
#   tests/bench.sh relay-drain consume-raw      some
#   tests/bench.sh --list                       names them
#   tests/bench.sh relay-flat --rows 5000000    with another number of rows, events, records, orders or parked keys
#
#   --rounds N     rounds of each measure, of which the medians count (3)
#   --seconds N    how long measures take that run at a rate
#   --linger MS    the producers' linger, the same on both sides; without it the bus keeps its own
#
# Starts Kafka from KAFKA_HOME (or uses the broker that EVENTBUS_TEST_KAFKA names) and PostgreSQL, with fsync, from the
# machine's binaries. Prints a line per measure, `name | ours | limit | ratio | goal | ok or short`, and writes the same with
# every round to artifacts/bench/. tests/Cuckoo.EventBus.Benchmarks/README.md says how to read it.
# Exits non-zero when a measure could not be taken, not when one falls short.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
project=$root/tests/Cuckoo.EventBus.Benchmarks
export DOTNET_NOLOGO=1

"$root/.build/setup.sh" --tests >&2
dotnet build "$project" -c Release -nologo -v quiet -clp:NoSummary >&2
program=$(dotnet msbuild "$project" -nologo -p:Configuration=Release -getProperty:TargetPath)

# A broker for long and fast runs: the tests' own starts quickly instead.
export KAFKA_JVM_PERFORMANCE_OPTS=${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseSerialGC}
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xms1g -Xmx1g}
export EVENTBUS_BENCH_OUTPUT=$root/artifacts/bench
EVENTBUS_BENCH_COMMIT=$(git -C "$root" describe --always --dirty 2>/dev/null || true)
export EVENTBUS_BENCH_COMMIT

# The servers' files, gigabytes of them, go with this script however it ends. PostgreSQL may run as another user.
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 711 "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

dotnet "$program" "$@"
