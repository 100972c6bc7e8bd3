#!/usr/bin/env bash
# Sets up what the machine lacks, builds the shop and runs it: samples/run.sh [options]
#
#   samples/run.sh                         200 orders, embedded broker, SQLite: needs nothing but the .NET SDK
#   samples/run.sh --help                  all options
#   samples/run.sh --orders 2000 --kafka localhost:9092 --postgres "Host=localhost;Username=postgres;Password=postgres"
#
# The exit code is the demo's: 0 when the books balance. Configuration=Debug in the environment runs a debug build.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1

"$root/.build/setup.sh"
echo "Building the shop ($Configuration) …" >&2
output=$(dotnet build "$root/samples/Shop.Demo" -nologo -v quiet 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }

# In this process's place, so that signals reach the demo itself.
exec dotnet "$root/samples/Shop.Demo/bin/$Configuration/net10.0/Shop.Demo.dll" "$@"
