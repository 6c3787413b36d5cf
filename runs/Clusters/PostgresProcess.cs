using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.Clusters;

/// <summary>A <see cref="PrivatePostgres"/> that is kept up until it is disposed of.</summary>
public sealed class PostgresProcess : IAsyncDisposable
{
    private readonly PrivatePostgres server;
    private readonly Supervisor supervisor;
    private readonly CancellationTokenSource stop = new();

    private PostgresProcess(PrivatePostgres server, Supervisor supervisor)
    {
        (this.server, this.supervisor) = (server, supervisor);
        Ended = supervisor.RunAsync(stop.Token);
    }

    /// <summary>How it is reached; it may still be starting.</summary>
    public string ConnectionString => server.ConnectionString;

    /// <summary>Completes with a failure where it cannot be kept up, with null after the end.</summary>
    public Task<ClusterFailure?> Ended { get; }

    /// <summary>Makes its folder, and starts it.</summary>
    /// <exception cref="CommandException">PostgreSQL is not installed, or its folder cannot be made.</exception>
    public static async Task<PostgresProcess> StartAsync(
        RunDirectory directory, Action<ChildNote> note, Func<bool> mayGiveUp, CancellationToken cancel)
    {
        var server = await PrivatePostgres.CreateAsync(directory, cancel);
        return new PostgresProcess(server, new Supervisor(
            "database", _ => server.Command(), directory.File("postgres.log"), new RestartPolicy(), note, mayGiveUp: mayGiveUp));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Ended;
        server.Remove();
        stop.Dispose();
    }
}
