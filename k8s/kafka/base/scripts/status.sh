#!/usr/bin/env bash
# The state of the cluster, one check per line: `ok` or `fail`, the check's name, what was found; separated by tabs.
# health-check.sh, verify.sh and roll.sh read it. The exit code is the number of failed checks.
#   status.sh             everything
#   status.sh --replicas  only whether every broker is there and every replica in sync
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
require BOOTSTRAP_SERVERS BROKERS
[[ -e $client_config ]] || write_client_config admin

failures=0
report() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$3"
    if [[ $1 == fail ]]; then failures=$((failures + 1)); fi
}

check_brokers() {
    local listed count
    if ! listed=$(list_brokers); then
        report fail brokers "no broker answers at $BOOTSTRAP_SERVERS"
        return 1
    fi
    count=$(grep -c . <<<"$listed") || true
    if ((count >= BROKERS)); then
        report ok brokers "$count of $BROKERS brokers: $(tr '\n' ' ' <<<"$listed")"
    else
        report fail brokers "$count of $BROKERS brokers: only $(tr '\n' ' ' <<<"$listed")"
    fi
}

check_partitions() {
    # Topic: a<TAB>Partition: 0<TAB>Leader: 1<TAB>Replicas: 1,2,0<TAB>Isr: 1,2,0 …
    awk -F '\t' '
        { for (i = 1; i <= NF; i++) if (match($i, /^[A-Za-z]+: /)) value[substr($i, 1, RLENGTH - 2)] = substr($i, RLENGTH + 1) }
        /Partition: / {
            total++
            where = value["Topic"] "-" value["Partition"]
            if (value["Leader"] == "none" || value["Leader"] == "-1") offline = offline " " where
            if (split(value["Isr"], a, ",") < split(value["Replicas"], b, ",")) under = under " " where
        }
        function line(bad, name, good) {
            n = split(bad, list, " ")
            if (!n) { print "ok\t" name "\t" good; return }
            shown = ""
            for (i = 1; i <= n && i <= 10; i++) shown = shown " " list[i]
            print "fail\t" name "\t" n " of " total ":" shown (n > 10 ? " …" : "")
        }
        END {
            line(offline, "offline-partitions", "each of " total + 0 " partitions has a leader")
            line(under, "under-replicated-partitions", "every replica of " total + 0 " partitions is in sync")
        }' <<<"$topics"
}

check_controller() {
    local status leader
    if [[ ${ZOOKEEPER:-} ]]; then
        leader=$(tool zookeeper-shell "$ZOOKEEPER" get /controller 2>/dev/null | sed -nE 's/.*"brokerid":([0-9]+).*/\1/p') || true
        if [[ $leader ]]; then report ok controller "broker $leader"; else report fail controller "no broker is the controller"; fi
        return
    fi
    if ! status=$(admin kafka-metadata-quorum describe --status); then
        report fail controller "the quorum does not answer"
        return
    fi
    leader=$(awk '$1 == "LeaderId:" { print $2 }' <<<"$status")
    if [[ $leader =~ ^[0-9]+$ ]]; then
        report ok controller "node $leader leads the quorum, its slowest follower is $(awk '$1 == "MaxFollowerLag:" { print $2 }' <<<"$status") records behind"
    else
        report fail controller "the quorum has no leader"
    fi
}

check_zookeeper() {
    local answer=
    [[ ${ZOOKEEPER:-} ]] || return 0
    if exec 3<>"/dev/tcp/${ZOOKEEPER%%:*}/2181"; then
        printf ruok >&3
        answer=$(timeout 4 cat <&3) || true
    fi 2>/dev/null
    if [[ $answer == imok ]]; then report ok zookeeper "imok"; else report fail zookeeper "$ZOOKEEPER does not answer imok"; fi
}

# Each topic of the list: its partitions, replicas and retention.
check_topics() {
    local name partitions retention line found
    [[ -r /topics/topics.txt ]] || return 0
    while read -r name partitions retention _; do
        [[ $name && $name != \#* ]] || continue
        line=$(awk -F '\t' -v topic="Topic: $name" '$1 == topic && /PartitionCount: /' <<<"$topics")
        if [[ ! $line ]]; then
            report fail "topic:$name" "does not exist"
            continue
        fi
        found=$(sed -nE 's/.*PartitionCount: ([0-9]+).*ReplicationFactor: ([0-9]+).*/\1 \2/p' <<<"$line")
        retention_found=$(grep -oE 'retention\.ms=-?[0-9]+' <<<"${line##*Configs: }" | head -n 1) || true
        if [[ $found == "$partitions $REPLICATION_FACTOR" && $retention_found == "retention.ms=$retention" ]]; then
            report ok "topic:$name" "$partitions partitions, $REPLICATION_FACTOR replicas, $((retention / 86400000)) days"
        else
            report fail "topic:$name" "has partitions and replicas $found (not $partitions $REPLICATION_FACTOR), ${retention_found:-no retention.ms} (not $retention)"
        fi
    done </topics/topics.txt
}

if [[ ${1:-} != --replicas ]]; then check_zookeeper; fi
if check_brokers; then
    if topics=$(admin kafka-topics --describe); then
        while IFS=$'\t' read -r result name message; do report "$result" "$name" "$message"; done < <(check_partitions)
        if [[ ${1:-} != --replicas ]]; then check_topics; fi
    else
        report fail topics "the brokers do not answer (above)"
    fi
    if [[ ${1:-} != --replicas ]]; then check_controller; fi
fi
exit "$failures"
