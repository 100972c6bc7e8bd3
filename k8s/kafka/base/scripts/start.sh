#!/usr/bin/env bash
# Starts one node of the cluster: writes /run/kafka/server.properties from the fragments in /config and from what only this
# pod knows, formats an empty volume (KRaft), and becomes the broker.
set -euo pipefail
# shellcheck source=common.sh
source /scripts/common.sh
require POD_NAME POD_NAMESPACE CONTROLLERS REPLICATION_FACTOR MIN_INSYNC_REPLICAS INTERNAL_REPLICATION_FACTOR

readonly ordinal=${POD_NAME##*-}
readonly domain=kafka-headless.$POD_NAMESPACE.svc.${CLUSTER_DOMAIN:-cluster.local}
readonly address=$POD_NAME.$domain
readonly server_config=/run/kafka/server.properties

# CLIENTS is what applications use, BROKERS what brokers use among themselves, CONTROLLER the quorum, EXTERNAL the way in from
# outside of Kubernetes. Names, not protocols: security changes the protocol and nothing else.
listeners() {
    local protocol listeners advertised
    protocol=$(security_protocol)
    listeners=CLIENTS://:9092,BROKERS://:9093
    advertised=CLIENTS://$address:9092,BROKERS://$address:9093
    if [[ ${EXTERNAL_HOST:-} ]]; then
        require EXTERNAL_FIRST_PORT
        listeners+=,EXTERNAL://:9095
        advertised+=,EXTERNAL://$EXTERNAL_HOST:$((EXTERNAL_FIRST_PORT + ordinal))
    fi
    if is_controller; then listeners+=,CONTROLLER://:9094; fi
    echo "listeners=$listeners"
    echo "advertised.listeners=$advertised"
    echo "listener.security.protocol.map=CLIENTS:$protocol,BROKERS:$protocol,CONTROLLER:$protocol,EXTERNAL:$protocol"
}

is_kraft() { [[ ! ${ZOOKEEPER:-} ]]; }
is_controller() { is_kraft && ((ordinal < CONTROLLERS)); }

identity() {
    local i voters=
    if ! is_kraft; then
        echo "broker.id=$ordinal"
        return
    fi
    for ((i = 0; i < CONTROLLERS; i++)); do voters+=,$i@kafka-$i.$domain:9094; done
    echo "node.id=$ordinal"
    # The first CONTROLLERS pods are the quorum. Scaling up adds brokers only, and leaves the quorum as it is.
    if is_controller; then echo "process.roles=broker,controller"; else echo "process.roles=broker"; fi
    echo "controller.listener.names=CONTROLLER"
    echo "controller.quorum.voters=${voters#,}"
}

replication() {
    echo "default.replication.factor=$REPLICATION_FACTOR"
    echo "min.insync.replicas=$MIN_INSYNC_REPLICAS"
    # Kafka's own topics have a setting of their own: without consumer offsets no consumer goes on.
    echo "offsets.topic.replication.factor=$INTERNAL_REPLICATION_FACTOR"
    echo "transaction.state.log.replication.factor=$INTERNAL_REPLICATION_FACTOR"
    echo "transaction.state.log.min.isr=$((INTERNAL_REPLICATION_FACTOR > 1 ? INTERNAL_REPLICATION_FACTOR - 1 : 1))"
    if is_kraft; then
        echo "share.coordinator.state.topic.replication.factor=$INTERNAL_REPLICATION_FACTOR"
        echo "share.coordinator.state.topic.min.isr=$((INTERNAL_REPLICATION_FACTOR > 1 ? INTERNAL_REPLICATION_FACTOR - 1 : 1))"
    fi
}

# From the pod's own label (components/rack-awareness) or from its init container (components/rack-awareness-rbac).
rack() {
    local rack=${RACK:-}
    if [[ ! $rack && -r /run/kafka/rack ]]; then rack=$(</run/kafka/rack); fi
    if [[ $rack ]]; then echo "broker.rack=$rack"; fi
}

# Brokers and clients by SCRAM; the controllers by PLAIN, because SCRAM's users stand in the metadata that only a quorum that
# has already formed can read. Of each internal user there are two, of which INTERNAL_LOGIN is used: a password that is changed
# under running nodes would lock out those that have not restarted yet, so one changes the other user's and then switches.
sasl() {
    local broker controller controller_1 controller_2
    [[ ${SASL:-} == true ]] || return 0
    is_kraft || die "The scram component is for clusters without ZooKeeper."
    require INTERNAL_LOGIN
    broker=$(password_of "broker-$INTERNAL_LOGIN")
    controller=$(password_of "controller-$INTERNAL_LOGIN")
    controller_1=$(password_of controller-1)
    controller_2=$(password_of controller-2)
    local scram="org.apache.kafka.common.security.scram.ScramLoginModule required"
    local plain="org.apache.kafka.common.security.plain.PlainLoginModule required"
    local listener mechanism
    for listener in clients external; do
        echo "listener.name.$listener.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256"
        for mechanism in 512 256; do
            echo "listener.name.$listener.scram-sha-$mechanism.sasl.jaas.config=$scram;"
        done
    done
    echo "listener.name.brokers.sasl.enabled.mechanisms=SCRAM-SHA-512"
    echo "listener.name.brokers.scram-sha-512.sasl.jaas.config=$scram username=\"broker-$INTERNAL_LOGIN\" password=\"$broker\";"
    echo "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512"
    echo "listener.name.controller.sasl.enabled.mechanisms=PLAIN"
    echo "listener.name.controller.plain.sasl.jaas.config=$plain username=\"controller-$INTERNAL_LOGIN\" password=\"$controller\"" \
        "user_controller-1=\"$controller_1\" user_controller-2=\"$controller_2\";"
    echo "sasl.mechanism.controller.protocol=PLAIN"
}

# PEM as certificate managers write it. Kafka wants the key and its chain in one file.
tls() {
    [[ ${TLS:-} == true ]] || return 0
    local file
    for file in tls.key tls.crt ca.crt; do
        [[ -r /secrets/tls/$file ]] || die "The Secret kafka-tls has no $file." "certificates.sh makes one; see 'Security' in the guide."
    done
    grep -q 'BEGIN PRIVATE KEY' /secrets/tls/tls.key ||
        die "tls.key of the Secret kafka-tls is not in PKCS#8." "openssl pkcs8 -topk8 -nocrypt converts it; cert-manager: privateKey.encoding: PKCS8."
    (umask 077 && cat /secrets/tls/tls.key /secrets/tls/tls.crt >/run/kafka/keystore.pem)
    echo "ssl.keystore.type=PEM"
    echo "ssl.keystore.location=/run/kafka/keystore.pem"
    echo "ssl.truststore.type=PEM"
    echo "ssl.truststore.location=/secrets/tls/ca.crt"
}

umask 077
{
    for fragment in /config/*.properties; do
        # Kafka 3's own logging configuration stands in the same folder.
        [[ $fragment == */log4j.properties ]] || cat "$fragment"
        echo
    done
    echo "# What only this pod knows."
    listeners
    identity
    replication
    rack
    sasl
    tls
} >"$server_config"
write_client_config admin

if is_kraft; then
    require CLUSTER_ID
    users=()
    if [[ ${SASL:-} == true ]]; then
        # The brokers must be known before the first of them starts, and an administrator to make everyone else.
        for user in broker-1 broker-2 admin; do
            password=$(password_of "$user")
            users+=(--add-scram "SCRAM-SHA-512=[name=$user,password=$password]")
        done
        users+=(--add-scram "SCRAM-SHA-256=[name=admin,password=$password]")
    fi
    # An already formatted volume is left as it is, except that one of another cluster is refused.
    KAFKA_HEAP_OPTS=-Xmx128m KAFKA_OPTS=-XX:TieredStopAtLevel=1 LOG_DIR=/tmp/logs \
        "$kafka_bin/kafka-storage.sh" format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$server_config" "${users[@]}" ||
        die "The volume could not be formatted (above)." \
            "Does it belong to another cluster, or another pod? Its meta.properties names the cluster and the node."
fi

# The agent listens on a port: in the broker's own JVM only, not in that of every tool that runs beside it.
export KAFKA_OPTS="-Dlog4j2.configurationFile=/config/log4j2.yaml -Dlog4j.configuration=file:/config/log4j.properties"
if [[ ${JMX_EXPORTER_JAR:-} ]]; then
    [[ -r $JMX_EXPORTER_JAR ]] || die "The image has no $JMX_EXPORTER_JAR." "Build it from k8s/kafka/image/Dockerfile; apache/kafka has no exporter."
    KAFKA_OPTS+=" -javaagent:$JMX_EXPORTER_JAR=9404:/metrics/jmx-exporter-rules.yaml"
fi
# No garbage collection log in a file of up to 1 GB; -Xlog:gc to the console costs nothing.
export EXTRA_ARGS="-name kafkaServer" LOG_DIR=/tmp/logs

exec "$kafka_bin/kafka-server-start.sh" "$server_config"
