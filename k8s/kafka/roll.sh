#!/usr/bin/env bash
# Restarts the brokers one at a time, each only when every replica of the cluster is in sync: roll.sh [options]
#
#   --all               restart all; without it, only those that run with an older configuration or image
#   --namespace NS      default: kafka
#   --context NAME      another context of the kubeconfig than the current one
#   --timeout SECONDS   how long one broker may take to be back and in sync (default 900)
#
# Ready is not in sync: a broker that answers may still be catching up, and taking the next one then refuses writes, or loses
# the only full copy. So this asks Kafka, not Kubernetes. Ends at the first broker that doesn't come back; run it again to go on.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=false timeout=900
while (($#)); do
    case $1 in
        --all) all=true && shift ;;
        --timeout) timeout=${2:?--timeout needs seconds} && shift 2 ;;
        *) common_option "$@" && shift "$taken" ;;
    esac
done
namespace=${namespace:-kafka}

kube get statefulset kafka -n "$namespace" >/dev/null 2>"$work/why" ||
    die "There is no cluster in the namespace $namespace: $(tail -n 1 "$work/why")" "deploy.sh makes one; --namespace names another namespace."
revision=$(kube get statefulset kafka -n "$namespace" -o go-template='{{.status.updateRevision}}')

# wait_in_sync SECONDS: until all brokers are there and every replica is in sync.
wait_in_sync() {
    local deadline=$((SECONDS + $1)) found last=
    while :; do
        if found=$(in_broker status.sh --replicas 2>"$work/why"); then return 0; fi
        found=$(awk -F '\t' '$1 == "fail" { printf "%s: %s; ", $2, $3 }' <<<"$found")
        if [[ ${found:=$(tail -n 1 "$work/why")} != "$last" ]]; then say "    waiting: $found" && last=$found; fi
        ((SECONDS < deadline)) || return 1
        sleep 2
    done
}

uid_of() { kube get pod "$1" -n "$namespace" --ignore-not-found -o go-template='{{.metadata.uid}}'; }

# Evicts, so that the PodDisruptionBudget has its say: something else may be taking a broker at this very moment.
evict() {
    kube create --raw "/api/v1/namespaces/$namespace/pods/$1/eviction" -f - >/dev/null 2>"$work/why" <<<"{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"$1\",\"namespace\":\"$namespace\"}}"
}

restart() {
    local pod=$1 old deadline=$((SECONDS + timeout)) state
    old=$(uid_of "$pod")
    until evict "$pod"; do
        ((SECONDS < deadline)) || die "$pod may not be evicted: $(tail -n 1 "$work/why")" "Is another broker down, or a node being drained?"
        sleep 2
    done
    while :; do
        state=$(pods_of kafka | awk -v pod="$pod" '$1 == pod { print $2 }')
        if [[ $state == True && $(uid_of "$pod") != "$old" ]]; then break; fi
        ((SECONDS < deadline)) ||
            die "$pod is not back after $timeout s. The others were left alone." "kubectl describe pod $pod -n $namespace; kubectl logs $pod -n $namespace" "Then run this again: it goes on where it ended."
        sleep 1
    done
    wait_in_sync "$((deadline > SECONDS ? deadline - SECONDS : 1))" ||
        die "$pod is back, but not every replica is in sync after $timeout s. The others were left alone." "Run this again when the cluster has caught up."
}

# The node that leads the quorum goes last: every earlier place would make the cluster elect twice.
leader=$(in_broker status.sh 2>/dev/null | awk -F '\t' '$2 == "controller" { gsub(/[^0-9]/, " ", $3); split($3, words, " "); print "kafka-" words[1] }') || true
pods=$(pods_of kafka | awk -v leader="$leader" -v all="$all" -v revision="$revision" '
    all == "true" || $3 != revision { if ($1 == leader) last = $1; else print $1 }
    END { if (last != "") print last }')
if [[ ! $pods ]]; then
    say "Every broker runs with the current configuration. --all restarts them all the same."
    exit 0
fi

single=$(pods_of kafka | grep -c .)
say "Restarting $(tr '\n' ' ' <<<"$pods")in $namespace, one at a time."
# A broker that is down because of what this roll brings must not stop it: with an outdated broker not ready, that one goes first.
broken=$(pods_of kafka | awk -v revision="$revision" '$2 != "True" && $3 != revision && !seen++ { print $1 }')
if [[ $broken ]]; then pods="$broken $(grep -vx "$broken" <<<"$pods")" || true; fi
for pod in $pods; do
    started=$SECONDS
    say "  $pod"
    if [[ $pod != "${broken:-}" ]]; then
        wait_in_sync "$timeout" || die "Not every broker is there and in sync after $timeout s, so $pod was not touched." "verify.sh says what is wrong."
    fi
    if ((single == 1)); then say "    the only broker: clients wait until it is back"; fi
    restart "$pod"
    say "    back and in sync ($((SECONDS - started)) s)"
done
say "Done."
