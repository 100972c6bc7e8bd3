#!/usr/bin/env bash
# Deploys the Kafka cluster: deploy.sh [options]
#
#   --overlay NAME      kraft (default), kraft-secure, zookeeper, ai-platform, ai-platform-zookeeper, dev, or a folder of your own
#   --namespace NS      another namespace than the overlay's
#   --image NAME        another image than the overlay's, without a tag (overlays with metrics need one: image/Dockerfile)
#   --context NAME      another context of the kubeconfig than the current one
#   --timeout SECONDS   how long to wait for brokers, restarts and Jobs, each (default 900)
#   --check             only check what is needed, and change nothing
#   --no-restart        leave running brokers on their old configuration; roll.sh restarts them later
#   --no-verify         don't run verify.sh at the end
#
# Checks what is needed and names a remedy for each thing that is missing, applies, waits, creates the topics, verifies.
# Safe to run again: what is right stays, what has changed is applied, and brokers are restarted one at a time if they have to be.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

timeout=900 check_only=false restart=true verify=true
while (($#)); do
    case $1 in
        --timeout) timeout=${2:?--timeout needs seconds} && shift 2 ;;
        --check) check_only=true && shift ;;
        --no-restart) restart=false && shift ;;
        --no-verify) verify=false && shift ;;
        *) common_option "$@" && shift "$taken" ;;
    esac
done
[[ $timeout =~ ^[1-9][0-9]*$ ]] || die "--timeout $timeout is not a number of seconds."
overlay=${overlay:-kraft}

# --- Prerequisites: all that is missing is named at once ---------------------------------------------------------------

problems=0
problem() {
    problems=$((problems + 1))
    printf '✗ %s\n  → %s\n' "$1" "$2" >&2
}

# at_least 1.28 v1.32.4
at_least() {
    local minor=${2#*.}
    minor=${minor%%[!0-9]*}
    ((${minor:-0} >= ${1#*.}))
}

check_client() {
    local version
    command -v "$kubectl" >/dev/null || die "$kubectl is not installed." "Install kubectl 1.28 or newer: https://kubernetes.io/docs/tasks/tools/"
    version=$("$kubectl" version --client -o json 2>/dev/null | sed -nE 's/.*"gitVersion": "(v[0-9.]+).*/\1/p' | sed -n 1p) || true
    at_least 1.28 "$version" || problem "kubectl is ${version:-of an unknown version}." "Install 1.28 or newer: older ones can't render the overlays."
}

check_server() {
    local version
    if ! version=$(kube get --raw /version --request-timeout=15s 2>"$work/why"); then
        die "No Kubernetes cluster answers: $(tail -n 1 "$work/why")" \
            "Is it running, and is this the right context? kubectl config get-contexts lists them, --context NAME takes one."
    fi
    version=$(sed -nE 's/.*"gitVersion": "(v[0-9.]+).*/\1/p' <<<"$version" | sed -n 1p)
    at_least 1.28 "$version" || problem "Kubernetes is $version." "Upgrade it to 1.28 or newer, which the manifests need."
    if grep -q "metadata.labels\['topology.kubernetes.io/zone'\]" "$work/manifests.yaml"; then
        at_least 1.35 "$version" ||
            problem "Kubernetes $version doesn't label pods with their zone (1.35 does)." "Take components/rack-awareness-rbac instead of components/rack-awareness."
    fi
    say "✓ Kubernetes $version"
}

check_rights() {
    local kind resource denied=
    local -A resources=(
        [ConfigMap]=configmaps [CronJob]=cronjobs.batch [Job]=jobs.batch [NetworkPolicy]=networkpolicies.networking.k8s.io
        [PodDisruptionBudget]=poddisruptionbudgets.policy [Service]=services [ServiceAccount]=serviceaccounts
        [StatefulSet]=statefulsets.apps [Secret]=secrets [ClusterRole]=clusterroles.rbac.authorization.k8s.io
        [ClusterRoleBinding]=clusterrolebindings.rbac.authorization.k8s.io)
    may() { kube auth can-i "$@" -q -n "$namespace" >/dev/null 2>&1; }
    while read -r kind; do
        resource=${resources[$kind]:-}
        [[ ! $resource ]] || { may create "$resource" && may patch "$resource"; } || denied+=", $resource"
    done < <(sed -n 's/^kind: //p' "$work/manifests.yaml" | sort -u)
    may create pods --subresource=exec || denied+=", pods/exec"
    may delete jobs.batch || denied+=", jobs.batch (delete)"
    if kube get namespace "$namespace" >/dev/null 2>&1; then
        may patch namespaces || denied+=", namespaces (patch)"
    else
        may create namespaces || denied+=", namespaces (create)"
    fi
    if [[ $denied ]]; then
        problem "You may not create or change in the namespace $namespace: ${denied#, }." \
            "Ask an administrator for the ClusterRole admin there (and for the namespace itself), or use another --context."
    else
        say "✓ rights in the namespace $namespace"
    fi
}

check_storage() {
    local class wanted found
    found=$(kube get storageclasses -o go-template='{{range .items}}{{.metadata.name}} {{with .metadata.annotations}}{{index . "storageclass.kubernetes.io/is-default-class"}}{{end}}{{"\n"}}{{end}}' 2>/dev/null) || return 0
    wanted=$(sed -nE 's/^ +storageClassName: (.*)$/\1/p' "$work/manifests.yaml" | sort -u)
    if [[ $wanted ]]; then
        for class in $wanted; do
            grep -q "^$class " <<<"$found" ||
                problem "There is no storage class $class (there are: $(awk '{ printf "%s ", $1 }' <<<"$found"))." \
                    "Change storageClassName in the overlay, or let an administrator make the class."
        done
    elif ! grep -q ' true$' <<<"$found"; then
        problem "No storage class is the default (there are: $(awk '{ printf "%s ", $1 }' <<<"$found"))." \
            "Name one in the overlay (storageClassName of the volumeClaimTemplates), or mark one: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true"
    fi
    say "✓ storage classes looked at"
}

check_nodes() {
    local nodes
    # Not everyone may list nodes; then the scheduler says it later.
    nodes=$(kube get nodes -o go-template='{{range .items}}{{if not .spec.unschedulable}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}' 2>/dev/null | grep -c .) || return 0
    ((nodes >= brokers)) ||
        problem "$nodes nodes take pods, and $brokers brokers go to one each." "Add nodes, or take --overlay dev on a laptop."
}

check_image() {
    if grep -q 'image: registry.example.com/' "$work/manifests.yaml"; then
        problem "The overlay $overlay needs an image of your own: Kafka with the metrics exporter." \
            "docker build -t REGISTRY/kafka-with-exporter:VERSION $kafka_folder/image, push it, and give --image REGISTRY/kafka-with-exporter."
    fi
}

check_secrets() {
    if [[ $(setting TLS) == true ]] && ! kube get secret kafka-tls -n "$namespace" >/dev/null 2>&1; then
        problem "The Secret kafka-tls is not there." "$kafka_folder/certificates.sh --namespace $namespace makes one, or let cert-manager write it."
    fi
}

# A cluster's metadata can't be taken over by the other kind: brokers would start empty beside their data.
check_kind() {
    local there
    kube get statefulset kafka -n "$namespace" >/dev/null 2>&1 || return 0
    there=$(kube get statefulset zookeeper -n "$namespace" --ignore-not-found -o name 2>/dev/null) || true
    if uses_zookeeper && [[ ! $there ]]; then
        problem "In $namespace runs a cluster without ZooKeeper, and the overlay $overlay has one." "Deploy into another --namespace."
    elif ! uses_zookeeper && [[ $there ]]; then
        problem "In $namespace runs a cluster with ZooKeeper, and the overlay $overlay has none." \
            "Deploy into another --namespace, or migrate: see 'From ZooKeeper to KRaft' in README.md."
    fi
}

say "== What is needed"
check_client
render
brokers=$(replicas kafka)
check_server
check_rights
check_storage
check_nodes
check_image
check_kind
check_secrets
((problems == 0)) || die "$problems things are missing (above). Nothing was changed."
say "✓ everything for $overlay: $brokers brokers in the namespace $namespace"
if [[ $check_only == true ]]; then exit 0; fi

# --- Apply -----------------------------------------------------------------------------------------------------------------

apply() { kube apply --server-side --force-conflicts --field-manager=kafka-deploy --validate=strict -f - | sed 's/^/  /'; }

random_password() { LC_ALL=C tr -dc 'A-Za-z0-9' < <(head -c 4096 /dev/urandom) | cut -c 1-32; }

# Passwords are made once, and go from here to the cluster through a file that only you can read.
make_users() {
    local user users present missing=()
    [[ $(setting SASL) == true ]] || return 0
    users="admin broker-1 broker-2 controller-1 controller-2 $(awk '/^  acls.txt: \|/ { inside = 1; next } inside && /^  [^ ]/ { inside = 0 } inside && $1 && $1 !~ /^#/ { print $1 }' <(manifests_of ConfigMap) | sort -u)"
    # shellcheck disable=SC2016 # Go's variables, not the shell's
    present=$(kube get secret kafka-users -n "$namespace" --ignore-not-found -o go-template='{{range $name, $_ := .data}}{{$name}}{{"\n"}}{{end}}')
    for user in $users; do grep -qx "$user" <<<"$present" || missing+=("$user"); done
    ((${#missing[@]})) || return 0
    if ! kube get secret kafka-users -n "$namespace" >/dev/null 2>&1; then kube create secret generic kafka-users -n "$namespace" | sed 's/^/  /'; fi
    (
        umask 077
        echo "stringData:"
        for user in "${missing[@]}"; do echo "  $user: $(random_password)"; done
    ) >"$work/users.yaml"
    kube patch secret kafka-users -n "$namespace" --type merge --patch-file "$work/users.yaml" >/dev/null
    rm -f "$work/users.yaml"
    say "  made passwords for ${missing[*]} (Secret kafka-users)"
}

say "== Apply"
manifests_of Namespace | apply
kube annotate namespace "$namespace" "kafka-cluster/overlay=$overlay" --overwrite >/dev/null
make_users
manifests_of '!Namespace,Job' | apply

# --- Wait ------------------------------------------------------------------------------------------------------------------

# What keeps pods from becoming ready, as Kubernetes says it.
troubles() {
    # shellcheck disable=SC2016 # Go's variables, not the shell's
    kube get pods -n "$namespace" -l app.kubernetes.io/part-of=kafka-cluster -o go-template='{{range $pod := .items}}{{range .status.conditions}}{{if and (eq .type "PodScheduled") (eq .status "False")}}{{$pod.metadata.name}}: not scheduled: {{.message}}{{"\n"}}{{end}}{{end}}{{range .status.initContainerStatuses}}{{with .state.waiting}}{{if ne .reason "PodInitializing"}}{{$pod.metadata.name}}: {{.reason}}: {{.message}}{{"\n"}}{{end}}{{end}}{{end}}{{range .status.containerStatuses}}{{with .state.waiting}}{{if and (ne .reason "ContainerCreating") (ne .reason "PodInitializing")}}{{$pod.metadata.name}}: {{.reason}}: {{.message}}{{"\n"}}{{end}}{{end}}{{end}}{{end}}' 2>/dev/null
}

# wait_for_pods NAME COUNT WHAT
wait_for_pods() {
    local ready line last='' trouble='' known='' deadline=$((SECONDS + timeout)) started=$SECONDS
    while :; do
        ready=$(pods_of "$1" | awk '$2 == "True"' | grep -c .) || true
        line="$ready of $2 $3 ready"
        if [[ $line != "$last" ]]; then say "  $line ($((SECONDS - started)) s)" && last=$line; fi
        ((ready < $2)) || return 0
        trouble=$(troubles)
        if [[ $trouble && $trouble != "$known" ]]; then printf '  ! %s\n' "${trouble//$'\n'/$'\n'  ! }" && known=$trouble; fi
        ((SECONDS < deadline)) || break
        sleep 2
    done
    die "Only $line after $timeout s." "kubectl describe pods -n $namespace, kubectl logs -n $namespace $1-0; 'Troubleshooting' in README.md goes through the causes." \
        "What was applied stays; run this again, with a longer --timeout if the brokers were only slow."
}

say "== Wait for the brokers (up to $timeout s)"
if uses_zookeeper; then
    wait_for_pods zookeeper "$(replicas zookeeper)" ZooKeepers
fi
wait_for_pods kafka "$brokers" brokers

# --- Topics, users ----------------------------------------------------------------------------------------------------------

run_job() {
    local job=$1 state deadline=$((SECONDS + timeout))
    while :; do
        state=$(kube get job "$job" -n "$namespace" -o go-template='{{range .status.conditions}}{{if eq .status "True"}}{{.type}} {{end}}{{end}}')
        case " $state" in
            *" Complete "*) break ;;
            *" Failed "*)
                kube logs -n "$namespace" "job/$job" --tail=20 2>/dev/null | sed 's/^/  | /' >&2 || true
                die "The Job $job failed (above)." "Correct what it says, then run this again."
                ;;
        esac
        ((SECONDS < deadline)) || die "The Job $job is not done after $timeout s." "kubectl logs -n $namespace job/$job"
        sleep 1
    done
    kube logs -n "$namespace" "job/$job" --tail=50 2>/dev/null | sed 's/^/  /' || true
}

say "== Topics"
# Before any restart: brokers may be about to log in as a user that the Job makes.
jobs=$(manifests_of Job | awk '/^  name: / { print $2 }')
# A Job can't be changed, only made anew.
# shellcheck disable=SC2086 # a list of names
kube delete job -n "$namespace" --ignore-not-found --wait=true $jobs | sed 's/^/  /'
manifests_of Job | apply
for job in $jobs; do run_job "$job"; done

revision=$(kube get statefulset kafka -n "$namespace" -o go-template='{{.status.updateRevision}}')
outdated=$(pods_of kafka | awk -v revision="$revision" '$3 != revision { printf "%s ", $1 }')
if [[ $outdated ]]; then
    if [[ $restart == true ]]; then
        say "== Restart what runs with an older configuration: $outdated"
        "$kafka_folder/roll.sh" --namespace "$namespace" ${context:+--context "$context"} --timeout "$timeout"
    else
        say "  $outdated run with an older configuration: $kafka_folder/roll.sh --namespace $namespace restarts them."
    fi
fi

if [[ $verify == true ]]; then
    say "== Verify"
    "$kafka_folder/verify.sh" --overlay "$overlay" --namespace "$namespace" ${image:+--image "$image"} ${context:+--context "$context"} ||
        die "The cluster is deployed, and $? checks failed (above)."
fi
say
say "Clients in the cluster: kafka.$namespace.svc.cluster.local:9092 (pods with the label kafka-client: \"true\" in a namespace with kafka-clients: allowed)"
