#!/usr/bin/env bash
# See it happen: the shop's four services as processes of their own, orders for them, and Jaeger, Prometheus and Grafana to look with.
#
#   samples/observe.sh                  two orders a second, until Ctrl-C
#   samples/observe.sh --orders 50      only so many, and stays until Ctrl-C
#   samples/observe.sh --kafka localhost:9092 --postgres "Host=localhost;Username=postgres;Password=postgres"
#   samples/observe.sh --ports 21000    at this port and those behind it rather than at the usual ones
#   samples/observe.sh --no-build       as it was built before
#
# It needs Kafka: KAFKA_HOME names an unpacked distribution, of which it starts a broker of its own (Java 17), or --kafka one that
# runs. An embedded one won't do: its records have no time, so nobody could tell how late they are.
# It takes what else is there, and says what is missing: JAEGER_HOME, a folder with Jaeger's program (`jaeger`, or packed,
# `jaeger.xz`); prometheus, on the PATH or where .build/setup.sh --tests unpacks it; grafana-server.
# The databases are SQLite files unless --postgres names a server. All of it listens on this machine's own address only, and ends,
# with its files, on Ctrl-C.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Release}   # MSBuild reads it
export DOTNET_NOLOGO=1
readonly services=(Orders Payments Inventory Notifications)
readonly start_limit=120   # seconds; a busy machine takes half a minute for all

orders='' kafka='' postgres='' ports='' build=true folder=''
service_ids=() server_ids=()
declare -A port=()

say() { printf '%-13s %s\n' "$1" "$2"; }

die() {
    printf 'observe: %s\n' "$@" >&2
    exit 2
}

usage() { sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

# --- Processes ---------------------------------------------------------------------------------------------------------

# start NAME COMMAND…: in the background, which a Ctrl-C at the terminal does not reach.
start() {
    local name=$1
    shift
    "$@" >"$folder/$name.log" 2>&1 </dev/null &
}

# until_it NAME PROCESS COMMAND…: until the command succeeds.
until_it() {
    local name=$1 process=$2 began=$SECONDS
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$process" 2>/dev/null || ((SECONDS - began > start_limit)); then
            tail -n 20 "$folder/$name.log" >&2
            printf 'observe: %s did not start (above).\n' "$name" >&2
            exit 1
        fi
        sleep 0.2
    done
}

# shellcheck disable=SC2317 # called by until_it
answers() { curl -sf -o /dev/null "http://127.0.0.1:$1"; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

all_run() {
    local process
    for process in "${service_ids[@]}" "${server_ids[@]}"; do kill -0 "$process" 2>/dev/null || return 1; done
}

# In order, and by force what takes longer than the 20 s that the bus gives handlers, and some.
end() {
    local process tenths
    (($#)) || return 0
    kill -TERM "$@" 2>/dev/null || true
    for process in "$@"; do
        for ((tenths = 0; tenths < 300; tenths++)); do
            kill -0 "$process" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$process" 2>/dev/null || true
    done
}

finish() {
    trap '' INT TERM
    trap - EXIT
    if [[ $folder ]]; then
        echo "Ending …"
        end "${service_ids[@]}"
        end "${server_ids[@]}"
        rm -rf "$folder"
    fi
}

# --- What is there -----------------------------------------------------------------------------------------------------

while (($#)); do
    case $1 in
        --orders | --kafka | --postgres | --ports)
            (($# > 1)) || die "$1 needs a value. See --help."
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        --no-build) build=false ;;
        -h | --help) usage; exit ;;
        *) die "There is no option $1. See --help." ;;
    esac
    shift
done
[[ $orders =~ ^[0-9]*$ ]] || die "--orders $orders is not a number."
[[ $ports =~ ^[0-9]*$ ]] || die "--ports $ports is not a number."

# take NAME USUAL: where it will listen.
take() { if [[ $ports ]]; then port[$1]=$((ports + ${#port[@]})); else port[$1]=$2; fi; }
take Orders 5001; take Payments 5002; take Inventory 5003; take Notifications 5004
take jaeger 16686; take prometheus 9090; take grafana 3000; take kafka 9092; take controller 9093; take otlp 4317

jaeger='' prometheus='' grafana='' missing=()
if [[ ${JAEGER_HOME:-} ]]; then
    jaeger=$JAEGER_HOME/jaeger
    [[ -e $jaeger || -e $jaeger.xz ]] || die "JAEGER_HOME=$JAEGER_HOME has neither jaeger nor jaeger.xz."
else
    missing+=("Jaeger: JAEGER_HOME is not set, so there are no traces to look at.")
fi
prometheus=$(PATH=$PATH:$root/artifacts/tools command -v prometheus) ||
    missing+=("Prometheus: prometheus is not installed, so there are no metrics and alerts to look at. .build/setup.sh --tests gets it on Debian.")
grafana=$(command -v grafana-server) || missing+=("Grafana: grafana-server is not installed. The board to import is k8s/monitoring/base/grafana/kafka-event-bus.json.")
if ((${#missing[@]})); then printf 'missing: %s\n' "${missing[@]}"; fi
[[ $kafka || ${KAFKA_HOME:-} ]] || die "There is no Kafka: set KAFKA_HOME to an unpacked distribution, or name a broker by --kafka HOST:PORT."

wanted=("${services[@]}")
if [[ $jaeger ]]; then wanted+=(jaeger otlp); fi
if [[ $prometheus ]]; then wanted+=(prometheus); fi
if [[ $grafana ]]; then wanted+=(grafana); fi
if [[ ! $kafka ]]; then wanted+=(kafka controller); fi
for name in "${wanted[@]}"; do
    if listens "${port[$name]}"; then die "Port ${port[$name]}, for ${name,}, is taken. Take others: --ports 21000."; fi
done

if [[ $build == true ]]; then
    "$root/.build/setup.sh"
    echo "Building the shop ($Configuration) …"
    for service in "${services[@]}"; do
        output=$(dotnet build "$root/samples/Shop.$service" -nologo -v quiet 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }
    done
fi

folder=$(mktemp -d)
trap finish EXIT
trap 'exit 0' INT TERM

# --- Servers -----------------------------------------------------------------------------------------------------------

if [[ ! $kafka ]]; then
    kafka=127.0.0.1:${port[kafka]}
    cat >"$folder/kafka.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${port[controller]}
listeners=PLAINTEXT://$kafka,CONTROLLER://127.0.0.1:${port[controller]}
advertised.listeners=PLAINTEXT://$kafka
controller.listener.names=CONTROLLER
log.dirs=$folder/kafka
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
END
    export LOG_DIR=$folder KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx256m}
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab')
    "$KAFKA_HOME/bin/kafka-storage.sh" format -t "${id:0:22}" -c "$folder/kafka.properties" >"$folder/format.log" 2>&1 || {
        cat "$folder/format.log" >&2
        exit 1
    }
    start kafka "$KAFKA_HOME/bin/kafka-server-start.sh" "$folder/kafka.properties"
    server_ids+=($!)
    until_it kafka $! grep -q 'Kafka Server started' "$folder/kafka.log"
fi

if [[ $jaeger ]]; then
    if [[ ! -e $jaeger ]]; then
        xz -dc "$jaeger.xz" >"$folder/jaeger"
        chmod +x "$folder/jaeger"
        jaeger=$folder/jaeger
    fi
    # Nobody uses the others; 0 is any free port, and what they are is nobody's business.
    start jaeger-server env SPAN_STORAGE_TYPE=memory "$jaeger" --collector.otlp.enabled=true --log-level=warn \
        "--query.http-server.host-port=127.0.0.1:${port[jaeger]}" "--collector.otlp.grpc.host-port=127.0.0.1:${port[otlp]}" \
        --{collector.otlp.http,query.grpc-server,admin.http,collector.grpc-server,collector.http-server,http-server}.host-port=127.0.0.1:0 \
        --processor.{jaeger-binary,jaeger-compact,zipkin-compact}.server-host-port=127.0.0.1:0
    server_ids+=($!)
    until_it jaeger-server $! answers "${port[jaeger]}/api/services"
    export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${port[otlp]} OTEL_BSP_SCHEDULE_DELAY=500
fi

if [[ $prometheus ]]; then
    "$root/k8s/monitoring/rules.sh" >"$folder/kafka-event-bus.rules.yml"
    {
        echo 'global: {scrape_interval: 2s, evaluation_interval: 5s}'
        echo 'rule_files: [kafka-event-bus.rules.yml]'
        echo 'scrape_configs:'
        for service in "${services[@]}"; do
            echo "- {job_name: ${service,}, static_configs: [{targets: [\"127.0.0.1:${port[$service]}\"]}]}"
        done
    } >"$folder/prometheus.yml"
    start prometheus "$prometheus" "--config.file=$folder/prometheus.yml" "--storage.tsdb.path=$folder/prometheus" \
        "--web.listen-address=127.0.0.1:${port[prometheus]}" --log.level=warn
    server_ids+=($!)
    until_it prometheus $! answers "${port[prometheus]}/-/ready"
fi

if [[ $grafana ]]; then
    mkdir -p "$folder/provisioning/datasources" "$folder/provisioning/dashboards"
    cat >"$folder/provisioning/datasources/all.yml" <<END
apiVersion: 1
datasources:
  - {name: Prometheus, type: prometheus, access: proxy, url: "http://127.0.0.1:${port[prometheus]}", isDefault: true}
  - {name: Jaeger, type: jaeger, access: proxy, url: "http://127.0.0.1:${port[jaeger]}"}
END
    cat >"$folder/provisioning/dashboards/all.yml" <<END
apiVersion: 1
providers:
  - {name: event-bus, type: file, options: {path: "$root/k8s/monitoring/base/grafana"}}
END
    start grafana env GF_PATHS_DATA="$folder/grafana" GF_PATHS_LOGS="$folder/grafana" GF_PATHS_PROVISIONING="$folder/provisioning" \
        GF_SERVER_HTTP_ADDR=127.0.0.1 GF_SERVER_HTTP_PORT="${port[grafana]}" GF_AUTH_ANONYMOUS_ENABLED=true GF_AUTH_ANONYMOUS_ORG_ROLE=Admin \
        "$grafana" --homepath "${GRAFANA_HOME:-/usr/share/grafana}"
    server_ids+=($!)
    until_it grafana $! answers "${port[grafana]}/api/health"
fi

# --- The shop ----------------------------------------------------------------------------------------------------------

for service in "${services[@]}"; do
    database="Data Source=$folder/${service,}.db"
    if [[ $postgres ]]; then database="$postgres;Database=shop_${service,}"; fi
    start "${service,}" env -C "$root/samples/Shop.$service" "ConnectionStrings__kafka=$kafka" "ConnectionStrings__${service,}=$database" \
        dotnet "bin/$Configuration/net10.0/Shop.$service.dll" --urls "http://127.0.0.1:${port[$service]}"
    service_ids+=($!)
done
for index in "${!services[@]}"; do
    service=${services[index]}
    until_it "${service,}" "${service_ids[index]}" answers "${port[$service]}/health/ready"
    say "${service,}" "http://localhost:${port[$service]}"
done
if [[ $jaeger ]]; then say Jaeger "http://localhost:${port[jaeger]}"; fi
if [[ $prometheus ]]; then say Prometheus "http://localhost:${port[prometheus]}"; fi
if [[ $grafana ]]; then say Grafana "http://localhost:${port[grafana]}/d/kafka-event-bus"; fi

# --- Customers ---------------------------------------------------------------------------------------------------------

# Most orders go well. Of some the mail gateway is busy at first, refuses the address, or the bank declines.
place() {
    local number=$1 email=ada@example.com sku=book
    if ((number % 5 == 2)); then email=busy@example.com; fi
    if ((number % 10 == 3)); then email=nobody@refused.example; fi
    if ((number % 10 == 4)); then sku=piano; fi
    curl -sf "http://127.0.0.1:${port[Orders]}/orders" -H 'Content-Type: application/json' -d "{\"email\": \"$email\", \"sku\": \"$sku\", \"quantity\": 1}"
}

for ((number = 1; ${#orders} == 0 || number <= orders; number++)); do
    placed=$(place "$number") || die "Orders did not take an order. Its log: $(tail -n 20 "$folder/orders.log")"
    if ((number == 1)); then
        say 'first order' "$(sed -E 's/.*"id":"([^"]+)".*"traceId":"([^"]+)".*/\1, trace \2/' <<<"$placed")"
    fi
    sleep 0.5
done
say orders "$orders placed. Ctrl-C ends it."
while all_run; do sleep 0.5; done
echo "observe: A process has ended by itself. Their last words:" >&2
tail -n 3 "$folder"/*.log >&2
false   # the exit code
