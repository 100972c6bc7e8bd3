#!/usr/bin/env bash
# base/scripts/export.sh, where one looks for it.
exec "$(dirname "${BASH_SOURCE[0]}")/base/scripts/export.sh" "$@"
