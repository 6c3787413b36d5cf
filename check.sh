#!/usr/bin/env bash
# Everything that must hold before a push: ./check.sh
# What needs no process of its own, for the loop while writing: ./check.sh fast
# Stops at the first thing that does not hold, and says which it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

configuration=Release
step=start
trap 'status=$?; [ "$status" -eq 0 ] || echo "check.sh: FAILED at: $step" >&2' EXIT

run() {
  step=$1
  shift
  echo "== $step"
  "$@"
}

# Lock files that restore changes or makes were not committed with the package that changed them.
lock_files_are_current() {
  git rev-parse --git-dir > /dev/null 2>&1 || return 0
  git diff --exit-code --stat -- '*packages.lock.json' || return
  local made
  made=$(git ls-files --others --exclude-standard -- '*packages.lock.json')
  [ -z "$made" ] || { echo "not committed: $made"; return 1; }
}

case "${1:-all}" in
  all) ;;
  fast)
    run "build" dotnet build tests/core -c "$configuration" -warnaserror
    run "tests without processes" dotnet test tests/core --no-build -c "$configuration"
    echo "check.sh fast: all passed"
    exit
    ;;
  *)
    echo "usage: ./check.sh [fast]" >&2
    trap - EXIT
    exit 2
    ;;
esac

run "restore" dotnet restore
run "restore of what is in no solution" dotnet restore eng/mutants
run "lock files" lock_files_are_current
run "format" dotnet format whitespace --no-restore --verify-no-changes
run "build" dotnet build --no-restore -c "$configuration" -warnaserror
run "tests" dotnet test --no-build -c "$configuration"
run "simulation seeds" dotnet run --project cli -c "$configuration" --no-build -- simulate protocol --seeds 300
echo "check.sh: all passed"
