#!/usr/bin/env bash
# Prints the alert rules as a rule file for a Prometheus without the operator: rules.sh [URL]
# URL, if given, is where this repository can be read in a browser; links to the runbook then start with it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sed -e '1,/^spec:$/d' -e 's/^  //' -e "s|runbook_url: k8s/|runbook_url: ${1:+${1%/}/}k8s/|" "$here/operator/prometheusrule.yaml"
