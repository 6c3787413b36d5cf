#!/usr/bin/env bash
# Copies what the compose cluster must not lose into a new folder, while it runs: deploy/backup.sh FOLDER
# The database (jobs, generations, records), data sets and models, checkpoints, token. Checkpoints that the database names must be in the copy,
# or a restored job has nothing to go back to. A job seals new ones and removes old ones all the time, so no order of the two copies is safe by
# itself: every checkpoint that is complete at any moment from before the database's copy until after it is held by hard links beside the jobs'
# folders, which cost no space, and what is held is copied.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/compose.sh
folder=${1:?name a folder that does not exist yet}
[ ! -e "$folder" ] || { echo "$folder exists: name a new folder" >&2; exit 2; }
silo=$(first_container silo-1 silo)
worker=$(first_container worker-1 worker)
database=$(first_container postgres)
[ -n "$silo" ] && [ -n "$worker" ] || { echo "no silo or no worker runs here" >&2; exit 2; }
image=$(docker inspect -f '{{.Config.Image}}' "$silo")
umask 077
mkdir -p "$folder.part"
# tar ends with 1 where files come, go or grow while it reads: data sets that are being uploaded, which count only once they are whole.
copy() { docker run --rm --volumes-from "$1:ro" --entrypoint tar "$image" -C / --warning=no-file-changed --warning=no-file-removed -cf - "${@:2}" || [ $? -eq 1 ]; }

# A checkpoint is complete once it has a manifest. One that is removed while it is linked stays a .part, and so it is not copied.
hold='
  held=/checkpoints/.backup
  rm -rf "$held" && mkdir "$held" || exit 1
  round() {
    for manifest in /checkpoints/*/*/manifest.json; do
      [ -e "$manifest" ] || continue
      from=${manifest%/manifest.json} to=$held/${manifest#/checkpoints/} to=${to%/manifest.json}
      [ ! -e "$to" ] || continue
      mkdir -p "${to%/*}"
      rm -rf "$to.part"
      cp -al "$from" "$to.part" 2> /dev/null && [ -e "$to.part/manifest.json" ] && mv "$to.part" "$to"
    done
  }
  round; echo held
  while [ ! -e "$held/.enough" ]; do round; sleep 0.2; done
  round
  rm -rf "$held"/*/*.part "$held/.enough"'
holding=
let_go() {
  [ -z "$paused" ] || docker unpause "$paused" > /dev/null || true
  [ -z "$holding" ] || docker rm -f "$holding" > /dev/null 2>&1 || true
  [ -z "$holding" ] || docker run --rm --volumes-from "$worker" --entrypoint rm "$image" -rf /checkpoints/.backup || true
}
paused=
trap let_go EXIT
holding=$(docker run -d --volumes-from "$worker" --entrypoint sh "$image" -c "$hold")
until docker logs "$holding" 2> /dev/null | grep -q held; do
  [ "$(docker inspect -f '{{.State.Running}}' "$holding")" = true ] || { docker logs "$holding" >&2; echo "the checkpoints cannot be held (/checkpoints/.backup)" >&2; exit 1; }
  sleep 0.2
done
if [ -n "$database" ]; then
  copy "$silo" data run/coordinator > "$folder.part/data.tar"
  docker exec "$database" pg_dump -h /var/run/postgresql -U coordinator -Fc coordinator > "$folder.part/database.dump"
else
  # The SQLite file of a silo that is alone, as a crash would leave it: the silo stands still for the moment of the copy.
  paused=$silo
  docker pause "$silo" > /dev/null
  copy "$silo" data run/coordinator > "$folder.part/data.tar"
  docker unpause "$silo" > /dev/null
  paused=
fi
docker run --rm --volumes-from "$worker" --entrypoint touch "$image" /checkpoints/.backup/.enough
[ "$(docker wait "$holding")" -eq 0 ] || { docker logs "$holding" >&2; echo "the checkpoints could not be held to the end" >&2; exit 1; }
docker run --rm --volumes-from "$worker:ro" --entrypoint tar "$image" -C / --transform 's|^checkpoints/\.backup|checkpoints|' -cf - checkpoints/.backup > "$folder.part/checkpoints.tar"
mv "$folder.part" "$folder"
echo "$folder: $(du -sh "$folder" | cut -f1)"
