#!/usr/bin/env bash
# Replaces the containers of the compose cluster by those of another image, one silo and then one worker at a time, while jobs train:
#   COORDINATOR_IMAGE=coordinator:new deploy/rolling-upgrade.sh [SERVICE...]
# Services named: only those, in that order; else all silos and then all workers.
# A silo that is asked to end hands its grains to the others; a worker's jobs go on without it before it ends. Each successor is healthy
# before the next one goes. Where one does not become healthy, it stops there: nothing else is replaced. docs/deploy.md has the rules.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/compose.sh
: "${COORDINATOR_IMAGE:?set it to the new image}"
export COORDINATOR_IMAGE
docker image inspect "$COORDINATOR_IMAGE" > /dev/null 2>&1 || { echo "there is no image $COORDINATOR_IMAGE here: build or pull it first" >&2; exit 2; }

running() { compose config --services | grep -E "$1" | sort | while read -r service; do [ -z "$(first_container "$service")" ] || echo "$service"; done; }
[ $# -gt 0 ] || set -- $(running '^silo') $(running '^worker')
# Compose replaces all containers of one service at once, and the state would go with the workers that hold it.
for service in "$@"; do
  [ "$(compose ps -q "$service" | wc -l)" -eq 1 ] || { echo "$service is not one container: compose replaces all those of a service at once, so let the jobs end first, or use the profile cluster" >&2; exit 2; }
done
for service in "$@"; do
  echo "$(date +%T)  $service"
  quietly compose up -d --no-deps --no-build "$service"
  until_healthy "$service"
done
echo "$(date +%T)  all on $COORDINATOR_IMAGE"
