#!/usr/bin/env bash
# Verifies the Kafka cluster: verify.sh [options]
#
#   --overlay NAME      what to expect (default: what deploy.sh noted in the namespace, else kraft)
#   --namespace NS      default: the overlay's
#   --image NAME        as given to deploy.sh
#   --context NAME      another context of the kubeconfig than the current one
#   --json              {"checks": [{"name", "ok", "message", "remedy"}, …], "failed": N} instead of lines
#
# One line per check, ✓ or ✗, and what to do about each ✗. The exit code is the number of failed checks.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

json=false
while (($#)); do
    case $1 in
        --json) json=true && shift ;;
        *) common_option "$@" && shift "$taken" ;;
    esac
done
overlay=${overlay:-$(deployed_overlay)}
render

failed=0 results=()
quote() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\t'/ }
    printf '"%s"' "${text//$'\n'/\\n}"
}

# result ok|fail NAME MESSAGE REMEDY
result() {
    local ok=true remedy=null
    if [[ $1 != ok ]]; then
        ok=false failed=$((failed + 1))
        remedy=$(quote "$4")
    fi
    if [[ $json == true ]]; then
        results+=("{\"name\": $(quote "$2"), \"ok\": $ok, \"message\": $(quote "$3"), \"remedy\": $remedy}")
    elif [[ $ok == true ]]; then
        printf '✓ %s: %s\n' "$2" "$3"
    else
        printf '✗ %s: %s\n  → %s\n' "$2" "$3" "$4"
    fi
}

finish() {
    if [[ $json == true ]]; then
        printf '{"checks": [\n  %s\n], "failed": %d}\n' "$(printf '%s' "${results[0]}" && printf ',\n  %s' "${results[@]:1}")" "$failed"
    elif ((failed)); then
        printf '%d checks failed.\n' "$failed"
    else
        echo "All is well."
    fi
    exit "$failed"
}

check_pods() {
    local name=$1 title=$2 expected there ready
    expected=$(replicas "$name")
    there=$(pods_of "$name" 2>/dev/null) || true
    ready=$(awk '$2 == "True"' <<<"$there" | grep -c .) || true
    if ((ready == expected)); then
        result ok "$title" "$ready of $expected ready" ""
    else
        result fail "$title" "$ready of $expected ready$(awk '$2 != "True" && $1 { printf ", %s is not", $1 }' <<<"$there")" \
            "kubectl describe pods -n $namespace -l app.kubernetes.io/name=$name; kubectl logs -n $namespace $name-0"
    fi
}

check_service() {
    local name=$1 port=$2 found
    found=$(kube get service "$name" -n "$namespace" --ignore-not-found -o go-template='{{range .spec.ports}}{{.port}} {{end}}' 2>/dev/null) || true
    if [[ " $found" == *" $port "* ]]; then
        result ok "service $name" "port $port" ""
    else
        result fail "service $name" "${found:+has no port $port, only $found}${found:-is not there}" "deploy.sh --overlay $overlay --namespace $namespace puts it back."
    fi
}

check_claims() {
    local expected=0 name found bound
    for name in $(manifests_of StatefulSet | awk '/^  name: / { print $2 }'); do
        expected=$((expected + $(replicas "$name") * $(claims_of "$name")))
    done
    found=$(kube get persistentvolumeclaims -n "$namespace" -l 'app.kubernetes.io/name in (kafka, zookeeper)' -o go-template='{{range .items}}{{.metadata.name}} {{.status.phase}}{{"\n"}}{{end}}' 2>/dev/null) || true
    bound=$(awk '$2 == "Bound"' <<<"$found" | grep -c .) || true
    if ((bound >= expected)); then
        result ok "volumes bound" "$bound" ""
    else
        result fail "volumes bound" "$bound of $expected$(awk '$1 && $2 != "Bound" { printf ", %s is %s", $1, $2 }' <<<"$found")" \
            "kubectl describe pvc -n $namespace: is there a storage class, and room?"
    fi
}
claims_of() { manifests_of StatefulSet | awk -v name="$1" '/^---$/ { this = 0; inside = 0 } /^  name: /{ this = ($2 == name) } this && /^  volumeClaimTemplates:/ { inside = 1 } this && inside && /^    kind: PersistentVolumeClaim|^  - (apiVersion|metadata):/ { n++ } END { print n + 0 }'; }

# --- Kubernetes --------------------------------------------------------------------------------------------------------------

if ! kube get --raw /version --request-timeout=15s >/dev/null 2>"$work/why"; then
    result fail "cluster" "Kubernetes does not answer: $(tail -n 1 "$work/why")" "kubectl config get-contexts lists the contexts, --context NAME takes one."
    finish
fi
if kube get namespace "$namespace" >/dev/null 2>&1; then
    result ok "namespace" "$namespace" ""
else
    result fail "namespace" "$namespace is not there" "deploy.sh --overlay $overlay"
    finish
fi
if uses_zookeeper; then check_pods zookeeper "ZooKeeper running"; fi
check_pods kafka "brokers running"
check_service kafka 9092
check_service kafka-headless 9093
if uses_zookeeper; then check_service zookeeper 2181; else check_service kafka-headless 9094; fi
check_claims

# As Kubernetes sees it, who is behind the address that clients use?
expected=$(replicas kafka)
endpoints=$(kube get endpointslices -n "$namespace" -l kubernetes.io/service-name=kafka -o go-template='{{range .items}}{{range .endpoints}}{{if .conditions.ready}}x{{end}}{{end}}{{end}}' 2>/dev/null) || true
if ((${#endpoints} == expected)); then
    result ok "addresses behind kafka:9092" "${#endpoints}" ""
else
    result fail "addresses behind kafka:9092" "${#endpoints} of $expected" "Brokers that are not ready are left out; is another pod labelled as a broker?"
fi
revision=$(kube get statefulset kafka -n "$namespace" --ignore-not-found -o go-template='{{.status.updateRevision}}' 2>/dev/null) || true
outdated=$(pods_of kafka 2>/dev/null | awk -v revision="$revision" '$3 != revision { printf "%s ", $1 }') || true
if [[ $revision && ! $outdated ]]; then
    result ok "current configuration" "every broker" ""
else
    result fail "current configuration" "${outdated:-no broker }with an older one" "roll.sh --namespace $namespace restarts them one at a time."
fi

# --- Kafka: one visit to a broker ----------------------------------------------------------------------------------------------

declare -A titles=([zookeeper]="ZooKeeper healthy" [brokers]="brokers in the cluster" [controller]="controller"
    [offline-partitions]="no partition offline" [under-replicated-partitions]="replicas in sync" [topics]="topics")
remedy_for() {
    case $1 in
        topic:*) echo "deploy.sh --overlay $overlay --namespace $namespace creates and corrects topics; kubectl logs -n $namespace job/kafka-topics says what it could not." ;;
        zookeeper) echo "kubectl logs -n $namespace zookeeper-0" ;;
        controller) echo "A majority of the quorum must run: kubectl get pods -n $namespace" ;;
        *) echo "'Troubleshooting' in README.md: which broker is missing, and what does its log say?" ;;
    esac
}
status=$(in_broker status.sh 2>"$work/why") || true
[[ $status ]] || status=$'fail\tbrokers\t'$(tail -n 1 "$work/why")
while IFS=$'\t' read -r state name message; do
    title=${titles[$name]:-${name/topic:/topic }}
    if [[ $name == controller ]] && ! uses_zookeeper; then title="quorum and controller"; fi
    result "$state" "$title" "$message" "$(remedy_for "$name")"
done <<<"$status"
trip=$(in_broker round-trip.sh 2>"$work/why") || true
IFS=$'\t' read -r state _ message <<<"${trip:-$'fail\tx\t'$(tail -n 1 "$work/why")}"
result "$state" "message sent and received" "$message" "Are all brokers in sync? With too few replicas a write is refused on purpose (NOT_ENOUGH_REPLICAS)."
finish
