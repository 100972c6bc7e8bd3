#!/usr/bin/env bash
# Makes the topics what topics.txt says: creates what is missing, corrects what has drifted, leaves the rest alone.
# What can't be corrected without a person's decision (partitions, replicas) is an error that says what to do.
#
#   BOOTSTRAP_SERVERS  REPLICATION_FACTOR  MIN_INSYNC_REPLICAS
#   TOPICS_FILE        default /topics/topics.txt
#   BROKERS            how many brokers to wait for (default: REPLICATION_FACTOR)
#   WAIT_SECONDS       how long to wait for them (default 300)
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
require BOOTSTRAP_SERVERS REPLICATION_FACTOR MIN_INSYNC_REPLICAS
write_client_config admin

readonly topics_file=${TOPICS_FILE:-/topics/topics.txt} wait_seconds=${WAIT_SECONDS:-300} expected=${BROKERS:-$REPLICATION_FACTOR}
[[ -r $topics_file ]] || die "There is no list of topics at $topics_file."

wait_for_cluster() {
    local deadline=$((SECONDS + wait_seconds)) count=0
    while :; do
        count=$(TOOL_SECONDS=20 list_brokers 2>/tmp/why | grep -c .) || true
        ((count < expected)) || return 0
        ((SECONDS < deadline)) || break
        echo "waiting for the cluster: ${count:-0} of $expected brokers"
        sleep 3
    done
    tail -n 3 /tmp/why >&2
    die "Only ${count:-0} of $expected brokers answered at $BOOTSTRAP_SERVERS within $wait_seconds s." \
        "Topics with $REPLICATION_FACTOR replicas need them: see 'A broker does not start' in the guide, then run the Job again."
}

# Fails before anything is changed when a line makes no sense.
check_list() {
    local name partitions retention line=0 wrong=0
    while read -r name partitions retention _; do
        line=$((line + 1))
        [[ $name && $name != \#* ]] || continue
        if [[ ! $name =~ ^[A-Za-z0-9._-]{1,249}$ || ! $partitions =~ ^[1-9][0-9]*$ || ! $retention =~ ^(-1|[1-9][0-9]*)$ ]]; then
            echo "error: $topics_file:$line: '$name $partitions $retention' is not a topic's name, its partitions and its retention in ms." >&2
            wrong=1
        fi
    done <"$topics_file"
    ((wrong == 0)) || die "Nothing was changed."
}

check_list
wait_for_cluster
described=$(admin kafka-topics --describe) || die "The topics could not be read (above)."

failed=0
while read -r name partitions retention _; do
    [[ $name && $name != \#* ]] || continue
    line=$(awk -F '\t' -v topic="Topic: $name" '$1 == topic && /PartitionCount: /' <<<"$described")
    if [[ ! $line ]]; then
        if admin kafka-topics --create --if-not-exists --topic "$name" --partitions "$partitions" --replication-factor "$REPLICATION_FACTOR" \
            --config "retention.ms=$retention" --config "min.insync.replicas=$MIN_INSYNC_REPLICAS" --config cleanup.policy=delete >/tmp/created; then
            echo "$name: created, $partitions partitions, $REPLICATION_FACTOR replicas"
        else
            echo "error: $name could not be created (above)." >&2
            failed=$((failed + 1))
        fi
        continue
    fi

    read -r partitions_found replicas_found < <(sed -nE 's/.*PartitionCount: ([0-9]+).*ReplicationFactor: ([0-9]+).*/\1 \2/p' <<<"$line")
    if ((partitions_found != partitions)); then
        echo "error: $name has $partitions_found partitions, not $partitions. Changing it moves keys to other partitions and breaks their order:" \
            "do it by hand when no event is on its way (kafka-topics --alter), or correct topics.txt." >&2
        failed=$((failed + 1))
    fi
    if ((replicas_found != REPLICATION_FACTOR)); then
        echo "error: $name has $replicas_found replicas, not $REPLICATION_FACTOR: see 'Changing replicas' in the guide (kafka-reassign-partitions)." >&2
        failed=$((failed + 1))
    fi
    drifted=()
    for setting in "retention.ms=$retention" "min.insync.replicas=$MIN_INSYNC_REPLICAS" "cleanup.policy=delete"; do
        [[ ,${line##*Configs: }, == *",$setting,"* ]] || drifted+=("$setting")
    done
    if ((${#drifted[@]})); then
        changes=$(IFS=,; printf '%s' "${drifted[*]}")
        if admin kafka-configs --alter --entity-type topics --entity-name "$name" --add-config "$changes" >/tmp/altered; then
            echo "$name: corrected $changes"
        else
            echo "error: $name could not be corrected to $changes (above)." >&2
            failed=$((failed + 1))
        fi
    else
        echo "$name: as it should be"
    fi
done <"$topics_file"
((failed == 0)) || die "$failed problems (above)."
