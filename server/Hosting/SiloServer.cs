using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Server.Api;
using Coordinator.Server.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Hosting;

/// <summary>A silo's door to the network: the workers' gateway and the HTTP API on one port.</summary>
public sealed partial class SiloServer : IAsyncDisposable
{
    /// <summary>Path of the workers' WebSocket.</summary>
    public const string WorkerPath = "/worker";

    /// <summary>Path under which the API lies.</summary>
    public const string ApiPath = "/api/v1";

    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(3);

    private readonly WebApplication app;
    private readonly WorkerGateway gateway;
    private int stopped;

    private SiloServer(WebApplication app, WorkerGateway gateway, string url)
    {
        this.app = app;
        this.gateway = gateway;
        Url = url;
    }

    /// <summary>Where it listens, with the port that it got.</summary>
    public string Url { get; }

    /// <summary>Before anything else of the silo starts: what has started would speak of its own end first.</summary>
    private static void CheckThatItIsOfThisHost(ListenAddress listen, string url)
    {
        try
        {
            using var probe = new Socket(listen.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(listen.Address, 0));
        }
        catch (SocketException refused)
        {
            throw Refused(url, refused);
        }
    }

    private static FormatException Refused(string url, SocketException refused) => new(
        $"cannot listen on '{url}': {refused.Message}. Choose an address of this host, and a port that this user may listen on.", refused);

    /// <summary>Starts listening.</summary>
    /// <exception cref="PortInUseException">Another process listens there.</exception>
    /// <exception cref="FormatException">The URL is none to listen on.</exception>
    /// <exception cref="InvalidDataException">It is an https URL, and there is no certificate, or one that cannot be used.</exception>
    public static async Task<SiloServer> StartAsync(SiloServerOptions options, CancellationToken cancel = default)
    {
        var listen = ListenAddress.Parse(options.Url);
        CheckThatItIsOfThisHost(listen, options.Url);
        WebApplication app;
        try
        {
            app = Build(options, listen);
        }
        catch (Exception exception) when (WhyNoCertificate(listen, options.Url, exception) is { } why)
        {
            throw why;
        }

        var gateway = new WorkerGateway(
            options.Grains, options.Links, options.Gateway, options.TimeProvider, options.Loggers.CreateLogger<WorkerGateway>());
        Map(app, gateway, options);
        try
        {
            await app.StartAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            if (exception is IOException { InnerException: AddressInUseException })
                throw new PortInUseException(listen.Port, options.Url, exception);
            if ((exception as SocketException ?? exception.InnerException as SocketException) is { } refused)
                throw Refused(options.Url, refused);
            if (WhyNoCertificate(listen, options.Url, exception) is { } why)
                throw why;
            throw;
        }

        WarnOfOpenKey(app, listen, options);
        var url = listen.UrlAt(PortOf(app));
        if (!listen.Tls && !System.Net.IPAddress.IsLoopback(listen.Address))
            InTheClear(options.Loggers.CreateLogger<SiloServer>(), listen.ListeningAt(PortOf(app)));
        return new SiloServer(app, gateway, url);
    }

    /// <summary>Closes the workers' connections with a reason, lets running requests end, and stops listening. Repeatable.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref stopped, 1) != 0)
            return;
        await gateway.StopAsync().ConfigureAwait(false);
        await app.StopAsync().ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    /// <summary>
    /// A certificate is the web server's own to read, when it is built or when it starts; what is wrong with it comes as many kinds of
    /// exception.
    /// </summary>
    private static InvalidDataException? WhyNoCertificate(ListenAddress listen, string url, Exception exception) =>
        listen.Tls && exception is CryptographicException or FileNotFoundException or DirectoryNotFoundException
            or UnauthorizedAccessException or InvalidOperationException or ArgumentException
            ? new InvalidDataException(
                $"no certificate can be used for {url}: {FailureText.OneLine(exception.Message)} Name one with "
                    + "Kestrel__Certificates__Default__Path, "
                + "with its key in Kestrel__Certificates__Default__KeyPath or its password in Kestrel__Certificates__Default__Password.",
                exception)
            : null;

    private static WebApplication Build(SiloServerOptions options, ListenAddress listen)
    {
        // The working directory is the user's: what lies there must not configure a silo.
        var builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(options.Loggers);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopTimeout);
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1 << 20;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            var guard = new StrangerGuard(options);
            kestrel.Listen(listen.Address, listen.Port, endpoint =>
            {
                // Before TLS: a connection that never shakes hands is one too.
                endpoint.Use(next => connection => guard.ServeAsync(connection, next));
                endpoint.Protocols = HttpProtocols.Http1;
                if (listen.Tls)
                    endpoint.UseHttps();
            });
        });
        options.ConfigureHost?.Invoke(builder);
        return builder.Build();
    }

    private static void Map(WebApplication app, WorkerGateway gateway, SiloServerOptions options)
    {
        var faults = new Faults(options.Loggers.CreateLogger<Faults>());
        var auth = new BearerAuth(options.Token);
        app.Use((context, next) => faults.InvokeAsync(context, next));
        app.Use((context, next) => auth.InvokeAsync(context, next));
        app.Use((context, next) => ContentCoding.InvokeAsync(context, next));
        app.UseWebSockets();
        app.UseRouting();
        app.Map(WorkerPath, (RequestDelegate)gateway.HandleAsync);

        var views = new Views(options.Grains);
        var info = new InfoApi(options.Links, options);
        var api = app.MapGroup(ApiPath);
        api.AddEndpointFilter(Page.RefuseNegative);
        var changes = new DurableChanges(options.Grains, options, app.Lifetime.ApplicationStopping);
        new JobsApi(changes, views, options).Map(api);
        new GangsApi(changes, views, options).Map(api);
        new LogsApi(options.Grains, views, options).Map(api);
        new HistoryApi(options.Events, options, app.Lifetime.ApplicationStopping).Map(api);
        new LedgerApi(options.Events, options.TimeProvider).Map(api);
        new ClusterApi(views).Map(api);
        new LimitsApi(options.Grains, changes).Map(api);
        new DrainsApi(changes, views, options.TimeProvider).Map(api);
        new MarksApi(changes, views).Map(api);
        new FilesApi(changes, views, options).Map(api);
        info.Map(api);
        info.MapHealth(app);
        options.MapPages?.Invoke(app);
    }

    /// <summary>A private key that others may read is no secret; whether that is so on purpose, only the operator knows.</summary>
    private static void WarnOfOpenKey(WebApplication app, ListenAddress listen, SiloServerOptions options)
    {
        var certificate = app.Configuration.GetSection("Kestrel:Certificates:Default");
        if (listen.Tls && (certificate["KeyPath"] ?? certificate["Path"]) is { Length: > 0 } key && PrivateFiles.WhyOpen(key) is { } open)
            OpenKey(options.Loggers.CreateLogger<SiloServer>(), open);
    }

    private static int PortOf(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses;
        return BindingAddress.Parse(addresses.Single()).Port;
    }

    [LoggerMessage(1, LogLevel.Warning, "listening on {Url} without TLS: whoever sees the traffic sees the token")]
    private static partial void InTheClear(ILogger logger, string url);

    [LoggerMessage(2, LogLevel.Warning, "the key of the certificate: {Open}")]
    private static partial void OpenKey(ILogger logger, string open);
}
