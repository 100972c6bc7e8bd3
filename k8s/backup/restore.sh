#!/usr/bin/env bash
# base/scripts/restore.sh, where one looks for it.
exec "$(dirname "${BASH_SOURCE[0]}")/base/scripts/restore.sh" "$@"
