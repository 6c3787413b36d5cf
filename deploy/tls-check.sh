#!/usr/bin/env bash
# Silo and workers on hosts of their own (network namespaces with different addresses), TLS on: deploy/tls-check.sh
# Trains over TLS; then a worker with a wrong token, one that does not trust the silo's certificate, and one that reaches the silo under a name that the
# certificate does not hold, must each be refused and say which it was. Needs root, iproute2, openssl, and a Release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for tool in ip openssl dotnet; do command -v "$tool" > /dev/null || { echo "tls-check needs $tool" >&2; exit 2; }; done
program=cli/bin/Release/net10.0/coordinator.dll
[ -f "$program" ] || { echo "there is no $program: dotnet build -c Release" >&2; exit 2; }

mark=ct$$
scratch=$(mktemp -d)
pids=()
say() { echo "$*"; }
fail() { echo "FAILED: $*"; exit 1; }
tidy() {
  local status=$?
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait 2> /dev/null || true
  for one in sw silo w1 w2; do ip netns del "$mark$one" 2> /dev/null || true; done
  [ "$status" -eq 0 ] || tail -n 15 "$scratch"/*.txt
  rm -rf "$scratch"
  exit "$status"
}
trap tidy EXIT

# A switch in a namespace of its own: the machine's firewall never sees the traffic.
ip netns add "${mark}sw"
ip -n "${mark}sw" link add br0 type bridge
ip -n "${mark}sw" link set br0 up
host() {
  ip netns add "$mark$1"
  ip -n "${mark}sw" link add "p$1" type veth peer name eth0 netns "$mark$1"
  ip -n "${mark}sw" link set "p$1" master br0 up
  ip -n "$mark$1" addr add "$2/24" dev eth0
  ip -n "$mark$1" link set eth0 up
  ip -n "$mark$1" link set lo up
}
host silo 10.123.46.10
host w1 10.123.46.11
host w2 10.123.46.12

# An authority that is trusted, a certificate for the silo's address, and an authority that nobody's certificate is of.
authority() { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$scratch/$1.key" -out "$scratch/$1.crt" 2> /dev/null; }
authority trusted
authority other
openssl req -newkey rsa:2048 -nodes -subj /CN=silo -keyout "$scratch/silo.key" -out "$scratch/silo.csr" 2> /dev/null
openssl x509 -req -in "$scratch/silo.csr" -CA "$scratch/trusted.crt" -CAkey "$scratch/trusted.key" -CAcreateserial -days 2 \
  -extfile <(echo 'subjectAltName=IP:10.123.46.10') -out "$scratch/silo.crt" 2> /dev/null
openssl rand -hex 32 > "$scratch/token-of-another"

on() { ip netns exec "$mark$1" "${@:2}"; }
coordinator() { dotnet "$program" "$@"; }
# Started without a function between, so that $! is the program's own process id.
ip netns exec "${mark}silo" env Kestrel__Certificates__Default__Path="$scratch/silo.crt" Kestrel__Certificates__Default__KeyPath="$scratch/silo.key" \
  dotnet "$program" silo --data-dir "$scratch/silo" --url https://10.123.46.10:7070 --token-file "$scratch/token" > "$scratch/silo.txt" 2>&1 &
pids+=($!)
for _ in $(seq 100); do grep -q '^ready' "$scratch/silo.txt" && break; sleep 0.2; done
grep -q '^ready https://10.123.46.10:7070' "$scratch/silo.txt" || fail "the silo is not ready"
silo=https://10.123.46.10:7070
for worker in w1 w2; do
  ip netns exec "$mark$worker" env SSL_CERT_FILE="$scratch/trusted.crt" dotnet "$program" worker --silo "$silo" --token-file "$scratch/token" --node "$worker" \
    --data-address "10.123.46.1${worker#w}:0" --data-dir "$scratch/$worker" > "$scratch/$worker.txt" 2>&1 &
  pids+=($!)
done
on w1 env SSL_CERT_FILE="$scratch/trusted.crt" dotnet "$program" train --silo "$silo" --token-file "$scratch/token" --data README.md --job.ranks=2 --steps 60 \
  --out "$scratch/model.safetensors" > "$scratch/train.txt" 2>&1 || fail "training over TLS"
say "trained over TLS, silo 10.123.46.10, workers 10.123.46.11 and .12: $(grep -oE 'sha256 [0-9a-f]{64}' "$scratch/train.txt" | tail -n 1)"

# NAME, what its message must say, then how the worker is started: it must end by itself or say so within 20 s, and never be connected.
refused() {
  local name=$1 must=$2
  shift 2
  timeout 20 ip netns exec "${mark}w1" "$@" --node "$name" --data-address 10.123.46.11:0 --data-dir "$scratch/$name" > "$scratch/$name.txt" 2>&1 || true
  grep -qiE "$must" "$scratch/$name.txt" || fail "$name was refused without saying '$must'"
  ! on w1 env SSL_CERT_FILE="$scratch/trusted.crt" dotnet "$program" health --silo "$silo" --token-file "$scratch/token" --node "$name" 2> /dev/null || fail "$name is connected"
  say "$name: $(grep -iE "$must" "$scratch/$name.txt" | head -n 1)"
}
refused wrong-token 'refuses this worker.s token' env SSL_CERT_FILE="$scratch/trusted.crt" dotnet "$program" worker --silo "$silo" --token-file "$scratch/token-of-another"
refused untrusted-certificate certificate env SSL_CERT_FILE="$scratch/other.crt" dotnet "$program" worker --silo "$silo" --token-file "$scratch/token"
echo "10.123.46.10 elsewhere" > "$scratch/hosts"
refused certificate-of-another-name certificate env SSL_CERT_FILE="$scratch/trusted.crt" \
  unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$scratch/hosts" dotnet "$program" worker --silo https://elsewhere:7070 --token-file "$scratch/token"
say "all refused, each with its reason"
