# For the scripts beside it: `compose …` is docker compose, or docker-compose where the engine has no such plug-in.
compose() {
  if docker compose version > /dev/null 2>&1; then docker compose ${COMPOSE_PROFILE:+--profile "$COMPOSE_PROFILE"} "$@"
  else ${COMPOSE_PROFILE:+env COMPOSE_PROFILES="$COMPOSE_PROFILE"} docker-compose "$@"; fi
}

# Runs a command that has nothing to say, unless it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || { echo "$said" >&2; echo "failed: $*" >&2; return 1; }
}

# The container of the first of the services named that has one, running or not; nothing where none has.
first_container() {
  local service found
  for service in "$@"; do
    # Into a variable first: a pipe whose reader has seen enough fails as a whole (pipefail). A service of another profile is an error to some versions.
    found=$(compose ps -aq "$service" 2> /dev/null) || continue
    [ -z "$found" ] || { echo "${found%%$'\n'*}"; return; }
  done
}

# Starts what is not running. Compose gives up where a container that others wait for ends meanwhile, as a silo may do that starts beside the
# memory of silos that are gone: its restart policy brings it back, so compose is asked again.
bring_up() {
  local said
  for _ in $(seq 10); do
    if said=$(compose up -d "$@" 2>&1); then return 0; fi
    sleep 3
  done
  echo "$said" >&2
  return 1
}

# Takes everything down, with all volumes, those of the client included.
take_all_down() { compose --profile client down -v --remove-orphans > /dev/null 2>&1 || compose down -v --remove-orphans > /dev/null 2>&1; }

# Waits until every container of the project is healthy, or those of the services named; $COMPOSE_PATIENCE seconds, 120 unless told.
until_healthy() {
  local one states
  for _ in $(seq "${COMPOSE_PATIENCE:-120}"); do
    # Into a variable, too: it would look like "none is unwell".
    states=$(for one in $(compose ps -q "$@"); do docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$one"; done)
    [ -z "$states" ] || grep -qvE '^(healthy|running)$' <<< "$states" || return 0
    sleep 1
  done
  echo "not healthy within ${COMPOSE_PATIENCE:-120} s: ${*:-all services}" >&2
  return 1
}
