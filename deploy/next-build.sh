#!/usr/bin/env bash
# Copies this tree into an empty folder as the build after it would be: deploy/next-build.sh FOLDER
# Every message between silos, between silos and workers, and every stored state has one member more, `probe`, which this build does not know.
# deploy/smoke.sh upgrades to it and goes back. Fails where a record is no more where it was: then name its new place in the list below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:?name an empty folder}
mkdir -p "$folder"
[ -z "$(ls -A "$folder")" ] || { echo "$folder is not empty: name an empty folder" >&2; exit 2; }

# The folder's files as they are, without what is built or kept beside them.
tar -cf - --exclude=.git --exclude=bin --exclude=obj --exclude=TestResults --exclude=artifacts --exclude=coordinator-demo . | tar -xf - -C "$folder"

# add FILE RECORD [silent]: gives the record a further member with an initial value. Where workers and silos speak to each other, what is not said reads
# as null or zero and not as an initial value, so there it may be null, and a number stands beside it (silent).
add() {
  local file=$folder/$1 places
  places=$(grep -cE "^public (abstract |sealed )?record $2\b" "$file" 2> /dev/null) || true
  [ "${places:-0}" -eq 1 ] || { echo "next-build: the record $2 is ${places:-0} times in $1, and not once: mend the list in deploy/next-build.sh" >&2; exit 1; }
  awk -v record="$2" -v silent="${3:-}" '
    function about() { print "    /// <summary>A member that the build before this one does not know.</summary>" }
    function member() {
      about(); print "    public string" (silent ? "?" : "") " Probe { get; init; } = \"next\";"
      if (silent) { print ""; about(); print "    public long ProbeCount { get; init; }" }
    }
    !done && $0 ~ "^public (abstract |sealed )?record " record "($|[^A-Za-z0-9_])" {
      done = 1
      if (sub(/;[ \t\r]*$/, "")) { print; print "{"; member(); print "}" } else { print; inside = 1 }
      next
    }
    { print }
    inside && /^\{/ { member(); print ""; inside = 0 }
    END { exit inside }
  ' "$file" > "$file.next" && mv "$file.next" "$file" || { echo "next-build: the record $2 in $1 has no body that begins on a line of its own: mend deploy/next-build.sh" >&2; exit 1; }
}

# Stored, and in a silo's messages to others.
add machines/Jobs/TrainingJobState.cs TrainingJobState
add machines/Clusters/ClusterState.cs ClusterState
add machines/Gpus/GpuMachine.cs GpuState
add machines/Messages/GrainMessages.cs GrainMessage
# Between silos and workers, the first of them stored as well.
add machines/Jobs/JobSpec.cs JobSpec silent
add machines/Messages/WorkerMessages.cs WorkerMessage silent
add machines/Messages/WorkerMessages.cs GpuDescription silent
add machines/Messages/CoordinatorMessages.cs CoordinatorMessage silent
add machines/Messages/RankOrders.cs RankOrder silent
add machines/Messages/MembershipChange.cs Member silent
add machines/Messages/MembershipChange.cs MembershipChange silent
# What the API says to clients of another build.
add machines/Views.cs JobView
add machines/Views.cs NodeView
echo "$folder: the next build"
