using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Coordinator.Server.Storage.Postgres;

/// <summary>Hears from the database that some silo has stored events, on a connection of its own.</summary>
internal sealed partial class PostgresListener : IAsyncDisposable
{
    /// <summary>The channel's name.</summary>
    public const string Channel = "coordinator_changes";

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource source;
    private readonly ChangeSignal changes;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task listening;

    public PostgresListener(NpgsqlDataSource source, ChangeSignal changes, ILogger logger)
    {
        (this.source, this.changes, this.logger) = (source, changes, logger);
        listening = Task.Run(() => ListenAsync(stopping.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await listening.ConfigureAwait(false);
        stopping.Dispose();
    }

    private async Task ListenAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
                connection.Notification += (_, _) => changes.Notify();
                await connection.ExecuteAsync($"LISTEN {Channel}").ConfigureAwait(false);

                // What was stored while nobody listened.
                changes.Notify();
                while (true)
                    await connection.WaitAsync(cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception away) when (away is NpgsqlException or IOException or InvalidOperationException)
            {
                Lost(logger, away.Message);
                await Task.Delay(Retry, cancel).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(3, LogLevel.Warning, "no longer hears what other silos store; trying again: {Why}")]
    private static partial void Lost(ILogger logger, string why);
}
