#!/usr/bin/env bash
# Stand-ins for the public base images, for a machine that reaches no image registry: deploy/images/make.sh
# Made from Debian's packages and the .NET that is installed here, under the names that the Dockerfile and docker-compose.yml use, so that
# both are tried unchanged. Not for production: the public images are patched, these are as old as what is here.
# Needs: a running docker engine, mmdebstrap, dotnet. About three minutes and 2 GB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# As the SDK itself says, since `dotnet` on the PATH may be a script.
dotnet_root=$(dirname "$(dotnet --list-sdks | sed -n '$s/.*\[\(.*\)\]$/\1/p')")
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# What this machine trusts: builds inside the images reach the same registries as builds outside.
mkdir "$context/ca"
find /usr/local/share/ca-certificates -name '*.crt' -exec cp -t "$context/ca" {} + 2> /dev/null || true
cp -a "$dotnet_root" "$context/dotnet"
cp postgres/docker-entrypoint.sh "$context/"

exists() { docker image inspect "$1" > /dev/null 2>&1; }
build() {
  exists "$1" && { echo "$1 is there"; return; }
  echo "making $1"
  docker build -q -t "$1" -f "$2" "$context" > /dev/null
}

if ! exists debian:bookworm-slim; then
  echo "making debian:bookworm-slim"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,libicu72,libssl3,libstdc++6,tzdata \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    bookworm - | docker import --change 'CMD ["bash"]' - debian:bookworm-slim > /dev/null
fi
build mcr.microsoft.com/dotnet/aspnet:10.0 aspnet.Dockerfile
build mcr.microsoft.com/dotnet/sdk:10.0 sdk.Dockerfile
build postgres:15 postgres/Dockerfile
