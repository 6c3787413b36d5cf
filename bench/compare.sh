#!/usr/bin/env bash
# Two builds side by side, in turn on one machine: every row of the table in docs/evidence/one-engine/README.md.
#
#   bench/compare.sh --old DIR --new DIR [--old-bench DIR] [--new-bench DIR] [--runs 5] [--nodes 12500] [--kills 12] [--out DIR] [--only ROWS]
#
# DIR is a folder with a build's `coordinator` (and `Coordinator.Bench`; without both of them the kills of workers are left out). ROWS are names
# with commas between them: start, demo, swarm, recovery. --kills are of each run of `bench recovery`: more than 12 make it rest for a minute each.
# Each row is said as it is measured; raw output goes to --out, and the table of medians and ratios to its table.txt and to the screen.
set -euo pipefail

old= new= old_bench= new_bench= runs=5 nodes=12500 kills=12 out= only=start,demo,swarm,recovery
while [ $# -gt 0 ]; do
  [ $# -gt 1 ] || { echo "compare.sh: $1 needs a value" >&2; exit 2; }
  case "$1" in
    --old) old=$2 ;; --new) new=$2 ;; --old-bench) old_bench=$2 ;; --new-bench) new_bench=$2 ;;
    --runs) runs=$2 ;; --nodes) nodes=$2 ;; --kills) kills=$2 ;; --out) out=$2 ;; --only) only=$2 ;;
    *) echo "compare.sh: $1 is no option of it; see the head of the file" >&2; exit 2 ;;
  esac
  shift 2
done
for build in "$old" "$new"; do
  [ -x "$build/coordinator" ] || { echo "compare.sh: '$build' has no coordinator; name the builds' folders with --old and --new" >&2; exit 2; }
done
out=${out:-$(mktemp -d)}
mkdir -p "$out"
work=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; rm -rf "$work"' EXIT

build() { if [ "$1" = old ]; then echo "$old"; else echo "$new"; fi; }
bench() { if [ "$1" = old ]; then echo "$old_bench"; else echo "$new_bench"; fi; }
now() { date +%s.%N; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }
note() { printf '%s\t%s\t%s\n' "$2" "$1" "$3" >> "$work/values"; printf '%-4s %-44s %s\n' "$1" "$2" "$3"; }
wants() { case ",$only," in *",$1,"*) true ;; *) false ;; esac; }

# From the start of the process to its line 'ready', and from SIGTERM to the exit.
start() {
  local folder="$work/silo" began said
  rm -rf "$folder"
  mkfifo "$work/pipe"
  began=$(now)
  "$(build "$1")/coordinator" silo --data-dir "$folder" --url http://127.0.0.1:0 > "$work/pipe" 2>> "$out/start-$1.txt" &
  child=$!
  exec 3< "$work/pipe"
  while IFS= read -r -u 3 said; do
    case "$said" in *ready*) break ;; esac
  done
  note "$1" "start until ready, s" "$(less "$(now)" "$began")"
  awk '{ printf "processor time until ready %.2f s\n", ($14 + $15) / 100 }' "/proc/$child/stat" | tee -a "$out/start-$1.txt"
  began=$(now)
  kill -TERM "$child"
  wait "$child" || true
  child=
  note "$1" "SIGTERM until exit, s" "$(less "$(now)" "$began")"
  exec 3<&-
  rm "$work/pipe"
}

# From the start of the command to the moment at which all ranks have applied their first step, by the event's own time of day.
demo() {
  local began raw="$out/demo-$1-$2.txt" step
  head -c 100000 /dev/zero | tr '\0' 'a' > "$work/demo.txt"
  began=$(date -u +%s.%N)
  TZ=UTC "$(build "$1")/coordinator" demo --quick --data "$work/demo.txt" > "$raw" 2>&1 || true
  step=$(grep -m 1 'have applied step' "$raw" | awk '{ print $1 }') || step=
  [ -n "$step" ] || { echo "demo of the $1 build made no step; see $raw" >&2; return 0; }
  note "$1" "demo until its first step, s" "$(awk -v began="$began" -v step="$step" 'BEGIN { split(step, at, ":"); day = at[1] * 3600 + at[2] * 60 + at[3]; from = began % 86400; if (day < from - 43200) day += 86400; printf "%.1f", day - from }')"
}

# One swarm: a line of its report is a measure, and the line below it what it cost.
swarm() {
  local raw="$out/swarm-$1-$2.txt"
  "$(build "$1")/coordinator" swarm --nodes "$nodes" --watch-seconds 8 --together 1 > "$raw" 2>&1 || echo "the swarm of the $1 build missed something; see $raw" >&2
  awk -v build="$1" '
    function say(row, value) { printf "%s\t%s\n", row, value }
    /^all connected/ { say("all connected and known, s", $3) }
    /^heartbeats/ { beats = 1 }
    /^generation formed/ { say("first generation, s", $3); match($0, /generation [0-9]+ of/); say("first generation, its number", substr($0, RSTART + 11, RLENGTH - 14)) }
    /^one node dies/ { say("one node dead until out at all, s", $4) }
    /^silo dies/ { say("silo killed until whole, s", $3) }
    / silo [0-9.]+ cores/ { if (beats) { say("cores of heartbeats", $2); beats = 0 } match($0, /most [0-9]+\)/); most = substr($0, RSTART + 5, RLENGTH - 6) }
    END { if (most) say("memory of the silo, most, MB", most) }' "$raw" | while IFS=$'\t' read -r row value; do note "$1" "$row" "$value"; done
}

# All kills of all runs are one sample.
recovery() {
  local raw="$out/recovery-$1-$2.json"
  "$(bench "$1")/Coordinator.Bench" recovery --kills "$kills" --seed "$2" -o json > "$raw" 2> "$raw.log" || { echo "bench recovery of the $1 build failed; see $raw.log" >&2; return 0; }
  awk '/"gross"/ { on = 1 } on && /"all": \[/ { all = 1; next } all && /\]/ { exit } all { gsub(/[ ,]/, ""); print }' "$raw" >> "$work/kills-$1"
  echo "$1 recovery: $(wc -l < "$work/kills-$1") kills so far"
}

quantile() { sort -g | awk -v q="$1" '{ v[NR] = $1 } END { if (NR == 0) print "-"; else { at = 1 + q * (NR - 1); low = int(at); high = low < NR ? low + 1 : low; printf "%.3f", v[low] + (at - low) * (v[high] - v[low]) } }'; }

: > "$work/values"
for run in $(seq "$runs"); do
  # Whoever is first in one run is second in the next.
  if [ $((run % 2)) = 1 ]; then order="old new"; else order="new old"; fi
  for each in $order; do
    echo "run $run, $each"
    if wants start; then start "$each"; fi
    if wants demo; then demo "$each" "$run"; fi
    if wants swarm; then swarm "$each" "$run"; fi
    if wants recovery && [ -x "$old_bench/Coordinator.Bench" ] && [ -x "$new_bench/Coordinator.Bench" ]; then recovery "$each" "$run"; fi
  done
done
for each in old new; do
  [ -s "$work/kills-$each" ] || continue
  note "$each" "kill until the next step, median, ms" "$(quantile 0.5 < "$work/kills-$each")"
  note "$each" "kill until the next step, p99, ms" "$(quantile 0.99 < "$work/kills-$each")"
done

{
  echo "$(nproc) cores, $(awk -F ': ' '/model name/ { print $2; exit }' /proc/cpuinfo); $nodes nodes; medians of $runs runs in turn; load now $(cut -d ' ' -f 1 /proc/loadavg)"
  printf '%-44s %10s %10s %10s\n' "" old new "times old"
  cut -f 1 "$work/values" | awk '!seen[$0]++' | while IFS= read -r row; do
    before=$(awk -F '\t' -v row="$row" '$1 == row && $2 == "old" { print $3 }' "$work/values" | quantile 0.5)
    after=$(awk -F '\t' -v row="$row" '$1 == row && $2 == "new" { print $3 }' "$work/values" | quantile 0.5)
    printf '%-44s %10s %10s %10s\n' "$row" "$before" "$after" "$(awk -v a="$after" -v b="$before" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }')"
  done
} | tee "$out/table.txt"
sort "$work/values" > "$out/values.txt"
echo "raw output: $out"
