# Stand-in for mcr.microsoft.com/dotnet/sdk:10.0 (deploy/images/make.sh).
FROM debian:bookworm-slim
ENV APP_UID=1654 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_NOLOGO=true DOTNET_USE_POLLING_FILE_WATCHER=true NUGET_XMLDOC_MODE=skip
RUN groupadd --gid=$APP_UID app && useradd --no-log-init --uid=$APP_UID --gid=$APP_UID --create-home app
COPY ca /usr/local/share/ca-certificates/
RUN update-ca-certificates > /dev/null 2>&1
# Where no registry is reached, neither is the list of revoked certificates.
ENV NUGET_CERT_REVOCATION_MODE=offline
COPY dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
CMD ["bash"]
