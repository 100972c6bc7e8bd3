#!/usr/bin/env bash
# Installs one Kafka node on this machine, by the steps of README.md. Run by root; safe to run again.
#
#   ./install.sh --archive kafka_2.13-4.3.1.tgz --variant kraft-single --host kafka.example.org
#   ./install.sh --archive kafka_2.13-4.3.1.tgz --variant kraft-three-nodes --host kafka2 --node-id 2 --cluster-id ID
#
#   --archive FILE     Kafka's release, with FILE.sha512 beside it; its signature is checked by hand (README.md)
#   --variant NAME     kraft-single (default), kraft-three-nodes, zookeeper-single, zookeeper-three-nodes
#   --host NAME        what clients and the other nodes connect to
#   --node-id N        unlike any other node's (default 1)
#   --cluster-id ID    KRaft, three nodes: the same on each, from `kafka-storage.sh random-uuid`
#   --no-start         leaves starting to you
#
# It never changes a server.properties that is there: what it would write is left beside it, with a message.
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here config=/etc/kafka data=/var/lib/kafka

die() {
    printf 'error: %s\n' "$1" >&2
    shift
    if (($#)); then printf '       %s\n' "$@" >&2; fi
    exit 1
}

archive='' variant=kraft-single host='' node_id=1 cluster_id='' start=true
while (($#)); do
    case $1 in
        --archive | --variant | --host | --node-id | --cluster-id)
            (($# > 1)) || die "$1 needs a value."
            name=${1#--}
            printf -v "${name/-/_}" '%s' "$2"
            shift 2
            ;;
        --no-start) start=false; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit ;;
        *) die "There is no option $1." "See ./install.sh --help." ;;
    esac
done

# --- What can be known to be wrong before anything is changed --------------------------------------------------------

[[ $archive ]] || die "--archive is missing: Kafka's release, downloaded as README.md says."
[[ $host ]] || die "--host is missing: the name that clients and the other nodes connect to." "This machine calls itself $(hostname -f 2>/dev/null || hostname)."
[[ -r $archive ]] || die "There is no archive $archive."
[[ -r $archive.sha512 ]] || die "There is no $archive.sha512." "Download it from where the archive came from; without it a broken download can't be told."
[[ -r $here/properties/$variant/server.properties ]] || die "There is no variant $variant." "There are: $(cd "$here/properties" && echo */ | tr -d /)."
[[ $host =~ ^[A-Za-z0-9.-]+$ ]] || die "$host is not a host's name or IPv4 address."
[[ $node_id =~ ^[0-9]+$ ]] || die "--node-id $node_id is not a number."
[[ $archive =~ kafka_[0-9.]+-([0-9]+)\.([0-9]+)\.([0-9]+)\.tgz$ ]] || die "$archive is not named as Kafka's releases are, kafka_2.13-4.3.1.tgz."
release=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}.${BASH_REMATCH[3]}
if [[ $variant == zookeeper-* ]]; then
    ((BASH_REMATCH[1] == 3)) || die "Kafka $release has no ZooKeeper." "3.9.2 is the last release that has; or take a kraft variant."
else
    ((BASH_REMATCH[1] >= 4)) || die "The kraft variants are for Kafka 4, and this is $release."
fi
if [[ $variant == kraft-three-nodes && ! -e $data/data/meta.properties && ! $cluster_id ]]; then
    die "--cluster-id is missing: the three nodes only find each other under the same one." \
        "Make it once, on any machine with Kafka: kafka-storage.sh random-uuid"
fi
((EUID == 0)) || die "This has to be run by root: sudo $0 …"
command -v java >/dev/null || die "There is no Java." "Debian, Ubuntu: apt-get install openjdk-17-jdk-headless"
java_version=$(java -version 2>&1 | sed -nE '1s/.*"([0-9]+).*/\1/p')
((java_version >= 17)) || die "Java $java_version is too old for Kafka's brokers: 17 or later." "Debian, Ubuntu: apt-get install openjdk-17-jdk-headless"

# Kafka's .sha512 files are in gpg's format (`NAME: 0A1B 2C3D …`, over several lines), which sha512sum -c does not read.
expected=$(sed 's/^[^:]*://' "$archive.sha512" | tr -d ' \n' | tr 'A-F' 'a-f' | cut -c 1-128)
actual=$(sha512sum "$archive")
[[ ${actual%% *} == "$expected" ]] || die "$archive is not what $archive.sha512 says." "Nothing was changed. Download both again."

# --- Programs, user, folders -----------------------------------------------------------------------------------------

if [[ ! -d /opt/kafka-$release ]]; then
    echo "unpacking Kafka $release to /opt/kafka-$release"
    unpacked=$(mktemp -d /opt/.kafka-XXXXXX)
    trap 'rm -rf "$unpacked"' EXIT
    tar -xzf "$archive" -C "$unpacked" --strip-components=1 --no-same-owner
    chmod 755 "$unpacked"
    mv "$unpacked" "/opt/kafka-$release"
fi
ln -sfn "kafka-$release" /opt/kafka

getent passwd kafka >/dev/null || useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin kafka
install -d -o root -g kafka -m 0750 "$config"
install -d -o kafka -g kafka -m 0750 "$data" "$data/data" /var/log/kafka

# --- Configuration ---------------------------------------------------------------------------------------------------

# put FILE: what comes in becomes FILE, unless another one is there.
put() {
    local file=$1 new
    new=$(mktemp)
    cat >"$new"
    if [[ -e $file ]] && ! cmp -s "$file" "$new"; then
        install -o root -g kafka -m 0640 "$new" "$file.new"
        echo "$file is not what this variant has: kept, with the difference in $file.new"
    else
        install -o root -g kafka -m 0640 "$new" "$file"
        rm -f "$file.new"
    fi
    rm -f "$new"
}

cat "$here/properties/common.properties" "$here/properties/$variant/server.properties" |
    sed -e "s/@NODE_ID@/$node_id/g" -e "s/@HOST@/$host/g" | put "$config/server.properties"

units=(kafka)
install -m 0644 "$here/kafka.service" /etc/systemd/system/
if [[ $variant == zookeeper-* ]]; then
    install -d -o kafka -g kafka -m 0750 /var/lib/zookeeper /var/lib/zookeeper/data /var/lib/zookeeper/log /var/log/zookeeper
    cat "$here/properties/zookeeper.properties" "$here/properties/$variant/zookeeper.properties" | put "$config/zookeeper.properties"
    if [[ $variant == zookeeper-three-nodes ]]; then
        echo "$node_id" | install -o kafka -g kafka -m 0640 /dev/stdin /var/lib/zookeeper/data/myid
    fi
    install -m 0644 "$here/zookeeper.service" /etc/systemd/system/
    install -D -m 0644 "$here/kafka.service.d/zookeeper.conf" /etc/systemd/system/kafka.service.d/zookeeper.conf
    units=(zookeeper kafka)
elif [[ ! -e $data/data/meta.properties ]]; then
    runuser -u kafka -- env LOG_DIR=/var/log/kafka /opt/kafka/bin/kafka-storage.sh format \
        --cluster-id "${cluster_id:-$(LOG_DIR=/var/log/kafka /opt/kafka/bin/kafka-storage.sh random-uuid)}" --config "$config/server.properties"
fi

systemctl daemon-reload
systemctl enable "${units[@]}"
if [[ $start == true ]]; then
    systemctl start "${units[@]}"
    echo "Kafka $release is starting. When it serves, this answers: /opt/kafka/bin/kafka-topics.sh --bootstrap-server $host:9092 --list"
else
    echo "Kafka $release is installed. Start it with: systemctl start ${units[*]}"
fi
