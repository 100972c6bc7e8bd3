# shellcheck shell=bash
# What deploy.sh, verify.sh, roll.sh and cleanup.sh share. Sourced, never run.

kafka_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
readonly kafka_folder
((BASH_VERSINFO[0] >= 4)) || { echo "✗ This is bash $BASH_VERSION; the scripts need 4 or newer (macOS: brew install bash)." >&2; exit 1; }
# A seam: anything that takes kubectl's arguments, for instance "oc" or a wrapper that logs.
readonly kubectl=${KUBECTL:-kubectl}

overlay='' namespace='' context='' image=''
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s\n' "$*"; }

# die MESSAGE [REMEDY…]
die() {
    printf '✗ %s\n' "$1" >&2
    shift
    if (($#)); then printf '  → %s\n' "$@" >&2; fi
    exit 1
}

# The comment at the top of the script, which is its help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$0"; }

# Takes one option that all scripts know; the number of words it took is in `taken`.
common_option() {
    # shellcheck disable=SC2034 # read by the caller
    taken=2
    case $1 in
        --overlay) overlay=${2:?--overlay needs a name} ;;
        --namespace | -n) namespace=${2:?--namespace needs a name} ;;
        --context) context=${2:?--context needs a name} ;;
        --image) image=${2:?--image needs an image name without a tag} ;;
        --help | -h) usage && exit 0 ;;
        *) die "Unknown option $1." "$0 --help lists them." ;;
    esac
}

kube() { "$kubectl" ${context:+--context "$context"} "$@"; }

overlays() { (cd "$kafka_folder/overlays" && printf '%s ' */kustomization.yaml | sed 's#/kustomization.yaml##g; s/strimzi //'); }

overlay_folder() {
    local folder
    # By name; a folder of one's own as it stands from here, or beside this file.
    for folder in "$kafka_folder/overlays/$overlay" "$overlay" "$kafka_folder/$overlay"; do
        if [[ -d $folder ]]; then (cd "$folder" && pwd -P) && return; fi
    done
}

# Renders the overlay into $work/manifests.yaml, in the namespace and with the image that were asked for.
render() {
    local folder rendered=$work/overlay up step
    folder=$(overlay_folder)
    [[ $folder ]] || die "There is no overlay $overlay." "--overlay takes one of: $(overlays)— or a folder of your own with a kustomization.yaml."
    [[ ${folder##*/} != strimzi ]] || die "The overlay strimzi is applied with kubectl: the operator does what these scripts do." "See overlays/strimzi/README.md."
    mkdir -p "$rendered"
    # kustomize takes no absolute path: up to the root, and down again.
    rendered=$(cd "$rendered" && pwd -P)
    up=
    IFS=/ read -ra steps <<<"${rendered#/}"
    for step in "${steps[@]}"; do up+=${step:+../}; done
    {
        echo "apiVersion: kustomize.config.k8s.io/v1beta1"
        echo "kind: Kustomization"
        echo "resources: ['$up${folder#/}']"
        if [[ $namespace ]]; then echo "namespace: $namespace"; fi
        if [[ $image ]]; then
            echo "images:"
            for name in apache/kafka registry.example.com/kafka-with-exporter; do echo "  - {name: $name, newName: $image}"; done
        fi
    } >"$rendered/kustomization.yaml"
    kube kustomize "$rendered" >"$work/manifests.yaml" 2>"$work/why" ||
        die "The overlay $overlay can't be rendered: $(tr '\n' ' ' <"$work/why")" "kubectl kustomize $folder shows where."
    namespace=$(awk '/^kind: /{ kind = $2 } kind == "Namespace" && /^  name: / && !seen++ { print $2 }' "$work/manifests.yaml")
}

# The overlay that deploy.sh noted in the namespace; kraft where it noted none.
deployed_overlay() {
    local noted=
    noted=$(kube get namespace "${namespace:-kafka}" --ignore-not-found -o go-template='{{with .metadata.annotations}}{{or (index . "kafka-cluster/overlay") ""}}{{end}}' 2>/dev/null) || true
    printf '%s' "${noted:-kraft}"
}

# The documents of the rendered manifests of (or, with !, except) some kinds.
manifests_of() {
    awk -v kinds="$1" '
        function flush() { if (doc != "" && (index("," wanted ",", "," kind ",") > 0) != negate) printf "---\n%s", doc; doc = ""; kind = "" }
        BEGIN { negate = substr(kinds, 1, 1) == "!"; wanted = negate ? substr(kinds, 2) : kinds }
        /^---$/ { flush(); next }
        /^kind: / { kind = $2 }
        { doc = doc $0 "\n" }
        END { flush() }' "$work/manifests.yaml"
}

# A figure of the ConfigMap kafka-settings as rendered.
setting() { manifests_of ConfigMap | sed -nE "s/^  $1: \"?([^\"]*)\"?$/\1/p" | sed -n 1p; }

uses_zookeeper() { [[ $(setting ZOOKEEPER) ]]; }

# replicas NAME: how many the overlay asks for.
replicas() { manifests_of StatefulSet | awk -v name="$1" '/^  name: /{ this = $2 } this == name && /^  replicas: / { print $2 }'; }

# pods_of NAME: `pod ready revision`, one per line, of the StatefulSet.
pods_of() {
    # shellcheck disable=SC2016 # Go's variables, not the shell's
    kube get pods -n "$namespace" -l "app.kubernetes.io/name=$1,app.kubernetes.io/part-of=kafka-cluster,apps.kubernetes.io/pod-index" -o go-template='{{range .items}}{{.metadata.name}} {{$ready := "False"}}{{range .status.conditions}}{{if eq .type "Ready"}}{{$ready = .status}}{{end}}{{end}}{{if .metadata.deletionTimestamp}}{{$ready = "Leaving"}}{{end}}{{$ready}} {{index .metadata.labels "controller-revision-hash"}}{{"\n"}}{{end}}'
}

# A broker that is ready, but not the one named.
ready_broker() { pods_of kafka 2>/dev/null | awk -v not="${1:-}" '$2 == "True" && $1 != not && !seen++ { print $1 }'; }

# in_broker SCRIPT ARGUMENTS…: runs one of the pods' scripts in a broker that is ready. $except_broker is left out.
in_broker() {
    local pod
    pod=$(ready_broker "${except_broker:-}")
    if [[ ! $pod ]]; then
        printf 'fail\tbrokers\tno broker is ready\n'
        return 1
    fi
    kube exec -n "$namespace" "$pod" -c kafka -- bash "/scripts/$1" "${@:2}"
}
