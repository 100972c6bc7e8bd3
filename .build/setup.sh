#!/usr/bin/env bash
# Makes a fresh clone buildable (and, with --tests, testable) where the package registry or the machine lacks something.
#
#   .build/setup.sh           what `dotnet build` needs
#   .build/setup.sh --tests   also what the tests need: PostgreSQL, pgbouncer, Prometheus, python3-kafka, a Java runtime, shellcheck
#   .build/setup.sh --k8s     what tests/k8s.sh needs besides: checkers of files, network tools
#
# With a complete package registry nothing is built here, and `dotnet build` works without this script.
# Results stand in artifacts/ (git-ignored): setup.props, which Directory.Build.props imports, native/librdkafka.so, and tools/.
# They are kept per version of the packages in Directory.Packages.props; to ask the registry again, delete artifacts/setup.props.
#
# LIBRDKAFKA_SO=/path/to/librdkafka.so takes that library instead of building one.
set -euo pipefail

readonly format=1                  # raise it when the contents of setup.props or the way librdkafka is built change
readonly oldest_librdkafka=2.3     # Confluent.Kafka 2.15 looks up functions that older libraries lack
readonly suites=(forky testing sid)  # Debian's first suite with a new enough source package, and where to look once it moves

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
artifacts=$root/artifacts
props=$artifacts/setup.props
library=$artifacts/native/librdkafka.so
library_stamp=$artifacts/native/librdkafka.stamp
work=$artifacts/setup-work         # private to whoever holds the lock; emptied at the start and at the end

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    printf 'setup: error: %s\n' "$1" >&2
    shift
    if (($#)); then printf '  %s\n' "$@" >&2; fi
    exit 1
}

# The central version of one package.
version_of() {
    local version
    version=$(sed -nE "s/.*<PackageVersion Include=\"${1//./\\.}\" Version=\"([^\"]+)\".*/\1/p" "$root/Directory.Packages.props")
    [[ $version ]] || die "Directory.Packages.props has no version of $1."
    printf '%s' "$version"
}

# Runs a command with its output kept aside, and shows the end of it only when the command fails.
quietly() {
    local log=$work/command.log
    "$@" >"$log" 2>&1 && return
    tail -n 15 "$log" | sed 's/^/  | /' >&2
    return 1
}

# --- What the registry has -------------------------------------------------------------------------------------------

# Restores an empty project with one package: 0 when that works, 1 when the registry lacks the package (or one it needs).
# Everything else, an unreachable registry above all, says nothing about the package, and ends the script.
registry_has() {
    local package=$1 version=$2 folder=$work/probe-$1
    mkdir -p "$folder"
    cat >"$folder/probe.csproj" <<PROJECT
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="$package" Version="[$version]" />
  </ItemGroup>
</Project>
PROJECT
    # The lock's descriptor is closed so that a build server that outlives the restore doesn't hold the lock.
    if DOTNET_CLI_UI_LANGUAGE=en dotnet restore "$folder/probe.csproj" --no-http-cache -nodeReuse:false \
        -p:ImportDirectoryBuildProps=false -p:ImportDirectoryBuildTargets=false -p:ImportDirectoryPackagesProps=false \
        >"$folder/log" 2>&1 9>&-; then
        return 0
    fi
    # NU1101-NU1103: no such package or version. NU1603: only another version. NU1605: only an older one.
    if ! grep -q 'NU1301' "$folder/log" && grep -Eq 'error NU(110[123]|1603|1605)' "$folder/log"; then
        missing=$(sed -nE 's/.*error NU110[123]: .* package ([[:alnum:]_-]+(\.[[:alnum:]_-]+)*).*/\1/p
            s/.*error NU160[35]: .* depends on ([^ ]+) .*/\1/p' "$folder/log")
        missing=${missing%%$'\n'*}
        missing=${missing:-something that $package $version needs}
        return 1
    fi
    sed 's/^/  | /' "$folder/log" >&2
    if grep -q 'NU1301' "$folder/log"; then
        die "The package registry can't be reached, so what it has is unknown." \
            "Nothing was written. Check the network and the sources in 'dotnet nuget list source', then run this again."
    fi
    die "Restoring $package $version failed for another reason than a missing package (above). Nothing was written."
}

write_props() {
    cat >"$work/setup.props" <<PROPS
<Project>
  <!-- $key -->
  <PropertyGroup>
    <LibrdkafkaFromSource>$1</LibrdkafkaFromSource>
    <TestcontainersAvailable>$2</TestcontainersAvailable>
  </PropertyGroup>
</Project>
PROPS
    mv "$work/setup.props" "$props"
}

# --- Debian packages -------------------------------------------------------------------------------------------------

is_debian() { grep -qs '^ID=debian$' /etc/os-release && command -v apt-get >/dev/null; }

is_root() { ((EUID == 0)); }

# Installs packages as root. Lists may be empty (as in container images) or stale: they are fetched when the first try fails.
apt_install() {
    local -x DEBIAN_FRONTEND=noninteractive
    local install=(apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@")
    say "installing $*"
    quietly "${install[@]}" 2>/dev/null && return
    quietly apt-get -o DPkg::Lock::Timeout=300 update && quietly "${install[@]}"
}

# --- librdkafka from Debian's source package ---------------------------------------------------------------------------

lacking_library() {
    die "The package registry lacks $missing, which Confluent.Kafka $kafka_version brings its native library with." \
        "$1" \
        "Or restore from a registry that has the package, or build librdkafka >= $oldest_librdkafka yourself" \
        "(https://github.com/confluentinc/librdkafka) and run: LIBRDKAFKA_SO=/path/to/librdkafka.so .build/setup.sh"
}

install_build_packages() {
    local package needed=()
    for package in build-essential libssl-dev libzstd-dev liblz4-dev zlib1g-dev libcurl4-openssl-dev; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || needed+=("$package")
    done
    ((${#needed[@]})) || return 0
    is_root || lacking_library "To build it from source, run this first: sudo apt-get install --no-install-recommends ${needed[*]}"
    apt_install "${needed[@]}" || die "apt-get could not install what building librdkafka needs (above)."
}

# apt with everything it writes in a folder of ours: the machine's sources, lists and caches stay untouched.
# $1 names the folder; what else is given goes to apt-get. Without a sources.list there, the machine's own sources apply.
private_apt() {
    local folder=$1
    shift
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    {
        # Hooks for the machine's own updates have no business here. The _apt user can't reach this folder.
        printf '#clear APT::Update::%s;\n' Pre-Invoke Post-Invoke Post-Invoke-Success
        printf 'APT::Sandbox::User "root";\nAPT::Update::Error-Mode "any";\n'
        printf 'Dir::State::lists "%s/lists";\nDir::Cache "%s/cache";\n' "$folder" "$folder"
        if [[ -f $folder/sources.list ]]; then
            printf 'Dir::Etc::sourcelist "%s/sources.list";\nDir::Etc::sourceparts "-";\n' "$folder"
            printf 'Dir::Etc::preferences "-";\nDir::Etc::preferencesparts "-";\n'
        fi
    } >"$folder/apt.conf"
    apt-get -c "$folder/apt.conf" "$@"
}

# The mirrors that this machine is configured with, whatever the format of its sources.
mirrors() {
    private_apt "$work/machine" --print-uris update |
        sed -nE "s#^'(.*)/dists/[^'/]*/InRelease' .*#\1#p" | grep -v 'security' | awk '!seen[$0]++'
}

# The keyring of a release knows the keys of the next one, not of those after it; its package is updated in place when
# they change. So the newer one comes from the machine's own, already trusted sources, and is only unpacked here.
newer_keyring() {
    (
        cd "$work/machine"
        private_apt "$work/machine" update && private_apt "$work/machine" download debian-archive-keyring &&
            dpkg-deb -x debian-archive-keyring_*.deb "$work/keyring"
    ) >"$work/keyring.log" 2>&1
}

# Downloads the source package into the current folder, from the first mirror and suite that have a new enough one.
download_source() {
    local mirror suite keyring found folder=$work/debian
    for keyring in "" "$work/keyring"; do
        [[ -z $keyring ]] || newer_keyring || continue
        keyring=$keyring/usr/share/keyrings/debian-archive-keyring.gpg
        [[ -r $keyring ]] || continue
        for mirror in $(mirrors); do
            for suite in "${suites[@]}"; do
                rm -rf "$folder"
                mkdir -p "$folder"
                printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$folder/sources.list"
                private_apt "$folder" update >>"$work/apt.log" 2>&1 || continue
                private_apt "$folder" source --download-only librdkafka >>"$work/apt.log" 2>&1 || continue
                found=$(sed -n '/^Version: /{s///p;q}' librdkafka_*.dsc)
                if dpkg --compare-versions "$found" ge "$oldest_librdkafka"; then
                    printf '%s' "${found%-*}"
                    return
                fi
                rm -f librdkafka_*
            done
        done
    done
    tail -n 15 "$work/apt.log" | sed 's/^/  | /' >&2
    return 1
}

# Builds what the package registry's package holds: the upstream source without Debian's patches.
build_library() {
    local version feature jobs
    is_debian || lacking_library "On a Debian machine this script would build it from Debian's source package."
    install_build_packages
    mkdir -p "$work/source"
    cd "$work/source"
    version=$(download_source) || die "Debian's source package of librdkafka >= $oldest_librdkafka could not be downloaded (above)." \
        "Looked in the suites ${suites[*]} of the mirrors in this machine's apt configuration."
    say "building librdkafka $version from Debian's source package (about a minute)"
    tar -xf librdkafka_*.orig.tar.* --strip-components=1
    # Kerberos (GSSAPI) is all that libsasl2 would add; SCRAM, PLAIN and OAUTHBEARER are librdkafka's own.
    quietly ./configure --disable-gssapi || die "librdkafka's configure failed (above)."
    # Its configure goes on without what it doesn't find: an incomplete library must not pass for a good one.
    for feature in SSL ZSTD ZLIB CURL LZ4_EXT SASL_SCRAM SASL_OAUTHBEARER; do
        grep -q "^#define WITH_$feature 1" config.h || die "librdkafka's configure did not find what WITH_$feature needs."
    done
    jobs=$(nproc)
    quietly make "-j$((jobs < 4 ? jobs : 4))" -C src librdkafka.so.1 || die "librdkafka did not compile (above)."
    install_library src/librdkafka.so.1
    cd "$root"
}

install_library() {
    mkdir -p "${library%/*}"
    cp "$1" "$work/librdkafka.so"
    # Debug information is three quarters of the file, and every output folder gets a copy.
    if command -v strip >/dev/null; then strip --strip-unneeded "$work/librdkafka.so"; fi
    mv "$work/librdkafka.so" "$library"
    printf '%s\n' "$library_key" >"$work/librdkafka.stamp"
    mv "$work/librdkafka.stamp" "$library_stamp"
}

# --- What the build needs ----------------------------------------------------------------------------------------------

build_is_ready() {
    [[ -f $props ]] && grep -qF "<!-- $key -->" "$props" || return 1
    grep -q '<LibrdkafkaFromSource>false<' "$props" || library_is_ready
}

library_is_ready() { [[ -f $library && -f $library_stamp && $(<"$library_stamp") == "$library_key" ]]; }

prepare_build() {
    local from_source=false testcontainers=true missing=""
    command -v dotnet >/dev/null || die "The .NET 10 SDK is not installed (no 'dotnet' on the PATH)."
    say "asking the package registry what it has"
    if ! registry_has Confluent.Kafka "$kafka_version"; then
        [[ $missing == librdkafka.redist ]] ||
            die "The package registry lacks $missing; change the version in Directory.Packages.props or the registry."
        say "the registry lacks the $missing that Confluent.Kafka $kafka_version needs"
        from_source=true
        if [[ ${LIBRDKAFKA_SO:-} ]]; then
            install_library "$LIBRDKAFKA_SO"
        elif ! library_is_ready; then
            build_library
        fi
    fi
    if ! registry_has Testcontainers.Kafka "$testcontainers_version"; then
        say "the registry lacks $missing: tests that need Testcontainers are left out"
        testcontainers=false
    fi
    write_props "$from_source" "$testcontainers"
    say "wrote artifacts/setup.props"
}

# --- What the tests need -----------------------------------------------------------------------------------------------

has_postgresql() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_python_kafka() {
    # The file first: starting Python takes longer than all else here.
    [[ -e /usr/lib/python3/dist-packages/kafka/__init__.py ]] || /usr/bin/python3 -c 'import kafka' 2>/dev/null
}

has_java() {
    [[ ${KAFKA_HOME:-} ]] || return 0
    local java=${JAVA_HOME:+$JAVA_HOME/bin/java} release
    java=$(readlink -f "$(command -v "${java:-java}")") 2>/dev/null || return 1
    # The release file first: starting a JVM takes longer than all else here.
    release=$(sed -nE 's/^JAVA_VERSION="([0-9]+).*/\1/p' "${java%/bin/java}/release" 2>/dev/null) || true
    [[ $release ]] || release=$("$java" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p')
    ((${release:-0} >= 17))
}

has_shellcheck() { command -v shellcheck >/dev/null; }

# Debian puts it where only root's PATH looks.
has_pgbouncer() { command -v pgbouncer >/dev/null || [[ -x /usr/sbin/pgbouncer ]]; }

has_xz() { command -v xz >/dev/null; }

readonly test_needs='postgresql postgresql
pgbouncer pgbouncer
python_kafka python3-kafka
java default-jre-headless
xz xz-utils
shellcheck shellcheck'

has_ip() { command -v ip >/dev/null; }
has_yamllint() { command -v yamllint >/dev/null; }
has_python_yaml() { [[ -e /usr/lib/python3/dist-packages/yaml/__init__.py ]] || /usr/bin/python3 -c 'import yaml' 2>/dev/null; }
has_busybox() { command -v busybox >/dev/null; }
has_docker_compose() { command -v docker-compose >/dev/null; }
has_systemd() { command -v systemctl >/dev/null && command -v systemd-analyze >/dev/null; }
has_gpg() { command -v gpg >/dev/null; }
has_curl() { command -v curl >/dev/null; }

readonly k8s_needs='ip iproute2
python_yaml python3-yaml
python_kafka python3-kafka
yamllint yamllint
java default-jre-headless
busybox busybox
docker_compose docker-compose
systemd systemd
gpg gnupg
curl curl
shellcheck shellcheck'

are_there() {
    local need
    while read -r need _; do "has_$need" || return 1; done <<<"$1"
}

# None of these is essential: tests that miss one are skipped, with the reason.
install_needs() {
    local need package
    while read -r need package; do
        "has_$need" && continue
        if is_debian && is_root; then
            apt_install "$package" && continue
            say "$package could not be installed (above): tests that need it are skipped"
        elif is_debian; then
            say "missing for the tests: sudo apt-get install --no-install-recommends $package"
        else
            say "missing for the tests, which are skipped without it: what Debian calls $package"
        fi
    done <<<"$1"
}

readonly tools=$artifacts/tools

# Programs out of packages that, installed, would start a server on this machine or bring half a desktop: only unpacked.
has_tool() { command -v "$1" >/dev/null || [[ -x $tools/$1 ]]; }

unpack_tools() {
    local package=$1 program
    shift
    is_debian || { say "missing for the tests: ${*##*/} (Debian's package $package)"; return; }
    say "unpacking ${*##*/} from Debian's package $package"
    mkdir -p "$work/unpack" "$tools"
    # Fetched with the machine's own sources and keys, but into a folder of ours.
    (
        cd "$work/unpack"
        quietly apt-get download "$package" || { is_root && quietly apt-get update && quietly apt-get download "$package"; } &&
            dpkg-deb -x "$package"_*.deb root
    ) || { say "$package could not be downloaded (above): tests that need it are skipped"; return; }
    for program in "$@"; do cp "$work/unpack/root/$program" "$tools/"; done
}

needs_are_there() { are_there "$1" && has_tool promtool && has_tool prometheus; }

prepare_tests() {
    install_needs "$1"
    { has_tool promtool && has_tool prometheus; } || unpack_tools prometheus usr/bin/promtool usr/bin/prometheus
}

# -------------------------------------------------------------------------------------------------------------------------

for_tests=false for_k8s=false
case ${1:-} in
    "") ;;
    --tests) for_tests=true ;;
    --k8s) for_k8s=true ;;
    *) die "Unknown option $1." "usage: .build/setup.sh [--tests|--k8s]" ;;
esac

kafka_version=$(version_of Confluent.Kafka)
testcontainers_version=$(version_of Testcontainers.Kafka)
library_key="format $format; Confluent.Kafka $kafka_version; $(uname -sm)"
key="$library_key; Testcontainers.Kafka $testcontainers_version"

if [[ $for_k8s == true ]]; then
    if needs_are_there "$k8s_needs"; then exit 0; fi
elif build_is_ready && { [[ $for_tests == false ]] || needs_are_there "$test_needs"; }; then
    exit 0
fi

# One at a time: a second one waits, then finds the work done. (macOS has no flock; two at once are rare there.)
mkdir -p "$artifacts"
if command -v flock >/dev/null; then
    exec 9>"$artifacts/setup.lock"
    flock -n 9 || { say "waiting for another run of this script"; flock 9; }
fi
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$work"
mkdir -p "$work"

if [[ $for_k8s == true ]]; then
    prepare_tests "$k8s_needs"
    exit
fi
build_is_ready || prepare_build
[[ $for_tests == false ]] || prepare_tests "$test_needs"
