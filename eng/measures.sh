#!/usr/bin/env bash
# The measures of docs/architecture.md ("Measures"), of a commit or of HEAD: eng/measures.sh [COMMIT]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git archive "${1:-HEAD}" | tar -x -C "$folder"
cd "$folder"
find . -name '*.cs' -not -path '*/obj/*' -not -path '*/bin/*' -print0 | sort -z > .files

echo "lines of C#: $(xargs -0 cat < .files | wc -l)"
echo "lines of more than 140 columns: $(xargs -0 cat < .files | LC_ALL=C.UTF-8 awk 'length > 140' | wc -l)"
echo "files of more than 300 lines: $(xargs -0 -n1 wc -l < .files | awk '$1 > 300' | wc -l)"
echo "lines of the longest file: $(xargs -0 -n1 wc -l < .files | sort -rn | head -1)"
echo "fields of the largest classes, over all files of the class:"
# A field that changes or is set by a constructor, at the first level of a class; a class is a folder and a name up to the first dot.
grep -z -v '^./tests/' .files | xargs -0 awk '
  FNR == 1 { file = FILENAME; sub(/.*\//, "", file); sub(/\..*/, "", file); path = FILENAME; sub(/\/[^\/]*$/, "", path); class = path "/" file }
  /^    private / && !/ (static|const) / && !/\(.*\)( =>|$)/ && !/=>/ && / _?[a-z][A-Za-z0-9]*( =.*|;)$/ { count[class]++ }
  END { for (class in count) print count[class], class }' | sort -rn | head -5
