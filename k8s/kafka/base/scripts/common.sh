# shellcheck shell=bash
# What the other scripts share. Sourced, never run. Runs in the Kafka image: bash, and busybox for everything else.

readonly kafka_bin=/opt/kafka/bin
readonly client_config=/run/kafka/client.properties

# die MESSAGE [REMEDY…]
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    if (($#)); then printf '       %s\n' "$@" >&2; fi
    exit 1
}

# require NAME…: the settings that this script can't do without.
require() {
    local name
    for name in "$@"; do
        [[ ${!name:-} ]] || die "$name is not set." "It comes from the ConfigMap kafka-settings."
    done
}

security_protocol() {
    local protocol=PLAINTEXT
    if [[ ${TLS:-} == true ]]; then protocol=SSL; fi
    if [[ ${SASL:-} == true ]]; then protocol=SASL_$protocol; fi
    printf '%s' "$protocol"
}

# The password of a user of the Secret kafka-users. It goes into a JAAS line and a list of options, whose quoting differs:
# only characters that mean nothing in either are let in.
password_of() {
    local file=/secrets/users/$1 password
    [[ -r $file ]] || die "The Secret kafka-users has no key $1." "deploy.sh creates what is missing; see 'Security' in the guide."
    password=$(<"$file")
    [[ $password =~ ^[A-Za-z0-9._~-]{12,}$ ]] ||
        die "The password of $1 is shorter than 12 characters or has one that is not a letter, digit or one of . _ ~ -" \
            "Change the key $1 of the Secret kafka-users."
    printf '%s' "$password"
}

# How a tool in this pod reaches the brokers, as the user $1 where users exist.
write_client_config() {
    local password
    umask 077
    {
        echo "security.protocol=$(security_protocol)"
        if [[ ${TLS:-} == true ]]; then
            echo "ssl.truststore.type=PEM"
            echo "ssl.truststore.location=/secrets/tls/ca.crt"
        fi
        if [[ ${SASL:-} == true ]]; then
            password=$(password_of "$1")
            echo "sasl.mechanism=SCRAM-SHA-512"
            echo "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"$1\" password=\"$password\";"
        fi
    } >"$client_config"
}

# tool NAME ARGUMENTS…: one of Kafka's tools, as a small JVM that compiles little: starting it is most of what it costs.
# The broker's own KAFKA_OPTS (its metrics agent listens on a port) and JMX_PORT are not for it.
tool() {
    local name=$1
    shift
    env -u JMX_PORT -u KAFKA_JMX_OPTS KAFKA_HEAP_OPTS=-Xmx128m KAFKA_JVM_PERFORMANCE_OPTS=-XX:+UseSerialGC KAFKA_OPTS=-XX:TieredStopAtLevel=1 LOG_DIR=/tmp/logs \
        timeout "${TOOL_SECONDS:-60}" "$kafka_bin/$name.sh" "$@"
}

# Like tool, against the cluster. Its standard error is kept aside and shown only when it fails.
admin() {
    local name=$1 errors exit_code=0
    shift
    errors=$(mktemp)
    tool "$name" --bootstrap-server "$BOOTSTRAP_SERVERS" --command-config "$client_config" "$@" 2>"$errors" || exit_code=$?
    if ((exit_code)); then cat "$errors" >&2; fi
    rm -f "$errors"
    return "$exit_code"
}

# The ids of the brokers that are there, one per line.
list_brokers() {
    local errors output
    errors=$(mktemp)
    if [[ ${ZOOKEEPER:-} ]]; then
        # Kafka 3.9 has no list-endpoints; this asks every broker.
        output=$(tool kafka-broker-api-versions --bootstrap-server "$BOOTSTRAP_SERVERS" --command-config "$client_config" 2>"$errors") || output=
        output=$(sed -nE 's/^[^ ]+ \(id: ([0-9]+) .*/\1/p' <<<"$output")
    else
        output=$(tool kafka-cluster list-endpoints --bootstrap-server "$BOOTSTRAP_SERVERS" --config "$client_config" 2>"$errors") || output=
        output=$(awk '$1 ~ /^[0-9]+$/ { print $1 }' <<<"$output")
    fi
    [[ $output ]] || cat "$errors" >&2
    rm -f "$errors"
    [[ $output ]] && sort -n <<<"$output"
}
