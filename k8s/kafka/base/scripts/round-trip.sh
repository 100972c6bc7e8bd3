#!/usr/bin/env bash
# Sends one message and receives it again. In a topic of its own, cluster-check, kept for an hour: a test message in a
# topic that services read would be theirs to deal with.
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
require BOOTSTRAP_SERVERS BROKERS REPLICATION_FACTOR
[[ -e $client_config ]] || write_client_config admin

readonly topic=cluster-check
message="check $(date -u +%Y-%m-%dT%H:%M:%SZ) $RANDOM$RANDOM"

failed() {
    printf 'fail\tround-trip\t%s\n' "$1"
    exit 1
}

admin kafka-topics --create --if-not-exists --topic "$topic" --partitions "$BROKERS" --replication-factor "$REPLICATION_FACTOR" \
    --config retention.ms=3600000 >/dev/null || failed "the topic $topic could not be created"
# acks=all and few retries: an answer now, rather than after two minutes.
printf '%s\n' "$message" | tool kafka-console-producer --bootstrap-server "$BOOTSTRAP_SERVERS" --topic "$topic" --sync \
    --producer.config "$client_config" --producer-property acks=all --producer-property delivery.timeout.ms=15000 \
    --producer-property request.timeout.ms=10000 >/tmp/produced 2>&1 || true
# The tool ends with 0 also when the message was refused, and says so only here.
refused=$(grep -E 'Exception' /tmp/produced | tail -n 1) || true
if [[ $refused ]]; then failed "not sent: $refused"; fi
received=$(tool kafka-console-consumer --bootstrap-server "$BOOTSTRAP_SERVERS" --topic "$topic" --from-beginning --timeout-ms 15000 \
    --consumer.config "$client_config" 2>/tmp/consumed | grep -Fxm 1 "$message") || true
if [[ $received != "$message" ]]; then failed "sent, but not received within 15 s: $(tail -n 1 /tmp/consumed)"; fi
printf 'ok\tround-trip\t%s\n' "a message sent to and received from $topic"
