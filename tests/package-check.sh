#!/usr/bin/env bash
# Packs the library, looks into the packages, and has a new service use them, far from this repository's build files.
# With KAFKA_HOME set the service talks to a real broker, started for it here; else to the embedded one.
set -euo pipefail

# The limit on a broker's start; it takes under 10 s on an idle machine.
readonly broker_start_limit=90   # seconds

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
feed=$root/artifacts/packages
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1

fail() {
    printf 'package-check: %s\n' "$1" >&2
    shift
    if (($#)); then printf '  %s\n' "$@" >&2; fi
    exit 1
}

broker_pid=""
work=$(mktemp -d)
clean_up() {
    if [[ $broker_pid ]]; then
        kill "$broker_pid" 2>/dev/null || true
        wait "$broker_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT

# --- The packages --------------------------------------------------------------------------------------------------------

contents_of() { unzip -Z1 "$1"; }

# (grep -q would end at the first match, and the writer with a broken pipe.)
expect_file() { contents_of "$1" | grep -xF "$2" >/dev/null || fail "${1##*/} has no $2."; }

# Says when the dependencies are other than expected; a pattern stands for any number of packages.
check_dependencies() {
    local package=$1 nuspec=$2 dependency pattern
    shift 2
    local -a found
    mapfile -t found < <(grep -o '<dependency id="[^"]*"' <<<"$nuspec" | cut -d'"' -f2)
    for dependency in "${found[@]}"; do
        for pattern in "$@"; do
            # shellcheck disable=SC2053 # a pattern on purpose
            [[ $dependency == $pattern ]] && continue 2
        done
        fail "$package depends on $dependency, which is not expected."
    done
    for pattern in "$@"; do
        for dependency in "${found[@]}"; do
            # shellcheck disable=SC2053 # a pattern on purpose
            [[ $dependency == $pattern ]] && continue 2
        done
        fail "$package does not depend on $pattern, which is expected."
    done
}

# check_package ID [expected dependency or pattern…]
check_package() {
    local id=$1 file=$feed/$1.$version.nupkg symbols=$feed/$1.$version.snupkg nuspec
    shift
    [[ -f $file ]] || fail "${file##*/} was not packed."
    [[ -f $symbols ]] || fail "${symbols##*/} was not packed."
    nuspec=$(unzip -p "$file" "$id.nuspec")
    expect_file "$file" README.md
    expect_file "$file" "lib/net10.0/$id.dll"
    expect_file "$file" "lib/net10.0/$id.xml"
    expect_file "$symbols" "lib/net10.0/$id.pdb"
    grep -q '<readme>README.md</readme>' <<<"$nuspec" || fail "$id does not name its README."
    grep -q '<license type="expression">MIT</license>' <<<"$nuspec" || fail "$id has no licence expression."
    if contents_of "$file" | grep 'librdkafka' >/dev/null; then fail "$id carries librdkafka; Confluent.Kafka brings it."; fi
    check_dependencies "$id" "$nuspec" "$@"
    echo "$id $version: README, licence, documentation, symbols, $# expected dependencies"
}

"$root/.build/setup.sh"
command -v unzip >/dev/null || fail "unzip is not installed."
rm -rf "$feed"
for project in "$root"/src/*/*.csproj; do
    dotnet pack "$project" -o "$feed" -nologo -v quiet -clp:NoSummary
done
version=$(dotnet msbuild "$root/src/Cuckoo.EventBus/Cuckoo.EventBus.csproj" -nologo -getProperty:PackageVersion)

check_package Cuckoo.EventBus.Abstractions
check_package Cuckoo.EventBus Cuckoo.EventBus.Abstractions Confluent.Kafka Microsoft.EntityFrameworkCore.Relational \
    Polly.Core OpenTelemetry.Api.ProviderBuilderExtensions 'Microsoft.Extensions.*'
check_package Cuckoo.EventBus.Testing Cuckoo.EventBus Confluent.Kafka

# --- A new service -------------------------------------------------------------------------------------------------------

service=$work/new-service
mkdir "$service"
cp "$root/tests/package-check/NewService.csproj.template" "$service/NewService.csproj"
cp "$root/tests/package-check/Program.cs.template" "$service/Program.cs"

# Our packages come from the feed into a folder of their own, so that none of an earlier build is taken instead.
# The machine's folder of packages is only read from, for all others.
cat >"$service/nuget.config" <<CONFIG
<configuration>
  <config><add key="globalPackagesFolder" value="$work/packages" /></config>
  <fallbackPackageFolders><add key="machine" value="$(dotnet nuget locals global-packages --list | sed 's/^[^:]*: //')" /></fallbackPackageFolders>
  <packageSources><add key="packed here" value="$feed" /></packageSources>
</configuration>
CONFIG

# What .build/setup.sh does for this repository where the package registry lacks librdkafka.
if grep -qs '<LibrdkafkaFromSource>true<' "$root/artifacts/setup.props"; then
    cat >"$service/Directory.Build.targets" <<TARGETS
<Project>
  <ItemGroup>
    <PrunePackageReference Include="librdkafka.redist" Version="32767.0.0" />
    <None Include="$root/artifacts/native/librdkafka.so" Link="librdkafka.so" CopyToOutputDirectory="PreserveNewest" />
  </ItemGroup>
</Project>
TARGETS
fi

sqlite_version=$(sed -nE 's/.*Include="Microsoft.EntityFrameworkCore.Sqlite" Version="([^"]+)".*/\1/p' "$root/Directory.Packages.props")
dotnet build "$service/NewService.csproj" -o "$service/out" -nologo -v quiet -clp:NoSummary \
    -p:EventBusVersion="$version" -p:SqliteVersion="$sqlite_version"
[[ -d $work/packages/cuckoo.eventbus/$version ]] || fail "The new service was not built from the packages packed just now."
echo "A new service with only package references builds."

free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)); do
        # Nobody answers: free.
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s' "$port"; return; }
    done
}

start_broker() {
    local port controller_port
    port=$(free_port)
    controller_port=$(free_port)
    cat >"$work/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$work/kafka
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
PROPERTIES
    export LOG_DIR=$work/kafka-logs
    "$KAFKA_HOME/bin/kafka-storage.sh" format -t "$("$KAFKA_HOME/bin/kafka-storage.sh" random-uuid)" -c "$work/server.properties" \
        >"$work/broker.log" 2>&1 || { tail -n 20 "$work/broker.log" >&2; fail "The broker's storage could not be formatted."; }
    KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx256m} "$KAFKA_HOME/bin/kafka-server-start.sh" "$work/server.properties" \
        >>"$work/broker.log" 2>&1 &
    broker_pid=$!
    # The port accepts connections before the broker serves: wait for an answer.
    local started=$SECONDS
    until "$KAFKA_HOME/bin/kafka-topics.sh" --bootstrap-server "127.0.0.1:$port" --list >/dev/null 2>&1; do
        if ! kill -0 "$broker_pid" 2>/dev/null || ((SECONDS - started > broker_start_limit)); then
            tail -n 20 "$work/broker.log" >&2
            fail "The broker ended, or did not answer within $broker_start_limit s."
        fi
        sleep 1
    done
    export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$port
}

unset KAFKA_BOOTSTRAP_SERVERS
if [[ ${KAFKA_HOME:-} ]]; then start_broker; fi
(cd "$service" && dotnet out/NewService.dll >"$work/service.log" 2>&1) ||
    { tail -n 40 "$work/service.log" >&2; fail "The new service failed (above)."; }
grep 'The event arrived' "$work/service.log"
