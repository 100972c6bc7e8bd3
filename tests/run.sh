#!/usr/bin/env bash
# Builds the solution and runs every test project: tests/run.sh [filter]
#
#   tests/run.sh                  all tests
#   tests/run.sh OutboxTests      those whose namespace.class.method contains the text
#
# The last line of the output is `N passed, N failed, N skipped`, summed over all projects.
# Exits non-zero when a test failed or none ran. Configuration=Release in the environment tests a release build.
set -euo pipefail

# A run that hangs has to end with its output kept. Several times what the slowest project takes.
readonly project_limit=${EVENTBUS_TEST_LIMIT:-15m}

filter=${1:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export Configuration=${Configuration:-Debug}   # MSBuild reads it: one setting for building and for finding what was built
export DOTNET_NOLOGO=1

"$root/.build/setup.sh" --tests
dotnet build "$root/Cuckoo.EventBus.sln" -nologo -v quiet -clp:NoSummary

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'echo "Interrupted." >&2; exit 130' INT

passed=0 failed=0 skipped=0

# The test program itself rather than `dotnet test`: it prints as it goes, with a reason beside every skipped test.
run_project() {
    local name=$1 program=$2 log=$logs/$1 exit_code=0
    local arguments=(-noLogo -noColor)
    if [[ $filter ]]; then arguments+=(-method "*$filter*"); fi

    # Ctrl-C reaches the tests, which stop; what carries their output stays until they have.
    timeout --foreground -k 30s "$project_limit" dotnet "$program" "${arguments[@]}" 2>&1 | tee -i "$log" |
        (trap '' INT; sed -uE '/^  (Discover(ing|ed)|Starting|Finished):/d; /^=== TEST EXECUTION SUMMARY/d') || exit_code=${PIPESTATUS[0]}

    # "   Name  Total: 9, Errors: 0, Failed: 1, Skipped: 2, Not Run: 0, Time: 0.1s", or only "Total: 0".
    # Errors are failures outside a test, in a fixture's clean-up; tests not run are explicit ones.
    local summary total=0 not_run=0 project_failed=0 project_skipped=0
    summary=$(grep -E '^ +.* Total: [0-9]+' "$log" | tail -n 1) || true
    if [[ $summary =~ Total:\ ([0-9]+),\ Errors:\ ([0-9]+),\ Failed:\ ([0-9]+),\ Skipped:\ ([0-9]+),\ Not\ Run:\ ([0-9]+) ]]; then
        total=${BASH_REMATCH[1]}
        project_failed=$((BASH_REMATCH[2] + BASH_REMATCH[3]))
        project_skipped=${BASH_REMATCH[4]}
        not_run=${BASH_REMATCH[5]}
        passed=$((passed + total - BASH_REMATCH[3] - project_skipped - not_run))
    elif [[ $summary != *"Total: 0"* ]]; then
        echo "$name ended without a summary (exit code $exit_code; 124 means it took longer than $project_limit): counted as one failure."
        echo "    $name [FAIL]" >>"$log"
        project_failed=1
    fi
    if ((exit_code != 0 && project_failed == 0)); then
        echo "$name exited with $exit_code although no test failed: counted as one failure."
        project_failed=1
    fi
    failed=$((failed + project_failed))
    skipped=$((skipped + project_skipped))
}

for project in "$root"/tests/*/*.csproj; do
    name=$(basename "$project" .csproj)
    evaluated=$(dotnet msbuild "$project" -nologo -getProperty:TargetPath -getItem:PackageReference)
    # Benchmarks and the like stand beside the tests without being any.
    grep -q '"Identity": "xunit.v3"' <<<"$evaluated" || continue
    program=$(sed -nE 's/.*"TargetPath": "(.*)".*/\1/p' <<<"$evaluated")
    echo
    echo "== $name"
    if [[ -f $program ]]; then
        run_project "$name" "$program"
    else
        echo "$program is missing: is $name part of the solution? Counted as one failure."
        failed=$((failed + 1))
    fi
done

# Both lists again at the end, where they are seen.
echo
if ((skipped)); then
    echo "Skipped:"
    cat "$logs"/* | grep -hE -A1 '^    .* \[SKIP\]$' | grep -v '^--$' | sed -E 's/^    ([^ ].*) \[SKIP\]$/  \1/; s/^ {6}/      /'
fi
if ((failed)); then
    echo "Failed:"
    cat "$logs"/* | sed -nE 's/^    (.*) \[FAIL\]$/  \1/p; s/^    \[(.* Failure.*)\].*/  \1/p'
fi
if ((passed + failed == 0)); then
    echo "No test ran${filter:+: none whose name contains \"$filter\", or all those were skipped}."
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
