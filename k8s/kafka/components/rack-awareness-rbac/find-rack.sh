#!/bin/sh
# Writes the zone of this pod's node where start.sh finds it. Runs in curl's image, which has no bash.
set -eu

account=/var/run/secrets/kubernetes.io/serviceaccount
# From a file, so that the token stands on no command line.
(umask 077 && printf 'Authorization: Bearer %s' "$(cat "$account/token")" >/run/kafka/authorization)
node=$(curl --fail --silent --show-error --max-time 30 --retry 5 --retry-connrefused --cacert "$account/ca.crt" --header @/run/kafka/authorization \
    "${KUBERNETES_API:-https://kubernetes.default.svc}/api/v1/nodes/$NODE_NAME")
rm -f /run/kafka/authorization
zone=$(printf '%s' "$node" | sed -n 's/.*"topology\.kubernetes\.io\/zone": *"\([^"]*\)".*/\1/p' | head -n 1)
if [ -z "$zone" ]; then
    echo "error: the node $NODE_NAME has no label topology.kubernetes.io/zone. Label it, or leave this component out." >&2
    exit 1
fi
printf '%s' "$zone" >/run/kafka/rack
echo "$NODE_NAME is in $zone"
