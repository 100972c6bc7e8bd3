#!/usr/bin/env bash
# Asks the ZooKeeper of this pod one of its four-letter questions, without starting a JVM for it.
#   ruok: the process runs        srvr: it serves, alone or as a leader or follower
set -euo pipefail

exec 3<>/dev/tcp/127.0.0.1/2181
printf '%s' "$1" >&3
answer=$(timeout 4 cat <&3) || true
case $1 in
    ruok) [[ $answer == imok ]] ;;
    srvr) [[ $answer == *"Mode: "* ]] ;;
    *) false ;;
esac || { echo "no good answer to $1: '${answer}'"; exit 1; }
