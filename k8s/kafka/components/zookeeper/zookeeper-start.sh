#!/usr/bin/env bash
# Starts one ZooKeeper: alone, or as a member of an ensemble of ZOOKEEPER_SERVERS.
set -euo pipefail

readonly ordinal=${POD_NAME##*-} servers=${ZOOKEEPER_SERVERS:-1}
readonly domain=zookeeper-headless.$POD_NAMESPACE.svc.${CLUSTER_DOMAIN:-cluster.local}

# ZooKeeper's numbers start at 1, those of pods at 0.
echo "$((ordinal + 1))" >/var/lib/zookeeper/data/myid
{
    cat <<CONFIG
dataDir=/var/lib/zookeeper/data
dataLogDir=/var/lib/zookeeper/log
clientPort=2181
tickTime=2000
initLimit=10
syncLimit=5
maxClientCnxns=60
# Snapshots and logs are kept for ever otherwise, until the volume is full.
autopurge.snapRetainCount=3
autopurge.purgeInterval=24
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,mntr
CONFIG
    if ((servers > 1)); then
        for ((i = 0; i < servers; i++)); do echo "server.$((i + 1))=zookeeper-$i.$domain:2888:3888"; done
        # A member's own name may not resolve yet when it starts.
        echo "quorumListenOnAllIPs=true"
    fi
} >/run/kafka/zookeeper.properties

export KAFKA_OPTS="-Dlog4j.configuration=file:/scripts/log4j.properties" LOG_DIR=/tmp/logs EXTRA_ARGS="-name zookeeper"
exec /opt/kafka/bin/zookeeper-server-start.sh /run/kafka/zookeeper.properties
