#!/usr/bin/env bash
# Deletes the Kafka cluster: cleanup.sh [options]
#
#   --overlay NAME      what to delete (default: what deploy.sh noted in the namespace, else kraft)
#   --namespace NS      default: the overlay's
#   --context NAME      another context of the kubeconfig than the current one
#   --keep-namespace    keep the namespace, and what else is in it
#   --keep-data         keep the volumes, passwords and certificates, so that deploy.sh brings the same cluster back; implies --keep-namespace
#   --yes               don't ask
#
# Names what it will delete, and asks. Without --yes and without a terminal to ask at, it deletes nothing.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

keep_namespace=false keep_data=false yes=false
while (($#)); do
    case $1 in
        --keep-namespace) keep_namespace=true && shift ;;
        --keep-data) keep_data=true keep_namespace=true && shift ;;
        --yes | -y) yes=true && shift ;;
        *) common_option "$@" && shift "$taken" ;;
    esac
done

overlay=${overlay:-$(deployed_overlay)}
render
kube get --raw /version --request-timeout=15s >/dev/null 2>"$work/why" ||
    die "No Kubernetes cluster answers: $(tail -n 1 "$work/why")" "kubectl config get-contexts lists the contexts, --context NAME takes one."
if ! kube get namespace "$namespace" >/dev/null 2>&1; then
    say "There is no namespace $namespace: nothing to delete."
    exit 0
fi

readonly ours=app.kubernetes.io/part-of=kafka-cluster
readonly kinds=statefulsets,jobs,cronjobs,services,configmaps,serviceaccounts,poddisruptionbudgets,networkpolicies
claims() { kube get persistentvolumeclaims -n "$namespace" -o name -l "app.kubernetes.io/name in (kafka, zookeeper)"; }
listed() { kube get "$kinds" -n "$namespace" -l "$ours" -o name 2>/dev/null; }
cluster_wide() { manifests_of ClusterRole,ClusterRoleBinding; }

say "This deletes in the namespace $namespace of the context ${context:-$(kube config current-context 2>/dev/null || echo '(in-cluster)')}:"
listed | sed 's/^/  /'
if [[ $keep_data == true ]]; then
    say "and keeps the namespace, the volumes, the passwords and the certificates."
else
    say "with the volumes and ALL THAT IS IN THEM:"
    kube get persistentvolumeclaims -n "$namespace" -l "app.kubernetes.io/name in (kafka, zookeeper)" --no-headers 2>/dev/null | awk '{ print "  " $1 }'
    if [[ $keep_namespace == false ]]; then
        say "and the namespace itself, with everything else in it:"
        kube get pods,deployments,statefulsets,persistentvolumeclaims -n "$namespace" -l "app.kubernetes.io/part-of!=kafka-cluster,app.kubernetes.io/name notin (kafka, zookeeper)" -o name 2>/dev/null | sed 's/^/  /'
    fi
fi

if [[ $yes == false ]]; then
    [[ -t 0 || ${CLEANUP_ANSWER_FROM_STDIN:-} ]] || die "There is no terminal to ask at. Nothing was deleted." "--yes deletes without asking."
    printf 'Type the name of the namespace to go on: '
    read -r answer || answer=
    [[ $answer == "$namespace" ]] || die "'$answer' is not $namespace. Nothing was deleted."
fi

# Brokers first: without ZooKeeper, or without each other, they wait in vain to hand over their leaders.
if [[ $keep_data == true ]]; then
    # One at a time, so that each stops cleanly and has nothing to recover.
    for ((n = $(pods_of kafka | grep -c . || true); n > 0; n--)); do
        kube scale statefulset kafka -n "$namespace" --replicas="$((n - 1))" >/dev/null
        # The last one has nobody to hand its leaders to, and would wait for that until it is killed.
        if ((n == 1)); then kube delete pod kafka-0 -n "$namespace" --grace-period=30 --ignore-not-found >/dev/null; fi
        kube wait --for=delete "pod/kafka-$((n - 1))" -n "$namespace" --timeout=300s >/dev/null
        say "kafka-$((n - 1)) has stopped"
    done
else
    # Nothing is left to save.
    kube delete statefulsets -n "$namespace" -l "$ours" --cascade=orphan
    kube delete pods -n "$namespace" -l "$ours" --grace-period=1 --wait=true >/dev/null
fi
if [[ $keep_namespace == false ]]; then
    kube delete namespace "$namespace" --wait=true
else
    kube delete "$kinds" -n "$namespace" -l "$ours" --wait=true
    kube wait --for=delete pods -n "$namespace" -l "$ours" --timeout=300s >/dev/null
    if [[ $keep_data == false ]]; then
        claims | xargs -r "$kubectl" ${context:+--context "$context"} delete -n "$namespace" --wait=true
        kube delete secret kafka-users -n "$namespace" --ignore-not-found
    fi
    kube annotate namespace "$namespace" kafka-cluster/overlay- >/dev/null
fi
if [[ $(cluster_wide) ]]; then cluster_wide | kube delete --ignore-not-found -f -; fi
say "Deleted."
