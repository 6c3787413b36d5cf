#!/bin/sh
# A shell script that knows nothing of the coordinator but a line that tells its step: counts from where it was.
cd "$GANG_FOLDER" || exit 2
generation=${COORDINATOR_GENERATION:-$TORCHELASTIC_RESTART_COUNT}
read -r up rest < /proc/uptime
echo "$generation $up" >> "record-$RANK-$$"
n=$(cat "count-$RANK" 2>/dev/null || echo 0)
while [ "$n" -lt "$GANG_STEPS" ]; do
  n=$((n + 1))
  [ $((n % 10)) -ne 0 ] && [ "$n" -ne "$GANG_STEPS" ] || { echo "$n" > "count-$RANK.new" && mv "count-$RANK.new" "count-$RANK"; }
  read -r up rest < /proc/uptime
  echo "$generation $up $n" >> "record-$RANK-$$"
  echo "COORDINATOR_STEP=$n"
  sleep 0.1
done
echo "$n" > "result-$RANK.new" && mv "result-$RANK.new" "result-$RANK"
