#!/usr/bin/env bash
# The CronJob: every check of status.sh that concerns the cluster rather than its topics' settings, then one line that says it all.
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
write_client_config admin

if bash /scripts/status.sh | tee /tmp/status; then
    echo "HEALTHY: $(grep -c . /tmp/status) checks"
else
    echo "UNHEALTHY: $(awk -F '\t' '$1 == "fail" { printf "%s%s: %s", separator, $2, $3; separator = "; " }' /tmp/status)"
    exit 1
fi
