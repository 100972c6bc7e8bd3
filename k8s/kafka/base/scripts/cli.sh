#!/usr/bin/env bash
# /cli/kafka-topics and its like: Kafka's tool of that name, started so that it doesn't disturb the broker it runs beside.
# It must not inherit the broker's heap, nor its metrics agent, whose port is taken.
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
TOOL_SECONDS=0 tool "${0##*/}" "$@"
