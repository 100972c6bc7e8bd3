#!/usr/bin/env bash
# Deploys the shop: deploy.sh [options]
#
#   --overlay NAME      default, secure (Kafka with users), dev (a laptop), or a folder of your own
#   --registry NAME     where the images shop-orders, … are, for instance ghcr.io/me (default: on the nodes already)
#   --tag TAG           another version of them than the manifests'
#   --context NAME      another context of the kubeconfig than the current one
#   --timeout SECONDS   how long to wait for each part (default 300)
#
# Makes the passwords that are missing, applies, waits. Safe to run again: what is right stays. To change a service's password,
# delete its Secret (orders-database, …) and run this.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
readonly folder services="orders payments inventory notifications" namespace=shop
# A seam: anything that takes kubectl's arguments.
readonly kubectl=${KUBECTL:-kubectl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s\n' "$*"; }

# die MESSAGE [REMEDY…]
die() {
    printf '✗ %s\n' "$1" >&2
    shift
    if (($#)); then printf '  → %s\n' "$@" >&2; fi
    exit 1
}

overlay=default registry='' tag='' context='' timeout=300
while (($#)); do
    case $1 in
        --overlay) overlay=${2:?--overlay needs a name} ;;
        --registry) registry=${2:?--registry needs a name} ;;
        --tag) tag=${2:?--tag needs a version} ;;
        --context) context=${2:?--context needs a name} ;;
        --timeout) timeout=${2:?--timeout needs seconds} ;;
        --help | -h) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$0" && exit 0 ;;
        *) die "Unknown option $1." "$0 --help lists them." ;;
    esac
    shift 2
done
[[ $timeout =~ ^[1-9][0-9]*$ ]] || die "--timeout $timeout is not a number of seconds."

kube() { "$kubectl" ${context:+--context "$context"} "$@"; }

exists() { kube get "$1" "$2" -n "$3" >/dev/null 2>&1; }

apply() { kube apply --server-side --force-conflicts --field-manager=shop-deploy --validate=strict -f - | sed 's/^/  /'; }

# The rendered manifests of (or, with !, except) some kinds.
manifests_of() {
    awk -v kinds="$1" '
        function flush() { if (doc != "" && (index("," wanted ",", "," kind ",") > 0) != negate) printf "---\n%s", doc; doc = ""; kind = "" }
        BEGIN { negate = substr(kinds, 1, 1) == "!"; wanted = negate ? substr(kinds, 2) : kinds }
        /^---$/ { flush(); next }
        /^kind: / { kind = $2 }
        { doc = doc $0 "\n" }
        END { flush() }' "$work/manifests.yaml"
}

# --- What is needed ------------------------------------------------------------------------------------------------------

say "== What is needed"
command -v "$kubectl" >/dev/null || die "$kubectl is not installed." "Install kubectl 1.30 or newer: https://kubernetes.io/docs/tasks/tools/"
path=$folder/overlays/$overlay
[[ -d $path ]] || path=$overlay
[[ -d $path ]] || die "There is no overlay $overlay." "One of: default, secure, dev, or a folder of your own with a kustomization.yaml."
kube kustomize "$path" >"$work/rendered.yaml" 2>"$work/why" || die "The overlay $overlay can't be rendered: $(tail -n 1 "$work/why")"
sed -E "s#^( +image: )(shop-[a-z]+):(.+)#\1${registry:+$registry/}\2:${tag:-\3}#" "$work/rendered.yaml" >"$work/manifests.yaml"

version=$(kube get --raw /version --request-timeout=15s 2>"$work/why") ||
    die "No Kubernetes cluster answers: $(tail -n 1 "$work/why")" "Is this the right context? kubectl config get-contexts lists them, --context NAME takes one."
version=$(sed -nE 's/.*"gitVersion": "v([0-9]+\.[0-9]+).*/\1/p' <<<"$version" | head -n 1)
((${version#*.} >= 30)) || die "Kubernetes is $version." "Upgrade it to 1.30 or newer: the services' pods wait before they stop, without a shell to sleep in."
exists service kafka kafka || die "There is no Kafka: no Service kafka in the namespace kafka." "Deploy it first: ../kafka/deploy.sh"
exists service jaeger observability || say "! There is no Jaeger: traces are dropped until there is one (kubectl apply -k ../jaeger/overlays/badger)."
uses_users=false
if grep -q 'EventBus__Kafka__sasl.username' "$work/manifests.yaml"; then
    uses_users=true
    for secret in kafka-users kafka-tls; do
        exists secret "$secret" kafka || die "There is no Secret $secret in the namespace kafka, and the overlay $overlay logs in." "Deploy Kafka with users: ../kafka/deploy.sh --overlay kraft-secure"
    done
fi
say "✓ Kubernetes $version, Kafka"

# --- Secrets: each is made once, and goes from here to the cluster through a file that only you can read -------------------

random_password() { LC_ALL=C tr -dc 'A-Za-z0-9' < <(head -c 4096 /dev/urandom) | cut -c 1-32; }

# secret_value NAMESPACE NAME KEY
secret_value() { kube get secret "$2" -n "$1" -o go-template="{{index .data \"$3\" | base64decode}}"; }

changed=
# make_secret NAME: of the files in $work/secret
make_secret() {
    kube create secret generic "$1" -n "$namespace" --from-file="$work/secret" --dry-run=client -o yaml | apply
    rm -rf "$work/secret"
}

new_secret() { (umask 077 && rm -rf "$work/secret" && mkdir "$work/secret"); }

make_database_secret() {
    local name=$1 password
    if exists secret "$name-database" "$namespace"; then return; fi
    password=$(random_password)
    new_secret
    printf '%s' "$name" >"$work/secret/username"
    printf '%s' "$password" >"$work/secret/password"
    printf 'Host=postgres;Database=%s;Username=%s;Password=%s;Maximum Pool Size=20' "$name" "$name" "$password" >"$work/secret/connection-string"
    make_secret "$name-database"
    changed+=" $name"
}

# The cluster's Secret is where passwords change: copied at each run.
copy_kafka_secret() {
    local name=$1 password
    password=$(secret_value kafka kafka-users "$name")
    if exists secret "$name-kafka" "$namespace"; then
        if [[ $(secret_value "$namespace" "$name-kafka" password) == "$password" && \
            $(secret_value "$namespace" "$name-kafka" ca.crt) == "$(secret_value kafka kafka-tls ca.crt)" ]]; then return; fi
        changed+=" $name"
    fi
    new_secret
    printf '%s' "$name" >"$work/secret/username"
    printf '%s' "$password" >"$work/secret/password"
    secret_value kafka kafka-tls ca.crt >"$work/secret/ca.crt"
    make_secret "$name-kafka"
}

say "== Secrets"
manifests_of Namespace | apply
if ! exists secret postgres "$namespace"; then
    new_secret
    random_password | tr -d '\n' >"$work/secret/password"
    make_secret postgres
fi
for name in $services; do
    make_database_secret "$name"
    if [[ $uses_users == true ]]; then copy_kafka_secret "$name"; fi
done

# --- Apply, in the order in which one part needs another -------------------------------------------------------------------

# What keeps pods from becoming ready, as Kubernetes says it, and what they said themselves, also before their last restart.
troubles() {
    local pod said
    # shellcheck disable=SC2016 # Go's variables, not the shell's
    kube get pods -n "$namespace" -o go-template='{{range $pod := .items}}{{range .status.conditions}}{{if and (eq .type "PodScheduled") (eq .status "False")}}{{$pod.metadata.name}}: not scheduled: {{.message}}{{"\n"}}{{end}}{{end}}{{range .status.containerStatuses}}{{with .state.waiting}}{{$pod.metadata.name}}: {{.reason}}: {{.message}}{{"\n"}}{{end}}{{end}}{{end}}' 2>/dev/null | sed 's/^/  ! /' >&2
    # shellcheck disable=SC2016
    for pod in $(kube get pods -n "$namespace" -o go-template='{{range .items}}{{$name := .metadata.name}}{{if ne .status.phase "Succeeded"}}{{range .status.containerStatuses}}{{if not .ready}}{{$name}} {{end}}{{end}}{{end}}{{end}}' 2>/dev/null); do
        said=$({ kube logs -n "$namespace" "$pod" --previous; kube logs -n "$namespace" "$pod"; } 2>/dev/null |
            grep -E 'Exception: |^error: |FATAL: |asking again' | awk '!seen[$0]++' | tail -n 3) || true
        if [[ $said ]]; then printf '%s\n' "$said" | sed "s/^ */  | $pod: /" >&2; fi
    done
    return 0
}

wait_for() {
    kube rollout status "$1" -n "$namespace" --timeout="${timeout}s" | tail -n 1 | sed 's/^/  /' || {
        troubles
        die "$1 is not ready after $timeout s." "kubectl describe $1 -n $namespace; what was applied stays, run this again when it is mended."
    }
}

wait_for_job() {
    local job=$1 state deadline=$((SECONDS + timeout))
    while :; do
        state=$(kube get job "$job" -n "$namespace" -o go-template='{{range .status.conditions}}{{if eq .status "True"}}{{.type}} {{end}}{{end}}')
        case " $state" in
            *" Complete "*) break ;;
            *" Failed "*) troubles && die "The Job $job failed (above)." "Correct what it says, then run this again." ;;
        esac
        ((SECONDS < deadline)) || { troubles && die "The Job $job is not done after $timeout s." "kubectl logs -n $namespace job/$job"; }
        sleep 1
    done
    kube logs -n "$namespace" "job/$job" --tail=20 2>/dev/null | sed 's/^/  /' || true
}

say "== Databases"
manifests_of '!Namespace,Deployment,Job' | apply
for name in $(manifests_of StatefulSet | awk '/^  name: / { print $2 }'); do wait_for "statefulset/$name"; done
for job in $(manifests_of Job | awk '/^  name: / { print $2 }'); do
    # A Job can't be changed, only made anew.
    kube delete job "$job" -n "$namespace" --ignore-not-found --wait=true | sed 's/^/  /'
done
manifests_of Job | apply
for job in $(manifests_of Job | awk '/^  name: / { print $2 }'); do wait_for_job "$job"; done

say "== Services"
restart=
for name in $changed; do
    # Environment variables are read when a pod starts.
    if exists deployment "shop-$name" "$namespace" && [[ $restart != *" shop-$name"* ]]; then restart+=" shop-$name"; fi
done
manifests_of Deployment | apply
for name in $restart; do kube rollout restart "deployment/$name" -n "$namespace" | sed 's/^/  /'; done
for name in $(manifests_of Deployment | awk '/^  name: / { print $2 }'); do wait_for "deployment/$name"; done
say
say "In the cluster: http://shop-orders.$namespace/orders. From here: kubectl port-forward -n $namespace service/shop-orders 5001:80"
