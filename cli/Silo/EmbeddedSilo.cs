using System.Data.Common;
using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Gateway;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Silo;

/// <summary>
/// A whole silo in this process: SQLite store, embedded engine, gateway and API. Killed at any moment it loses nothing
/// that anybody was told; started again on the same data directory it goes on.
/// </summary>
public sealed class EmbeddedSilo : IAsyncDisposable
{
    /// <summary>What <c>GET /info</c> names as the engine.</summary>
    public const string EngineName = "embedded";

    private readonly SqliteStore store;
    private readonly EmbeddedEngine engine;
    private readonly SiloServer server;
    private readonly string name;
    private int stopped;

    private EmbeddedSilo(SqliteStore store, EmbeddedEngine engine, SiloServer server, string name, string token)
    {
        this.store = store;
        this.engine = engine;
        this.server = server;
        this.name = name;
        Token = token;
    }

    /// <summary>Where it listens, with the port that it got.</summary>
    public string Url => server.Url;

    /// <summary>The bearer token that workers and clients need.</summary>
    public string Token { get; }

    /// <summary>The engine.</summary>
    public EmbeddedEngine Engine => engine;

    /// <summary>Stored events and steps.</summary>
    public IEventStore Events => store;

    /// <summary>Starts a silo.</summary>
    /// <exception cref="StoreLockedException">Another silo has the data directory.</exception>
    /// <exception cref="StoreSchemaException">A newer coordinator wrote the database.</exception>
    /// <exception cref="StoreUnusableException">What lies where the database should be is none, or damaged.</exception>
    /// <exception cref="PortInUseException">Another process listens on the port.</exception>
    /// <exception cref="FormatException">The URL is none to listen on.</exception>
    /// <exception cref="InvalidDataException">The token file holds no token.</exception>
    public static async Task<EmbeddedSilo> StartAsync(EmbeddedSiloOptions options, CancellationToken cancel = default)
    {
        ListenAddress.Parse(options.Url);
        var token = SiloToken.OfSilo(options.TokenFile, options.DataDirectory, options.Loggers);
        var store = SqliteStore.Open(new SqliteStoreOptions
        {
            Path = Path.Combine(options.DataDirectory, "coordinator.db"),
            Silo = options.Name,
            TimeProvider = options.TimeProvider,
        });
        EmbeddedEngine? engine = null;
        try
        {
            var links = new WorkerLinks();
            engine = new EmbeddedEngine(EngineSettings(options), new SqliteEngineStore(store), new EngineWorkerLinks(links), options.Loggers);
            store.Append(new CoordinatorEvent { Kind = EventKinds.Silo, Cause = "started", Text = $"silo {options.Name} started, process {Environment.ProcessId}" });
            engine.Start();
            var server = await SiloServer.StartAsync(ServerSettings(options, token, store, engine, links), cancel).ConfigureAwait(false);
            store.NameHolder(server.Url);
            return new EmbeddedSilo(store, engine, server, options.Name, token);
        }
        catch
        {
            if (engine is not null)
                await engine.StopAsync().ConfigureAwait(false);
            store.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Stores what waits, closes the workers' connections, and gives up the data directory. Workers go on by themselves. Repeatable.
    /// The grains stop first: connections that the silo itself closes say nothing about the workers behind them.
    /// </summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref stopped, 1) != 0)
            return;
        await engine.StopAsync().ConfigureAwait(false);
        await server.StopAsync().ConfigureAwait(false);
        try
        {
            store.Append(new CoordinatorEvent { Kind = EventKinds.Silo, Cause = "stopped", Text = $"silo {name} stopped" });
        }
        catch (DbException)
        {
            // Storage is away, and this event is not worth waiting for it.
        }
        finally
        {
            store.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private static EngineOptions EngineSettings(EmbeddedSiloOptions options) => new()
    {
        Silo = options.Name,
        MachineFactory = options.MachineFactory,
        TimeProvider = options.TimeProvider,
        Chaos = options.Chaos,
        OnBrokenInvariant = options.OnBrokenInvariant,
    };

    private static SiloServerOptions ServerSettings(EmbeddedSiloOptions options, string token, SqliteStore store, EmbeddedEngine engine, WorkerLinks links) => new()
    {
        Url = options.Url,
        Token = token,
        DataDirectory = options.DataDirectory,
        SiloName = options.Name,
        EngineName = EngineName,
        Grains = new EngineGrainHost(engine),
        Events = store,
        Links = links,
        ValidateJob = options.ValidateJob,
        Problem = () => engine.Problem,
        Observe = observed =>
        {
            store.Append(observed);
            return Task.CompletedTask;
        },
        Gateway = options.Gateway,
        TimeProvider = options.TimeProvider,
        Loggers = options.Loggers,
    };
}
