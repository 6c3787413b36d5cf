#!/usr/bin/env bash
# Copies what the compose cluster must not lose into a new folder, while it runs: deploy/backup.sh FOLDER
# The database (jobs, generations, records), data sets and models, checkpoints, token. Checkpoints come first: what the database names is
# then either in the copy, or younger than it, and a restored job goes back to the newest one that is there.
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
# tar ends with 1 where files come, go or grow while it reads: checkpoints that are being saved, which count only once they are sealed.
copy() { docker run --rm --volumes-from "$1:ro" --entrypoint tar "$image" -C / --warning=no-file-changed --warning=no-file-removed -cf - "${@:2}" || [ $? -eq 1 ]; }

copy "$worker" checkpoints > "$folder.part/checkpoints.tar"
if [ -n "$database" ]; then
  copy "$silo" data run/coordinator > "$folder.part/data.tar"
  docker exec "$database" pg_dump -h /var/run/postgresql -U coordinator -Fc coordinator > "$folder.part/database.dump"
else
  # The SQLite file of a silo that is alone, as a crash would leave it: the silo stands still for the moment of the copy.
  docker pause "$silo" > /dev/null
  trap 'docker unpause "$silo" > /dev/null' EXIT
  copy "$silo" data run/coordinator > "$folder.part/data.tar"
fi
mv "$folder.part" "$folder"
echo "$folder: $(du -sh "$folder" | cut -f1)"
