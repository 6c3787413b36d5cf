# The coordinator's one program in an image: client, silo and worker.
# No BuildKit syntax, so that every engine from 20.10 on builds it: docker build -t coordinator .
ARG DOTNET=10.0
FROM mcr.microsoft.com/dotnet/sdk:${DOTNET} AS build
WORKDIR /src
COPY . .
RUN dotnet restore Coordinator.sln \
 && dotnet publish cli -c Release --no-restore -o /opt/coordinator/cli \
 && mkdir /opt/coordinator/bin /opt/coordinator/text \
 && ln -s ../cli/coordinator /opt/coordinator/bin/coordinator \
 && cp deploy/crash /opt/coordinator/bin/crash \
 && cp README.md docs/*.md /opt/coordinator/text/

FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}
COPY --from=build /opt/coordinator /opt/coordinator
ENV PATH=/opt/coordinator/bin:$PATH ASPNETCORE_HTTP_PORTS= DOTNET_EnableDiagnostics=0 HOME=/tmp
# A volume that is mounted for the first time takes the folder's owner: the programs run as `app`, uid 1654 of the public images.
RUN mkdir -p /data /checkpoints /models /run/coordinator && chown 1654:1654 /data /checkpoints /models /run/coordinator
WORKDIR /models
USER 1654:1654
ENTRYPOINT ["coordinator"]
CMD ["--help"]
