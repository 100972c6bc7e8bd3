#!/usr/bin/env bash
# Restores parts of an export into a cluster, the one it came from or another: what is missing is made, what differs is
# corrected, what is right is left alone. Everything is checked before anything is changed.
#
#   restore.sh [OPTION…] EXPORT PART…      PART: topics, offsets, acls
#
#   topics   creates missing topics and sets their configuration as exported. A topic with another number of partitions
#            is refused: keys would move to other partitions. Topics that the export doesn't know are left alone.
#   offsets  sets the positions of consumer groups. Groups with members are refused, and offsets that don't belong to
#            the records that are here: see --positions.
#   acls     adds missing access control entries. None is removed.
#
#   --dry-run                only says what would be done
#   --topic NAME             only this topic, and only positions in it; may be repeated
#   --group NAME             only this group; may be repeated
#   --positions same         (default) offsets as exported, only in the very topics they were taken from: by their ids
#   --positions nearest      as same, but an offset outside of the log goes to the log's nearest end
#   --positions copied       offsets as exported, in other topics whose records were copied with their offsets
#   --positions time         by time, for topics mirrored, filled again or empty: the group goes on at a record that is
#                            not later than the first it had not read. It sees some records twice
#   --replication-factor N   for topics to be created, instead of the exported one
#   --without-config KEY     leaves this topic configuration alone; may be repeated
#   --bootstrap-server, --command-config   as in export.sh

set -euo pipefail
# shellcheck source=k8s/backup/base/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Groups in one call of a tool: far below the longest command line.
BATCH=100

from='' dry_run='' positions=same replicas='' topics=() groups=() without=' ' parts=' '
while (($#)); do
    case $1 in
        --bootstrap-server) needs_value "$@" && BOOTSTRAP_SERVERS=$2 && shift 2 ;;
        --command-config) needs_value "$@" && COMMAND_CONFIG=$2 && shift 2 ;;
        --dry-run) dry_run=1 && shift ;;
        --topic) needs_value "$@" && topics+=("$2") && shift 2 ;;
        --group) needs_value "$@" && groups+=("$2") && shift 2 ;;
        --positions) needs_value "$@" && positions=$2 && shift 2 ;;
        --replication-factor) needs_value "$@" && replicas=$2 && shift 2 ;;
        --without-config) needs_value "$@" && without+="$2 " && shift 2 ;;
        -h | --help) usage ;;
        -*) die "There is no option $1. $me --help tells which there are." ;;
        topics | offsets | acls) parts+="$1 " && shift ;;
        *)
            [[ -z $from ]] || die "There is no part $1 to restore. Name topics, offsets or acls."
            from=${1%/} && shift
            ;;
    esac
done
[[ $from && $parts != ' ' ]] || usage 1 >&2
[[ $positions =~ ^(same|nearest|copied|time)$ ]] || die "--positions is same, nearest, copied or time, not $positions."
[[ -z $replicas || $replicas =~ ^[1-9][0-9]*$ ]] || die "--replication-factor is a number from 1, not $replicas."
asked() { [[ $parts == *" $1 "* ]]; }
! asked acls || ((${#topics[@]} + ${#groups[@]} == 0)) || die "--topic and --group choose topics and positions. Restore acls by themselves."

[[ -d $from ]] || die "There is no folder $from."
damage=$(why_not_whole "$from")
[[ -z $damage ]] || die "$damage Nothing was changed."

# shellcheck disable=SC2317,SC2329 # called by a trap
clean_up() { rm -rf "${work:-}"; }
trap clean_up EXIT
prepare

# encoded NAME: as groups stand in the files of an export.
encoded() { NAME=$1 awk -f "$scripts/names.awk" -f <(echo 'BEGIN { print encode(ENVIRON["NAME"]) }'); }
decode() { printf -v "$2" '%b' "${1//%/\\x}"; }

exported() { cut -f 1 "$from/$1" | grep -xF -e "$2" >/dev/null; }
for topic in "${topics[@]}"; do
    exported topics.tsv "$topic" || die "The export holds no topic $topic."
done
group_codes=()
for group in "${groups[@]}"; do
    code=$(encoded "$group")
    exported group-offsets.tsv "$code" || die "The export holds no group $group."
    group_codes+=("$code")
done
if asked acls && [[ ! -f $from/acls.tsv ]]; then
    die "The export holds no access control lists: the cluster had no authorizer, or they were left out."
fi

manifest=$from/MANIFEST here=$work/here
mkdir "$here"
say "$from was taken at $(field "$manifest" taken) from cluster $(field "$manifest" cluster)."

# What to do.

touch "$work/plan" "$work/times"
read_topics "$here"
if asked topics; then
    run_awk plan-topics -v TOPICS="${topics[*]}" -v REPLICAS="$replicas" -v WITHOUT="$without" \
        reading=want "$from/topics.tsv" reading=want-configs "$from/topic-configs.tsv" \
        reading=here "$here/topics.tsv" reading=here-configs "$here/topic-configs.tsv" >"$work/plan"
fi
if asked offsets; then
    read_log_offsets "$here"
    read_groups
    kafka "$work/state-list" kafka-consumer-groups --list --state
    run_awk read-states "$work/state-list" >"$work/states"
    if [[ $positions == time ]]; then
        while read -r since; do
            offsets_at "$since" >>"$work/times"
        done < <(cut -f 6 "$from/group-offsets.tsv" | grep '^[0-9]' | sort -u)
    fi
    run_awk plan-offsets -v TOPICS="${topics[*]}" -v GROUPS="${group_codes[*]}" -v POSITIONS="$positions" \
        reading=want-topics "$from/topics.tsv" reading=here-topics "$here/topics.tsv" reading=logs "$here/log-offsets.tsv" \
        reading=plan "$work/plan" reading=states "$work/states" reading=here "$work/groups" reading=times "$work/times" \
        reading=want "$from/group-offsets.tsv" >"$work/plan-offsets"
    cat "$work/plan-offsets" >>"$work/plan"
fi
if asked acls; then
    read_acls "$here" || die "The cluster at $BOOTSTRAP_SERVERS has no authorizer. Give it one, then restore access control lists."
    run_awk plan-acls reading=here "$here/acls.tsv" reading=want "$from/acls.tsv" >>"$work/plan"
fi

# of_plan FIELD…: what stands in the plan behind these fields.
of_plan() {
    local IFS=$TAB
    awk -v fields="$*$TAB" 'index($0, fields) == 1 { print substr($0, length(fields) + 1) }' "$work/plan"
}

of_plan say
if grep -q "^problem$TAB" "$work/plan"; then
    of_plan problem | cut -f 2 >&2
    while read -r kind; do
        case $kind in
            partitions) say "Partitions can't be taken away, and more of them would move keys. Leave such topics out with --topic, or delete and restore them." ;;
            active) say "Positions of a group with members can't be set. Stop its consumers, wait until the group is empty, and run this again." ;;
            topic) say "Restore the topics first, or name them together: topics offsets." ;;
            other) say "Offsets count the records of the topic they were taken from. --positions time finds the place by time; --positions copied is for records that were copied with their offsets." ;;
            range) say "The log does not hold what these offsets count; a consumer would begin where its auto.offset.reset says. --positions nearest takes the log's nearest end (same topic, records lost or deleted), --positions time goes by time." ;;
        esac
    done < <(of_plan problem | cut -f 1 | sort -u)
    die "Nothing was changed."
fi
if ! grep -qv "^say$TAB" "$work/plan"; then
    say "There is nothing to do."
    exit
fi
if [[ $dry_run ]]; then
    say "A dry run: nothing was changed."
    exit
fi

# Doing it.

of_plan create >"$work/creations"
while IFS=$TAB read -r topic partitions factor; do
    settings=()
    while IFS=$TAB read -r key value; do settings+=(--config "$key=$value"); done < <(of_plan set "$topic")
    kafka "$work/created" kafka-topics --create --topic "$topic" --partitions "$partitions" --replication-factor "$factor" "${settings[@]}"
done <"$work/creations"

{ of_plan set; of_plan unset; } | cut -f 1 | sort -u >"$work/settings"
while read -r topic; do
    if [[ $(of_plan create "$topic") ]]; then continue; fi
    of_plan set "$topic" | sed "s/$TAB/=/" >"$work/add"
    changes=()
    if [[ -s $work/add ]]; then changes+=(--add-config-file "$work/add"); fi
    removed=$(of_plan unset "$topic" | paste -sd , -)
    if [[ $removed ]]; then changes+=(--delete-config "$removed"); fi
    kafka "$work/altered" kafka-configs --alter --entity-type topics --entity-name "$topic" "${changes[@]}"
done <"$work/settings"

# set_positions CODE…: the positions of some groups, in one call. Its file of positions has no way to hold a line break,
# and no column for the group where there is only one.
set_positions() {
    local arguments=() code name quoted
    : >"$work/reset.csv"
    for code in "$@"; do
        decode "$code" name
        arguments+=("--group=$name")
        quoted="\"${name//\"/\"\"}\","
        (($# > 1)) || quoted=''
        while IFS=$TAB read -r topic partition offset; do
            printf '%s%s,%s,%s\n' "$quoted" "$topic" "$partition" "$offset"
        done < <(of_plan commit "$code") >>"$work/reset.csv"
    done
    kafka "$work/reset" kafka-consumer-groups --reset-offsets --execute --from-file "$work/reset.csv" "${arguments[@]}" --timeout 60000
}

batch=()
of_plan commit | cut -f 1 | uniq >"$work/to-commit"
while read -r code; do
    if [[ $code == *%0[AD]* ]]; then
        set_positions "$code"
    else
        batch+=("$code")
        ((${#batch[@]} < BATCH)) || { set_positions "${batch[@]}" && batch=(); }
    fi
done <"$work/to-commit"
((${#batch[@]} == 0)) || set_positions "${batch[@]}"

# The tool ends with 0 also where it did nothing for a group: look.
if [[ -s $work/to-commit ]]; then
    read_groups
    of_plan commit >"$work/wanted"
    awk -F "$TAB" '
        reading == "here" { here[$1, $2, $3] = $4; next }
        here[$1, $2, $3] != $4 { print $1 " " $2 "/" $3 " is at " here[$1, $2, $3] ", not " $4 }
    ' reading=here "$work/groups" reading=wanted "$work/wanted" >"$work/wrong"
    if [[ -s $work/wrong ]]; then
        cat "$work/wrong" >&2
        awk '/^Error: /' "$work/reset" >&2
        die "These positions did not take. Did consumers of the groups start meanwhile? Stop them and run this again."
    fi
fi

while IFS=$TAB read -r type pattern principal host permission operations names; do
    decode "$principal" principal
    arguments=(--resource-pattern-type "$pattern")
    case $permission in
        ALLOW) arguments+=("--allow-principal=$principal" "--allow-host=$host") ;;
        *) arguments+=("--deny-principal=$principal" "--deny-host=$host") ;;
    esac
    for operation in ${operations//,/ }; do arguments+=(--operation "$operation"); done
    case $type in
        CLUSTER) arguments+=(--cluster) && names='' ;;
        USER) flag=--user-principal ;;
        *) flag=${type,,} && flag=--${flag//_/-} ;;
    esac
    IFS=$TAB read -ra codes <<<"$names"
    for code in "${codes[@]}"; do
        decode "$code" name
        arguments+=("$flag=$name")
    done
    kafka "$work/added" kafka-acls --add "${arguments[@]}"
done < <(of_plan acl)

say "Restored."
