#!/usr/bin/env bash
# Makes users and rights what acls.txt and the Secret kafka-users say: sets the passwords, adds the rights that are missing,
# removes those of the listed users that are not listed. May run as often as one likes, and is how a password is changed.
set -euo pipefail
# shellcheck source=../../base/scripts/common.sh
source /scripts/common.sh
require BOOTSTRAP_SERVERS
write_client_config admin

readonly list=/topics/acls.txt
umask 077

# user operation resource, one resource a line
wanted() { awk '$1 && $1 !~ /^#/ { for (i = 3; i <= NF; i++) print $1, $2, $i }' "$list"; }

wait_for_cluster() {
    local deadline=$((SECONDS + ${WAIT_SECONDS:-300}))
    until TOOL_SECONDS=20 list_brokers >/dev/null 2>/tmp/why; do
        if ((SECONDS >= deadline)); then
            tail -n 3 /tmp/why >&2
            die "No broker let the user admin in at $BOOTSTRAP_SERVERS." "See 'Security' in the guide if its password was changed in the Secret only."
        fi
        echo "waiting for the cluster"
        sleep 3
    done
}

set_password() {
    local user=$1 password mechanism said
    password=$(password_of "$user")
    for mechanism in SCRAM-SHA-512 SCRAM-SHA-256; do
        # One mechanism at a time: a user can't be changed twice in one request. In a file, because what stands on a command line
        # can be read by every process of the pod; the tool prints what it doesn't understand, so its errors are cleaned.
        printf '%s=password=%s\n' "$mechanism" "$password" >/tmp/password
        if ! said=$(admin kafka-configs --alter --entity-type users --entity-name "$user" --add-config-file /tmp/password 2>&1); then
            printf '%s\n' "${said//"$password"/***}" >&2
            die "The $mechanism password of $user could not be set (above)."
        fi
    done
    rm -f /tmp/password
    echo "$user: password set"
}

# acl add|remove USER OPERATION RESOURCE…
acl() {
    local action=$1 user=$2 operation=$3 resource options=()
    shift 3
    for resource in "$@"; do
        case $resource in
            topic:*) options+=(--topic "${resource#topic:}") ;;
            group:*) options+=(--group "${resource#group:}") ;;
            cluster) options+=(--cluster) ;;
            *) die "$list: '$resource' is neither topic:NAME nor group:NAME nor cluster." ;;
        esac
    done
    if [[ $action == remove ]]; then options+=(--force); fi
    admin kafka-acls "--$action" --allow-principal "User:$user" --operation "$operation" "${options[@]}" >/dev/null ||
        die "The right of $user to $operation $* could not be changed: $action (above)."
}

# The rights that stand, in the form of wanted().
present() {
    admin kafka-acls --list | awk '
        /resourceType=/ {
            match($0, /resourceType=[A-Z_]+/); type = tolower(substr($0, RSTART + 13, RLENGTH - 13))
            match($0, /name=[^,]+/); name = substr($0, RSTART + 5, RLENGTH - 5)
        }
        /principal=User:/ {
            match($0, /principal=User:[^,]+/); user = substr($0, RSTART + 15, RLENGTH - 15)
            match($0, /operation=[A-Z_]+/); operation = substr($0, RSTART + 10, RLENGTH - 10)
            n = split(operation, words, "_")
            operation = ""
            for (i = 1; i <= n; i++) operation = operation substr(words[i], 1, 1) tolower(substr(words[i], 2))
            print user, operation, (type == "cluster" ? "cluster" : type ":" name)
        }'
}

wait_for_cluster
users=$(wanted | cut -d' ' -f1 | sort -u)
for user in $users; do set_password "$user"; done
# Also those that brokers and tools use, so that a change of the Secret reaches them. start.sh gave them their first.
set_password admin
set_password broker-1
set_password broker-2

standing=$(present | sort -u)
missing=$(wanted | sort -u | comm -23 - <(printf '%s\n' "$standing"))
extra=$(printf '%s\n' "$standing" | comm -13 <(wanted | sort -u) - | awk -v users="$users" 'BEGIN { n = split(users, list, "\n"); for (i = 1; i <= n; i++) known[list[i]] } $1 in known')
# One call per user and operation: each starts a JVM.
apply() {
    local action=$1 user operation resources
    while read -r user operation resources; do
        [[ $user ]] || continue
        # shellcheck disable=SC2086 # resources are a list, and hold no spaces
        (set -f && acl "$action" "$user" "$operation" $resources)
        echo "$user: $action $operation on $resources"
    done < <(awk 'NF { all[$1 " " $2] = all[$1 " " $2] " " $3 } END { for (key in all) print key all[key] }' | sort)
}
apply add <<<"$missing"
apply remove <<<"$extra"
echo "users and rights are what $list says"
