#!/usr/bin/env bash
# Puts a backup of deploy/backup.sh into a cluster that has no data yet, and starts it: deploy/restore.sh FOLDER
# Jobs that were training go on from the newest checkpoint of the backup that can be read.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/compose.sh
folder=${1:?name the folder of a backup}
for file in checkpoints.tar data.tar; do [ -f "$folder/$file" ] || { echo "$folder holds no $file: it is no backup" >&2; exit 2; }; done
# What the backup is of says what is started.
COMPOSE_PROFILE=$([ -f "$folder/database.dump" ] && echo cluster || echo single)
[ -z "$(compose ps -q)" ] || { echo "there are containers already: take them down first, with their volumes (docker compose --profile '*' down -v)" >&2; exit 2; }

quietly compose up --no-start
silo=$(first_container silo-1 silo)
worker=$(first_container worker-1 worker)
image=$(docker inspect -f '{{.Config.Image}}' "$silo")
[ -z "$(docker run --rm --volumes-from "$silo" --entrypoint ls "$image" /data)" ] || { echo "the cluster has data already: take it down with its volumes first (docker compose --profile '*' down -v)" >&2; exit 2; }
fill() { docker run --rm -i --volumes-from "$1" --entrypoint tar "$image" -C / --no-overwrite-dir -xf -; }
fill "$silo" < "$folder/data.tar"
fill "$worker" < "$folder/checkpoints.tar"
if [ -f "$folder/database.dump" ]; then
  quietly compose up -d postgres
  until_healthy postgres
  docker exec -i "$(compose ps -q postgres)" pg_restore -h /var/run/postgresql -U coordinator -d coordinator --no-owner < "$folder/database.dump"
fi
bring_up
until_healthy
echo "restored from $folder"
