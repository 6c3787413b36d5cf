using Coordinator.Machines;
using Coordinator.Server.Storage;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Hosting;

namespace Coordinator.Silo.Storage;

/// <summary>
/// A SQLite file in the data directory, for a silo that is alone: states, events and steps in one file and one commit, under its lock.
/// </summary>
public sealed partial class SqliteSiloStore : SiloStore
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "coordinator.db";

    private readonly SqliteStore store;
    private readonly SqliteCommits commits;
    private readonly SqliteGrainStorage states;

    private SqliteSiloStore(SqliteStore store, SqliteCommits commits) =>
        (this.store, this.commits, states) = (store, commits, new SqliteGrainStorage(store, commits));

    /// <inheritdoc/>
    public override bool IsShared => false;

    /// <inheritdoc/>
    public override bool KeepsOrder => true;

    /// <inheritdoc/>
    public override IObservationStore Observations => commits;

    /// <inheritdoc/>
    public override IEventStore Events => store;

    /// <inheritdoc/>
    public override string? Problem => commits.Problem;

    /// <summary>Opens it.</summary>
    /// <exception cref="StoreLockedException">Another silo has the data directory.</exception>
    /// <exception cref="StoreSchemaException">A newer coordinator wrote the database.</exception>
    /// <exception cref="StoreUnusableException">What lies where the database should be is none, or damaged.</exception>
    public static async Task<SqliteSiloStore> OpenAsync(SiloSettings settings, ILoggerFactory loggers)
    {
        var store = SqliteStore.Open(
            new SqliteStoreOptions { Path = Path.Combine(settings.DataDirectory, FileName), Silo = settings.Name });
        var commits = new SqliteCommits(store, TimeProvider.System);
        try
        {
            if (await SqliteGrainsImport.RunAsync(settings.DataDirectory, commits.WriteAsync).ConfigureAwait(false) is { } taken)
                Imported(loggers.CreateLogger<SqliteSiloStore>(), taken, SqliteGrainsImport.FileName, SqliteGrainsImport.DoneSuffix);
            return new SqliteSiloStore(store, commits);
        }
        catch
        {
            commits.Dispose();
            store.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<(string Key, string StateJson)>> ReadGpuStatesAsync() =>
        Task.Run(() => store.ReadStates(GrainKind.Gpu));

    /// <inheritdoc/>
    public override void AddGrainStorage(ISiloBuilder silo) => silo.Services.AddGrainStorage("Default", (_, _) => states);

    /// <inheritdoc/>
    public override void NameHolder(string url) => store.NameHolder(url);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        commits.Dispose();
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(1, LogLevel.Information, "took over {Count} grain states of an earlier build; {File} is called {File}{Suffix} now")]
    private static partial void Imported(ILogger logger, int count, string file, string suffix);
}
