#!/usr/bin/env bash
# The compose cluster, tried: deploy/smoke.sh [cluster|single] [STEPS]
# Brings the cluster up and trains; trains again while a worker, the silo and the database are crashed (kill -9 of the containers' processes)
# and a worker's network is cut; again while every silo and worker (single: the silo) is replaced by those of the next build, whose records have
# members that this one does not know (deploy/next-build.sh), one at a time, and again on the way back; and again with a backup on the way, which
# is restored into a new cluster and goes on from its checkpoint. All models must be the same. Then everything is taken down, and it looks
# whether anything is left.
# Without an argument: cluster. Needs root where it has to install or start an engine.
# Exit code 0: all of it held.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-cluster}
steps=${2:-320}
# Names of its own for each profile, so that both can be tried at once.
this_build=coordinator:smoke-$profile next_build=coordinator:smoke-$profile-next
export COMPOSE_PROJECT_NAME=coordinator-smoke-$profile COORDINATOR_IMAGE=$this_build
started=$SECONDS
engine=""
scratch=$(mktemp -d)

say() { printf '%4d s  %s\n' "$((SECONDS - started))" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
. deploy/compose.sh

take_down() {
  local status=$?
  trap - EXIT
  # It would begin the next job while everything is taken down.
  [ -z "${training:-}" ] || kill "$training" 2> /dev/null || true
  if docker info > /dev/null 2>&1; then
    [ "$status" -eq 0 ] || compose logs --no-color --tail 60 > "$scratch/logs.txt" 2>&1 || true
    [ "$status" -eq 0 ] || { echo "--- the last lines of all containers:"; tail -n 120 "$scratch/logs.txt"; }
    take_all_down || true
    docker image rm -f "$this_build" "$next_build" > /dev/null 2>&1 || true
    left=$(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"; docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"; docker network ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
    if [ -z "$left" ]; then say "nothing is left"; else say "FAILED: left behind: $left"; status=1; fi
  fi
  # Only an engine that this script started is ended, by its own process id.
  if [ -n "$engine" ]; then kill "$engine" 2> /dev/null || true; wait "$engine" 2> /dev/null || true; fi
  rm -rf "$scratch"
  exit "$status"
}
trap take_down EXIT

if ! docker info > /dev/null 2>&1; then
  command -v dockerd > /dev/null && { command -v docker-compose > /dev/null || docker compose version > /dev/null 2>&1; } || {
    say "installing an engine"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends docker.io docker-compose mmdebstrap iptables; } > "$scratch/apt.txt" 2>&1 || { tail "$scratch/apt.txt"; fail "no docker engine, and none can be installed"; }
  }
  say "starting an engine"
  dockerd > "$scratch/dockerd.txt" 2>&1 &
  engine=$!
  for _ in $(seq 60); do docker info > /dev/null 2>&1 && break; kill -0 "$engine" 2> /dev/null || { tail -n 5 "$scratch/dockerd.txt"; fail "the engine ended"; }; sleep 1; done
  docker info > /dev/null 2>&1 || fail "the engine does not answer"
fi

for image in mcr.microsoft.com/dotnet/sdk:10.0 mcr.microsoft.com/dotnet/aspnet:10.0 postgres:15; do
  docker image inspect "$image" > /dev/null 2>&1 || timeout 60 docker pull -q "$image" > /dev/null 2>&1 || stand_ins=1
done
if [ -n "${stand_ins:-}" ]; then
  say "no image registry can be reached: making stand-ins for the public images"
  command -v mmdebstrap > /dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends mmdebstrap; } > /dev/null 2>&1
  bash deploy/images/make.sh > "$scratch/images.txt" 2>&1 || { tail -n 20 "$scratch/images.txt"; fail "the stand-ins could not be made"; }
fi

say "building $COORDINATOR_IMAGE"
docker build -t "$COORDINATOR_IMAGE" ${SMOKE_BUILD_OPTIONS:-} . > "$scratch/build.txt" 2>&1 || { tail -n 30 "$scratch/build.txt"; fail "the image does not build"; }
export COMPOSE_PROFILE=$profile

case $profile in
  cluster) client=coordinator silo=silo-2 database=postgres ;;
  single) client=single-coordinator silo=silo database="" ;;
  *) fail "'$profile' is no profile: write cluster or single" ;;
esac

# The container in which questions are asked: a worker's knows its silo and has a token.
asker() { if [ "$profile" = cluster ]; then container worker-1; else container worker; fi; }
# The one container of a service, or one of several.
container() { compose ps -q "$1" | sed -n "${2:-1}p"; }

say "up: profile $profile"
if docker compose version > /dev/null 2>&1; then wait_option=--wait; else wait_option=""; fi
# shellcheck disable=SC2086 # nothing, or one word
bring_up $wait_option > "$scratch/up.txt" 2>&1 || { tail "$scratch/up.txt"; fail "up"; }
until_healthy
say "healthy: $(compose ps -q | wc -l) containers"

# train NAME [OPTION...]: one run of the client, its output in the scratch folder; hash NAME: the model's, as it said.
train() { compose run --rm -T "$client" train --data /models/text --job.ranks=4 --steps "${train_steps:-$steps}" --seed 7 --out "/models/$1.safetensors" "${@:2}" > "$scratch/$1.txt" 2>&1 < /dev/null; }
hash() { grep -oE 'sha256 [0-9a-f]{64}' "$scratch/$1.txt" | tail -n 1 | cut -d' ' -f2; }
progress() { grep -oE 'step [0-9]+ of' "$scratch/$1.txt" 2> /dev/null | tail -n 1 | grep -oE '[0-9]+' || echo 0; }
until_step() {
  for _ in $(seq 1200); do
    [ "$(progress "$1")" -ge "$2" ] && return
    kill -0 "$training" 2> /dev/null || { tail -n 20 "$scratch/$1.txt"; fail "the training ended before step $2"; }
    sleep 0.25
  done
  fail "step $2 was not reached within five minutes"
}
same() {
  say "$1 $(printf '%*s' $((12 - ${#1})) '') $2"
  [ -n "$2" ] && [ "$2" = "$undisturbed" ] || fail "the models differ"
}
# Containers whose program was started again since they were made.
restarts() { for one in $(compose ps -q); do docker inspect -f '{{.Name}} {{.RestartCount}}' "$one"; done | sed '/ 0$/d; s|/||; s/$/ restarts/' | paste -sd, -; }
crash() { kill -9 "$(docker inspect -f '{{.State.Pid}}' "$1")"; }
part=$((steps / 8))

# One text for all jobs: another image has another one.
bring_text() { compose run --rm -T --entrypoint cp "$client" -r /opt/coordinator/text /models/text > "$scratch/text.txt" 2>&1 < /dev/null || { cat "$scratch/text.txt"; fail "the text"; }; }
bring_text

say "training undisturbed, $steps steps"
train undisturbed || { tail -n 20 "$scratch/undisturbed.txt"; fail "the undisturbed training"; }
undisturbed=$(hash undisturbed)
same undisturbed "$undisturbed"

train disturbed &
training=$!
if [ "$profile" = cluster ]; then victim=$(container worker-2) cut=$(container worker-3); else victim=$(container worker 2) cut=$(container worker 3); fi
until_step disturbed "$part"; say "step $(progress disturbed): crash of a worker"; crash "$victim"
until_step disturbed $((2 * part)); say "step $(progress disturbed): crash of $silo"; crash "$(container "$silo")"
if [ -n "$database" ]; then until_step disturbed $((3 * part)); say "step $(progress disturbed): crash of the database"; crash "$(container "$database")"; fi
until_step disturbed $((4 * part)); say "step $(progress disturbed): a worker's network is cut"
network=$(docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "$cut")
aliases=$(docker inspect -f "{{range (index .NetworkSettings.Networks \"$network\").Aliases}}--alias {{.}} {{end}}" "$cut")
docker network disconnect "$network" "$cut"
until_step disturbed $((6 * part)); say "step $(progress disturbed): and healed"
# shellcheck disable=SC2086 # several words
docker network connect $aliases "$network" "$cut"
wait "$training" || { tail -n 30 "$scratch/disturbed.txt"; fail "the disturbed training"; }
same disturbed "$(hash disturbed)"
until_healthy
say "every container is healthy again: $(restarts)"

say "building the next build, $next_build"
bash deploy/next-build.sh "$scratch/next" > "$scratch/next.txt" 2>&1 || { cat "$scratch/next.txt"; fail "the next build's source"; }
docker build -t "$next_build" ${SMOKE_BUILD_OPTIONS:-} "$scratch/next" > "$scratch/build.txt" 2>&1 || { tail -n 30 "$scratch/build.txt"; fail "the next build does not build"; }

# replace NAME IMAGE [SERVICE...]: puts another image in the place of the one that runs, while one job trains after the other.
replace() {
  {
    count=0
    until [ -e "$scratch/$1.done" ]; do
      count=$((count + 1))
      # A client is upgraded last and taken back first: what a newer one sends an older silo refuses by name.
      COORDINATOR_IMAGE=$this_build train "$1-$count" || { tail -n 30 "$scratch/$1-$count.txt"; exit 1; }
      same "$1-$count" "$(hash "$1-$count")"
    done
  } &
  training=$!
  until_step "$1-1" "$part"
  say "step $(progress "$1-1"): one after the other is replaced by that of $2"
  COORDINATOR_IMAGE=$2 bash deploy/rolling-upgrade.sh "${@:3}" > "$scratch/$1.txt" 2>&1 || { cat "$scratch/$1.txt"; fail "the rolling upgrade to $2"; }
  touch "$scratch/$1.done"
  sed 's/^/        /' "$scratch/$1.txt"
  wait "$training" || fail "the training while $2 came"
  export COORDINATOR_IMAGE=$2
}
# How often the database names the member that only the next build knows.
probes() {
  case $profile in
    cluster) docker exec "$(container postgres)" psql -h /var/run/postgresql -U coordinator -d coordinator -Atc "SELECT count(*) FROM grain_storage WHERE position('\\\"probe\\\":' IN convert_from(payload, 'UTF8')) > 0" ;;
    single) docker exec "$(container silo)" sh -c 'cat /data/coordinator.db /data/coordinator.db-wal 2> /dev/null' | grep -aoc '"probe":' || true ;;
  esac
}
# Workers of the profile single are one service, which compose replaces all at once: there the silo alone is upgraded, under the old workers.
if [ "$profile" = cluster ]; then only=(); else only=(silo); fi
[ "$(probes)" -eq 0 ] || fail "this build knows the member of the next one"
replace upgraded "$next_build" "${only[@]}"
found=$(probes)
[ "$found" -gt 0 ] || fail "no stored state has the next build's member, so nothing was upgraded"
say "the database has the member that the build before does not know ($found)"
replace returned "$this_build" "${only[@]}"

# A job that is far from its end when its backup has been made, however fast it trains and however slowly this machine copies.
long=$((16 * steps))
train_steps=$long train backup --checkpoint.interval=$((steps / 8)) &
training=$!
until_step backup $((3 * steps / 16))
# The first checkpoint may come late, and a job that is restored without one rightly begins again from its seed.
has_saved() { docker exec "$(asker)" coordinator events --limit 200 2> /dev/null | awk '$3 == "job.submitted" { job = $2; saved = 0 } $3 == "checkpoint.saved" && $2 == job { saved++ } END { exit saved == 0 }'; }
for _ in $(seq 600); do has_saved && break; sleep 0.5; done
has_saved || fail "the job saved no checkpoint within five minutes"
bash deploy/backup.sh "$scratch/copy" > "$scratch/backup.sh.txt" 2>&1 || { cat "$scratch/backup.sh.txt"; fail "the backup"; }
at=$(progress backup)
[ "$at" -lt "$long" ] || fail "the training of $long steps ended before its backup was made, so no restored job can go on: give more steps than $steps"
say "step $at: backup of $(sed 's/.*: //' "$scratch/backup.sh.txt")"
take_all_down
wait "$training" || true
say "the cluster is gone with all its volumes"
bash deploy/restore.sh "$scratch/copy" > "$scratch/restore.txt" 2>&1 || { cat "$scratch/restore.txt"; fail "the restore"; }
say "restored into a new one; of its own accord started again: $(restarts)"
for one in $(compose ps -q); do
  [ "$(docker inspect -f '{{.RestartCount}}' "$one")" -eq 0 ] || docker logs "$one" 2>&1 | grep -iE ' dead|fatal|unhandled|exception' | grep -v 'Removing\|declared silo' | head -n 6 | cut -c 1-240 | sed 's|^|        |' || true
done
for _ in $(seq 1200); do
  docker exec "$(asker)" coordinator jobs -o json > "$scratch/jobs.json" 2> /dev/null || true
  grep -q '"phase": *"\(waiting\|running\|forming\)"' "$scratch/jobs.json" || { grep -q phase "$scratch/jobs.json" && break; }
  sleep 1
done
docker exec "$(asker)" coordinator events --limit 10000 > "$scratch/events.txt" 2>&1 || { tail -n 3 "$scratch/events.txt"; fail "the events of the restored cluster"; }
restored=$(grep -iE 'back to the checkpoint' "$scratch/events.txt" | tail -n 1 | sed 's/  */ /g' || true)
[ -n "$restored" ] || { cut -c 1-160 "$scratch/events.txt" | tail -n 300; fail "the restored job did not go back to a checkpoint"; }
say "$restored"
# All jobs of the project but the restored one had the same data, steps and seed, and each the same model. It has that of a job like it that is left alone.
models=$(grep -oE '"modelSha256": *("[0-9a-f]*"|null)' "$scratch/jobs.json" | grep -oE '"[0-9a-f]*"$|null' | tr -d '"' | sort -u)
restored=$(grep -vx "$undisturbed" <<< "$models" || true)
[ "$(wc -l <<< "$restored")" -eq 1 ] && [ -n "$restored" ] && [ "$restored" != null ] || { docker exec "$(asker)" coordinator jobs -o wide || true; fail "the jobs' models are not those of two kinds of jobs: $(paste -sd' ' <<< "$models")"; }
bring_text
train_steps=$long train again || { tail -n 20 "$scratch/again.txt"; fail "the same training, undisturbed"; }
undisturbed=$(hash again)
same again "$undisturbed"
same restored "$restored"
say "all models are the same"
