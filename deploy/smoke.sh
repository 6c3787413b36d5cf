#!/usr/bin/env bash
# The compose cluster, tried: deploy/smoke.sh [cluster|embedded] [STEPS]
# Brings the cluster up, trains, trains again while a worker, the silo and the database are crashed (kill -9 of the containers' processes)
# and a worker's network is cut, compares the two models, takes everything down and looks whether anything is left.
# Without an argument: cluster, or embedded where Orleans does not restore. Needs root where it has to install or start an engine.
# Exit code 0: all of it held.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-}
steps=${2:-1500}
export COMPOSE_PROJECT_NAME=coordinator-smoke COORDINATOR_IMAGE=coordinator:smoke
started=$SECONDS
engine=""
scratch=$(mktemp -d)

say() { printf '%4d s  %s\n' "$((SECONDS - started))" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
compose() {
  if docker compose version > /dev/null 2>&1; then docker compose --profile "$profile" "$@"; else COMPOSE_PROFILES=$profile docker-compose "$@"; fi
}

take_down() {
  local status=$?
  trap - EXIT
  if docker info > /dev/null 2>&1; then
    [ "$status" -eq 0 ] || compose logs --no-color --tail 60 > "$scratch/logs.txt" 2>&1 || true
    [ "$status" -eq 0 ] || { echo "--- the last lines of all containers:"; tail -n 120 "$scratch/logs.txt"; }
    compose --profile client down -v --remove-orphans > /dev/null 2>&1 || compose down -v --remove-orphans > /dev/null 2>&1 || true
    docker image rm -f "$COORDINATOR_IMAGE" > /dev/null 2>&1 || true
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
grep -hoE '### NOT BUILT HERE: .*' "$scratch/build.txt" | sort -u || true
if docker run --rm --entrypoint sh "$COORDINATOR_IMAGE" -c 'test -x /opt/coordinator/silo/Coordinator.Silo'; then has_orleans=1; else has_orleans=""; fi
[ -n "$profile" ] || { [ -n "$has_orleans" ] && profile=cluster || profile=embedded; }
[ "$profile" = embedded ] || [ -n "$has_orleans" ] || fail "the image has no Orleans silo, since Orleans did not restore: try 'deploy/smoke.sh embedded'"

case $profile in
  cluster) client=coordinator watcher=worker-1 killed_worker=worker-2 cut_worker=worker-3 silo=silo-2 database=postgres ;;
  embedded) client=embedded-coordinator watcher=worker killed_worker="" cut_worker="" silo=silo database="" ;;
  *) fail "'$profile' is no profile: write cluster or embedded" ;;
esac

# All containers of a service, or the one of several with a number.
containers() { compose ps -q "$1"; }
container() { containers "$1" | sed -n "${2:-1}p"; }
healthy() { [ -z "$(for one in $(compose ps -q); do docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$one"; done | grep -vE '^(healthy|running)$')" ]; }
until_healthy() { for _ in $(seq 120); do healthy && return; sleep 1; done; compose ps; fail "not everything is healthy within two minutes"; }

say "up: profile $profile"
if docker compose version > /dev/null 2>&1; then compose up -d --wait > "$scratch/up.txt" 2>&1 || { tail "$scratch/up.txt"; fail "docker compose up --wait"; }
else compose up -d > "$scratch/up.txt" 2>&1 || { tail "$scratch/up.txt"; fail "docker-compose up"; }; until_healthy; fi
say "healthy: $(compose ps -q | wc -l) containers"

train() { compose run --rm ${tty:--T} "$client" train --data /opt/coordinator/text --ranks=4 --steps "$steps" --seed 7 --out "/models/$1.safetensors" > "$scratch/$1.txt" 2>&1; }
sha() { grep -oE 'sha256 [0-9a-f]{64}' "$scratch/$1.txt" | tail -n 1 | cut -d' ' -f2; }
# The recorded steps of the job that runs.
watch_container=""
recorded() { docker exec "$watch_container" coordinator jobs -o json 2> /dev/null | grep -oE '"recorded": *[0-9]+' | grep -oE '[0-9]+' | tail -n 1 || echo 0; }
until_recorded() { for _ in $(seq 600); do [ "$(recorded)" -ge "$1" ] 2> /dev/null && return; kill -0 "$training" 2> /dev/null || return 0; sleep 0.5; done; fail "step $1 was not recorded within five minutes"; }
crash() { kill -9 "$(docker inspect -f '{{.State.Pid}}' "$1")"; }

say "training undisturbed, $steps steps"
train undisturbed || { tail -n 20 "$scratch/undisturbed.txt"; fail "the undisturbed training"; }
undisturbed=$(sha undisturbed)
say "undisturbed  $undisturbed"

watch_container=$(container "$watcher" 1)
if [ "$profile" = cluster ]; then
  victim=$(container "$killed_worker") cut=$(container "$cut_worker") silo_container=$(container "$silo") database_container=$(container "$database")
else
  victim=$(container worker 2) cut=$(container worker 3) silo_container=$(container silo) database_container=""
fi
network=$(docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "$cut")

train disturbed &
training=$!
part=$((steps / 8))
# Both jobs are listed; the newest comes last only by its id, so the second one's first step is waited for by its log.
for _ in $(seq 120); do grep -q 'step ' "$scratch/disturbed.txt" 2> /dev/null && break; sleep 0.5; done
progress() { grep -oE 'step [0-9]+ of' "$scratch/disturbed.txt" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }
until_step() { for _ in $(seq 600); do [ "$(progress)" -ge "$1" ] && return; kill -0 "$training" 2> /dev/null || return 0; sleep 0.5; done; fail "step $1 was not reached within five minutes"; }
still() { kill -0 "$training" 2> /dev/null || fail "the training was over before $1: give more steps"; }

until_step "$part"; still "the worker's crash"; say "step $(progress): crash of a worker"; crash "$victim"
until_step $((2 * part)); still "the silo's crash"; say "step $(progress): crash of $silo"; crash "$silo_container"
if [ -n "$database_container" ]; then until_step $((3 * part)); still "the database's crash"; say "step $(progress): crash of the database"; crash "$database_container"; fi
until_step $((4 * part)); still "the cut"; say "step $(progress): a worker's network is cut"
aliases=$(docker inspect -f "{{range (index .NetworkSettings.Networks \"$network\").Aliases}}--alias {{.}} {{end}}" "$cut")
docker network disconnect "$network" "$cut"
until_step $((6 * part)); say "step $(progress): and healed"
# shellcheck disable=SC2086 # several words
docker network connect $aliases "$network" "$cut"
wait "$training" || { tail -n 30 "$scratch/disturbed.txt"; fail "the disturbed training"; }
disturbed=$(sha disturbed)
grep -E 'generation [0-9]+:' "$scratch/disturbed.txt" | sed 's/^/        /' || true
say "disturbed    $disturbed"
[ -n "$undisturbed" ] && [ "$undisturbed" = "$disturbed" ] || fail "the two models differ"
until_healthy
say "identical; every container is healthy again: $(for one in $(compose ps -q); do docker inspect -f '{{.Name}} restarted {{.RestartCount}} times' "$one"; done | grep -v ' 0 times' | sed 's|/||' | paste -sd, -)"
