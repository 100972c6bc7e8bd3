# shellcheck shell=bash
# What export.sh and restore.sh share: how Kafka is called, and how a cluster is read into the files of an export.
#
# These scripts run in Kafka's own image: bash, and of everything else only what busybox has. Every tool of Kafka starts
# a JVM, so each is called once for all topics or groups where it can be.

# Names of groups are bytes here. The tools get a UTF-8 locale of their own.
export LC_ALL=C TZ=UTC

KAFKA_HOME=${KAFKA_HOME:-/opt/kafka}
BOOTSTRAP_SERVERS=${BOOTSTRAP_SERVERS:-localhost:9092}
COMMAND_CONFIG=${COMMAND_CONFIG:-}

TAB=$'\t'
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
me=$(basename "$0")

say() { printf '%s: %s\n' "$me" "$1" >&2; }

die() {
    say "$1"
    exit 1
}

usage() {
    sed -n '2,/^$/{s/^# \{0,1\}//p;}' "$0"
    exit "${1:-0}"
}

# needs_value NAME VALUE…
needs_value() { [[ ${2:-} ]] || die "$1 needs a value. $me --help tells more."; }

prepare() {
    [[ -x $KAFKA_HOME/bin/kafka-topics.sh ]] || die "There is no Kafka in $KAFKA_HOME. Set KAFKA_HOME to an unpacked distribution, 3.9 or later."
    [[ -z $COMMAND_CONFIG || -r $COMMAND_CONFIG ]] || die "$COMMAND_CONFIG can't be read. It is the file with the client's security settings."
    work=$(mktemp -d "${TMPDIR:-/tmp}/kafka-backup-XXXXXX")

    # Not the agent and the port of the broker in whose container this may run. The image's root is read-only.
    unset JMX_PORT KAFKA_JMX_OPTS
    export LOG_DIR=$work/logs
    export KAFKA_OPTS="-Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8"
    export KAFKA_HEAP_OPTS=${TOOLS_HEAP_OPTS:--Xmx256m}
    export KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
}

# try_kafka OUTPUT TOOL ARGUMENT…: the output of one of Kafka's tools in a file, its errors in $work/errors.
# kafka-consumer-groups ends with 0 whatever happens; a failure is told where its tables would begin.
try_kafka() {
    local output=$1 tool=$2 config=()
    shift 2
    if [[ $COMMAND_CONFIG ]]; then
        config=(--command-config "$COMMAND_CONFIG")
        # The one spelling that this tool has in 3.9 as in 4.x.
        if [[ $tool == kafka-cluster ]]; then config=(-c "$COMMAND_CONFIG"); fi
    fi
    LC_ALL=C.UTF-8 "$KAFKA_HOME/bin/$tool.sh" "$@" --bootstrap-server "$BOOTSTRAP_SERVERS" "${config[@]}" >"$output" 2>"$work/errors" </dev/null || return
    ! { sed -n '1{/^$/!q;};2p' "$output" | grep -q '^Error: ' && grep -q Exception "$work/errors"; }
}

kafka() { try_kafka "$@" || failed "$1" "$2"; }

# Both streams, without the stack traces: they say where in the tool, not what to do.
failed() {
    say "$2 failed at $BOOTSTRAP_SERVERS:"
    awk 'NF && !/^[ \t]+(at |\.\.\. )|^Caused by: / && !seen[$0]++ { print "    " $0 }' "$work/errors" "$1" | tail -n 12 >&2
    exit 1
}

# run_awk PROGRAM ARGUMENT…
run_awk() {
    local program=$1
    shift
    awk -f "$scripts/names.awk" -f "$scripts/$program.awk" "$@"
}

# tsv FILE COLUMNS KEY…: writes what comes in, sorted by the keys, under a line that names the columns.
tsv() {
    local file=$1 columns=$2
    shift 2
    { printf '#%s\n' "$columns" | tr ' ' "$TAB"; sort -t "$TAB" "$@"; } >"$file"
}

# Each reads one part of the cluster into a folder, as an export holds it.

read_topics() {
    kafka "$work/topics" kafka-topics --describe
    run_awk read-topics -v OUT=topics "$work/topics" | tsv "$1/topics.tsv" "topic partitions replicas id" -k1,1
    run_awk read-topics -v OUT=assignments "$work/topics" | tsv "$1/assignments.tsv" "topic partition brokers" -k1,1 -k2,2n

    kafka "$work/configs" kafka-configs --describe --entity-type topics
    run_awk read-configs "$work/configs" | tsv "$1/topic-configs.tsv" "topic key value" -k1,1 -k2,2
}

# The tool calls it an error where there is no partition at all.
get_offsets() { if [[ -s $work/partitions ]]; then kafka "$1" kafka-get-offsets --time "$2"; else : >"$1"; fi; }

read_log_offsets() {
    sed 1d "$1/assignments.tsv" >"$work/partitions"
    get_offsets "$work/starts" earliest
    get_offsets "$work/ends" latest
    run_awk read-log-offsets reading=assignments "$work/partitions" reading=starts "$work/starts" reading=ends "$work/ends" |
        tsv "$1/log-offsets.tsv" "topic partition start end" -k1,1 -k2,2n ||
        die "Not every partition tells its offsets: it has no leader, or topics came and went meanwhile."
}

# offsets_at TIME → topic, partition, offset of the first record that is not older, TIME.
offsets_at() {
    get_offsets "$work/at" "$1"
    awk -F: -v OFS="$TAB" -v time="$1" '{ print $1, $2, $3, time }' "$work/at"
}

# Into $work/groups, and the names of those that can't be read into $work/unreadable.
read_groups() {
    kafka "$work/list" kafka-consumer-groups --list
    kafka "$work/tables" kafka-consumer-groups --describe --all-groups --offsets --timeout 60000
    run_awk read-groups -v UNREADABLE="$work/unreadable" reading=list "$work/list" reading=tables "$work/tables" >"$work/groups"
}

# Returns 1 where the cluster has no authorizer, and so no access control lists.
read_acls() {
    if try_kafka "$work/acls" kafka-acls --list; then
        run_awk read-acls -v UNREADABLE="$work/unreadable" "$work/acls" |
            tsv "$1/acls.tsv" "type name pattern principal host permission operation" -u
    elif grep -q 'No Authorizer is configured' "$work/errors" "$work/acls"; then
        return 1
    else
        say "Access control lists can't be read. Give the user Describe on the cluster; an export can do --without-security."
        failed "$work/acls" kafka-acls
    fi
}

# field FILE NAME: a line of a manifest.
field() { sed -n "s/^$2: //p" "$1"; }

# Of all files of an export but its manifest.
checksums() {
    (cd "$1" && find . -type f ! -name MANIFEST -exec sha256sum {} + | sed 's|^\([^ ]*\) [ *]\./|sha256 \1 |' | sort -k 3)
}

# Says why a folder is not a whole export, or nothing.
why_not_whole() {
    local manifest=$1/MANIFEST
    if [[ ! -f $manifest ]]; then
        echo "$1 is not a whole export: it has no MANIFEST, which is written last."
    elif [[ $(head -n 1 "$manifest") != "Kafka export, format 1" ]]; then
        echo "$1/MANIFEST is of another format than this script reads."
    elif [[ $(tail -n 1 "$manifest") != end ]]; then
        echo "$1/MANIFEST is cut off."
    else
        checksums "$1" | awk -v folder="$1" '
            reading == "manifest" && $1 == "sha256" { exported[$3] = $2 }
            reading == "files" && !($3 in exported) { print folder "/" $3 " was not exported." }
            reading == "files" && $3 in exported && exported[$3] != $2 { print folder "/" $3 " is not as it was exported: its checksum differs." }
            reading == "files" { delete exported[$3] }
            END { for (file in exported) print folder "/" file " is missing." }
        ' reading=manifest "$manifest" reading=files -
    fi
}
