#!/usr/bin/env bash
# Exports what a Kafka cluster holds beside its records: topics with their configuration, the positions of consumer
# groups, access control lists and the names of users. The records themselves are not in it.
#
#   export.sh [--bootstrap-server HOST:PORT] [--command-config FILE] [--without-security] FOLDER
#
# The files are plain text, sorted, fit for version control. FOLDER appears when all of them are written, with MANIFEST
# as the last: one that broke off is never there. An earlier export in FOLDER is replaced.
#
#   --bootstrap-server  a broker; also BOOTSTRAP_SERVERS. Default localhost:9092
#   --command-config    the client's security settings; also COMMAND_CONFIG
#   --without-security  leaves access control lists and users out, for a principal that may not see them
#
# Kafka's tools come from KAFKA_HOME (default /opt/kafka). Exit code 3: exported, but the names of some groups can't be
# told from another and are missing (they are listed in MANIFEST).

set -euo pipefail
# shellcheck source=k8s/backup/base/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# How old the first unread record of a group can be, in seconds. The first is more than 0 because a record carries the
# time of its producer, which may have held it back or be slow. Each that is looked up costs a JVM.
AGES=(60 600 3600 21600 86400 604800)

folder='' with_security=1
while (($#)); do
    case $1 in
        --bootstrap-server) needs_value "$@" && BOOTSTRAP_SERVERS=$2 && shift 2 ;;
        --command-config) needs_value "$@" && COMMAND_CONFIG=$2 && shift 2 ;;
        --without-security) with_security='' && shift ;;
        -h | --help) usage ;;
        -*) die "There is no option $1. $me --help tells which there are." ;;
        *)
            [[ -z $folder ]] || die "One folder, not $folder and $1."
            folder=${1%/} && shift
            ;;
    esac
done
[[ $folder ]] || usage 1 >&2
[[ ! -e $folder || -f $folder/MANIFEST ]] || die "$folder exists and is not an export. It is left alone: name another folder."
parent=$(dirname "$folder")
[[ -d $parent && -w $parent ]] || die "$parent is not a folder that can be written to."

# shellcheck disable=SC2317,SC2329 # called by a trap
clean_up() { rm -rf "${work:-}" "${unfinished:-}"; }
trap clean_up EXIT
prepare
unfinished=$(mktemp -d "$parent/.unfinished-XXXXXX")
chmod 755 "$unfinished"

printf -v began '%(%s)T' -1
kafka "$work/cluster" kafka-cluster cluster-id
read_topics "$unfinished"
# Groups before the ends of the logs: no position then lies behind its log's end.
read_groups
read_log_offsets "$unfinished"


# What stands behind the position of a group is found by time, so that it can go on where the log is another one.
touch "$work/tried" "$work/times"
positions() {
    run_awk since -v NOW="$(((began - AGES[0]) * 1000))" reading=tried "$work/tried" reading=times "$work/times" reading=groups "$work/groups" >"$work/positions"
    ! grep -q "$TAB-\$" "$work/positions"
}
positions || for age in "${AGES[@]}"; do
    since=$(((began - age) * 1000))
    offsets_at "$since" >>"$work/times"
    echo "$since" >>"$work/tried"
    if positions; then break; fi
done
tsv "$unfinished/group-offsets.tsv" "group topic partition offset end since_ms" -k1,1 -k2,2 -k3,3n <"$work/positions"

authorizer=unknown
if [[ $with_security ]]; then
    authorizer=yes
    read_acls "$unfinished" || authorizer=no
    kafka "$work/users" kafka-configs --describe --entity-type users
    sort "$work/users" >"$unfinished/users.txt"
fi

lines() { sed 1d "$unfinished/$1" | cut -f 1 | uniq | wc -l | tr -d ' '; }
{
    echo "Kafka export, format 1"
    printf 'taken: %(%Y-%m-%dT%H:%M:%SZ)T\n' "$began"
    echo "cluster: $(sed -n 's/^Cluster ID: //p' "$work/cluster")"
    echo "tools: $(cd "$KAFKA_HOME/libs" && printf '%s\n' kafka-clients-*.jar | sed 's/^kafka-clients-//; s/\.jar$//')"
    echo "authorizer: $authorizer"
    echo "topics: $(lines topics.tsv)"
    echo "groups: $(lines group-offsets.tsv)"
    if [[ -s $work/unreadable ]]; then sed 's/^/missing: /' "$work/unreadable"; fi
    checksums "$unfinished"
    echo end
} >"$work/MANIFEST"
cp "$work/MANIFEST" "$unfinished/MANIFEST"
# Before the name that says it is whole: a machine that dies now must not leave that name on half a file.
sync
if [[ -e $folder ]]; then mv "$folder" "$unfinished-replaced"; fi
mv "$unfinished" "$folder"
rm -rf "$unfinished-replaced"

say "$(field "$folder/MANIFEST" topics) topics and $(field "$folder/MANIFEST" groups) groups of $BOOTSTRAP_SERVERS are in $folder."
if [[ -s $work/unreadable ]]; then
    say "$(wc -l <"$work/unreadable") names can't be told from another and are missing; MANIFEST lists them."
    exit 3
fi
