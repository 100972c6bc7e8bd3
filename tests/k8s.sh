#!/usr/bin/env bash
# Tests the manifests, scripts and documents of k8s/: tests/k8s.sh [--list] [-k TEXT] [SUITE…]
#
#   tests/k8s.sh                    all suites
#   tests/k8s.sh kraft docs         those of tests/k8s/test_kraft.py and test_docs.py
#   tests/k8s.sh kraft -k "one at"  the tests of one suite whose sentence contains the text
#   tests/k8s.sh --list             names them
#
# Everything runs in network, process and mount namespaces of its own: no port clashes, no traffic leaves, nothing stays
# behind. That needs root, or user namespaces with subordinate ids (Debian: uidmap, and a line in /etc/subuid and /etc/subgid).
#
# Real programs are found by KUBE_HOME (control plane), KAFKA_HOME (Kafka 4.x), KAFKA_ZK_HOME (Kafka 3.9). Tests that miss
# one are skipped with the reason; with EVENTBUS_REQUIRE_REAL=1 they fail. The caller's own cluster is never touched, unless
# EVENTBUS_TEST_KUBECONFIG names it on purpose.
# The last line of the output is `N passed, N failed, N skipped`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export EVENTBUS_ROOT=$root
export PYTHONPATH=$root/tests/k8s PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Programs that set-up unpacks without installing them.
export PATH=$PATH:$root/artifacts/tools

runner() { /usr/bin/python3 -m runner "$@"; }

if [[ ${EVENTBUS_K8S_INSIDE:-} ]]; then
    [[ ${EVENTBUS_TEST_KUBECONFIG:-} ]] || ip link set lo up
    # Not exec: as process 1 of its namespace, bash also reaps what others leave.
    runner "$@"
    exit
fi

if [[ " $* " == *" --list "* ]]; then
    runner "$@"
    exit
fi

"$root/.build/setup.sh" --k8s

if ! /usr/bin/python3 -c 'import yaml'; then
    echo "Missing: /usr/bin/python3 with PyYAML (Debian: python3-yaml)" >&2
    exit 1
fi
for program in unshare nsenter ip mount; do
    if ! command -v "$program" >/dev/null; then
        EVENTBUS_K8S_SKIP="$program is missing (Debian: util-linux, iproute2)" runner "$@"
        exit
    fi
done

work=$(mktemp -d)
child=
# Only outside, where the last process of the namespaces is gone.
# shellcheck disable=SC2317,SC2329 # called by a trap
clean_up() {
    if [[ $child ]]; then
        kill -KILL "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    # Files of pods belong to subordinate ids, which only their user namespace may remove.
    rm -rf "$work" 2>/dev/null || unshare "${unshare_flags[@]}" rm -rf "$work"
}
trap clean_up EXIT
trap 'echo "Interrupted." >&2; exit 130' INT
trap 'exit 143' TERM

namespaces=(--mount --pid --fork --kill-child --mount-proc)
# A cluster of the caller's has to be reached through the machine's own network.
[[ ${EVENTBUS_TEST_KUBECONFIG:-} ]] || namespaces+=(--net)
unshare_flags=("${namespaces[@]}")
if ! unshare "${unshare_flags[@]}" true 2>"$work/unshare"; then
    unshare_flags=(--user --map-root-user --map-auto "${namespaces[@]}")
    if ! unshare "${unshare_flags[@]}" true 2>>"$work/unshare"; then
        EVENTBUS_K8S_SKIP="no namespaces: $(paste -sd ';' "$work/unshare") (root, or user namespaces with subordinate ids)" runner "$@"
        exit
    fi
fi

# Tests see no cluster before the harness has started one.
export KUBECONFIG=$work/kubeconfig EVENTBUS_K8S_INSIDE=$work
# In the background, so that a signal is handled at once and not when all tests are through.
unshare "${unshare_flags[@]}" "${BASH_SOURCE[0]}" "$@" &
child=$!
exit_code=0
wait "$child" || exit_code=$?
child=
exit "$exit_code"
