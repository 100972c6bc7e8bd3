#!/usr/bin/env bash
# Makes the Secret kafka-tls: a certificate for the brokers, signed by a certificate authority of our own: certificates.sh [options]
#
#   --namespace NS      default: kafka
#   --context NAME      another context of the kubeconfig than the current one
#   --days DAYS         how long the certificate is good (default 365); the authority: ten years
#   --authority FOLDER  where the authority's ca.crt and ca.key are, or will be (default: ./kafka-ca). Keep it, and keep it secret:
#                       whoever has ca.key can pass for a broker. Clients get ca.crt.
#   --name NAME         another name that clients use, for instance from outside (may be given more than once)
#
# Run again to renew: same authority, new certificate; then roll.sh --all. For those without cert-manager, which does this by itself.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

days=365 authority=kafka-ca names=()
while (($#)); do
    case $1 in
        --days) days=${2:?--days needs a number} && shift 2 ;;
        --authority) authority=${2:?--authority needs a folder} && shift 2 ;;
        --name) names+=("${2:?--name needs a name}") && shift 2 ;;
        *) common_option "$@" && shift "$taken" ;;
    esac
done
namespace=${namespace:-kafka}
[[ $days =~ ^[1-9][0-9]*$ ]] || die "--days $days is not a number of days."
command -v openssl >/dev/null || die "openssl is not installed." "Install it, or let cert-manager make the Secret."

umask 077
mkdir -p "$authority"
if [[ ! -e $authority/ca.key ]]; then
    openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 3650 -subj "/CN=Kafka in $namespace" \
        -keyout "$authority/ca.key" -out "$authority/ca.crt" 2>"$work/why" || die "The authority could not be made: $(<"$work/why")"
    say "made a certificate authority in $authority"
fi

service=kafka.$namespace
headless=kafka-headless.$namespace.svc.cluster.local
alternatives="DNS:kafka,DNS:$service,DNS:$service.svc,DNS:$service.svc.cluster.local,DNS:$headless,DNS:*.$headless,DNS:localhost"
for name in "${names[@]}"; do alternatives+=,DNS:$name; done
{
    openssl req -new -newkey rsa:3072 -nodes -subj "/CN=$service" -keyout "$work/tls.key" -out "$work/tls.csr" &&
        openssl x509 -req -in "$work/tls.csr" -CA "$authority/ca.crt" -CAkey "$authority/ca.key" -CAcreateserial -sha256 -days "$days" \
            -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n' "$alternatives") \
            -out "$work/tls.crt"
} 2>"$work/why" || die "The certificate could not be made: $(<"$work/why")"

kube get namespace "$namespace" >/dev/null 2>&1 || kube create namespace "$namespace"
kube create secret generic kafka-tls -n "$namespace" --dry-run=client -o yaml \
    --from-file=tls.crt="$work/tls.crt" --from-file=tls.key="$work/tls.key" --from-file=ca.crt="$authority/ca.crt" |
    kube apply --server-side --force-conflicts --field-manager=kafka-certificates -f -
say "good until $(openssl x509 -in "$work/tls.crt" -noout -enddate | cut -d= -f2), for $alternatives"
