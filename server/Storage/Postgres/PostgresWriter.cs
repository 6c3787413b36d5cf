using System.Threading.Channels;
using Coordinator.Machines;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Coordinator.Server.Storage.Postgres;

/// <summary>
/// The one task of a process that writes. Silos commit one after the other, by an advisory lock: an ordinal is drawn before its
/// transaction commits, and a reader that asks for what is behind the last ordinal it saw would otherwise miss one that was drawn
/// earlier and committed later.
/// </summary>
internal sealed partial class PostgresWriter : IAsyncDisposable
{
    private const long OrderLock = 0x436F6F7264530002;
    private const int LargestBatch = 512;
    private const int MostWaiting = 65_536;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(2);

    private readonly NpgsqlDataSource source;
    private readonly PostgresStoreOptions options;
    private readonly ChangeSignal changes;
    private readonly ILogger logger;
    private readonly string id = Guid.NewGuid().ToString("N");
    private readonly Channel<Turn> waiting = Channel.CreateBounded<Turn>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private readonly CancellationTokenSource stopping = new();
    private readonly Task writing;
    private long batches;
    private volatile string? problem;

    public PostgresWriter(NpgsqlDataSource source, PostgresStoreOptions options, ChangeSignal changes, ILogger logger)
    {
        (this.source, this.options, this.changes, this.logger) = (source, options, changes, logger);
        writing = Task.Run(WriteAsync);
    }

    /// <summary>Why nothing can be stored at the moment; null while it can.</summary>
    public string? Problem => problem;

    private sealed record Turn(GrainAddress Grain, long Incarnation, DateTimeOffset Time, IReadOnlyList<Output> Observations)
    {
        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Ends when it is durable.</summary>
    /// <returns>False where a higher incarnation of the grain has stored something.</returns>
    public async Task<bool> WriteAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        var turn = new Turn(grain, incarnation, options.TimeProvider.GetUtcNow(), observations);
        await waiting.Writer.WriteAsync(turn).ConfigureAwait(false);
        return await turn.Done.Task.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        waiting.Writer.TryComplete();
        await stopping.CancelAsync().ConfigureAwait(false);
        await writing.ConfigureAwait(false);
        stopping.Dispose();
    }

    private async Task WriteAsync()
    {
        var batch = new List<Turn>();
        while (await waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batch.Clear();
            while (batch.Count < LargestBatch && waiting.Reader.TryRead(out var turn))
                batch.Add(turn);
            await StoreAsync(batch).ConfigureAwait(false);
        }
    }

    /// <summary>Stores a batch, however long that takes. A turn that the database cannot take fails alone.</summary>
    private async Task StoreAsync(IReadOnlyList<Turn> batch)
    {
        var number = ++batches;
        var accepted = new bool[batch.Count];
        for (var pause = FirstRetry; ; pause = pause + pause < LongestRetry ? pause + pause : LongestRetry)
        {
            try
            {
                await CommitAsync(number, batch, accepted).ConfigureAwait(false);
                break;
            }
            catch (PostgresException wrong) when (
                wrong.SqlState.StartsWith("22", StringComparison.Ordinal) || wrong.SqlState.StartsWith("23", StringComparison.Ordinal))
            {
                if (batch is [var one])
                {
                    one.Done.TrySetException(wrong);
                    return;
                }

                foreach (var turn in batch)
                    await StoreAsync([turn]).ConfigureAwait(false);
                return;
            }
            catch (Exception away) when (away is NpgsqlException or IOException or TimeoutException or InvalidOperationException)
            {
                problem = $"PostgreSQL does not answer: {away.Message}";
                Away(logger, away.Message);
                if (stopping.IsCancellationRequested)
                {
                    foreach (var turn in batch)
                        turn.Done.TrySetException(away);
                    return;
                }

                await Task.Delay(pause, stopping.Token).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }

        problem = null;
        for (var index = 0; index < batch.Count; index++)
            batch[index].Done.TrySetResult(accepted[index]);
        changes.Notify();
    }

    private async Task CommitAsync(long number, IReadOnlyList<Turn> batch, bool[] accepted)
    {
        await using var connection = await source.OpenConnectionAsync().ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync().ConfigureAwait(false);
        await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(@OrderLock)", new { OrderLock }, transaction).ConfigureAwait(false);
        var writer = new BatchWriter(transaction, options.Silo, options.TimeProvider.GetUtcNow());

        // Stored before, and only the acknowledgement was lost: what was accepted then is known from then.
        if (!writer.Claim(id, number))
            return;
        for (var index = 0; index < batch.Count; index++)
        {
            var turn = batch[index];
            accepted[index] = writer.TryObserve(turn.Grain, turn.Incarnation);
            if (!accepted[index])
                continue;
            foreach (var observation in turn.Observations)
            {
                if (observation is ObserveSteps steps)
                    writer.Write(steps);
                else if (observation is ObserveEvent observed)
                    writer.Write(new NewEvent(turn.Time, observed.Event));
            }
        }

        await connection.ExecuteAsync($"NOTIFY {PostgresListener.Channel}", transaction: transaction).ConfigureAwait(false);
        await transaction.CommitAsync().ConfigureAwait(false);
    }

    [LoggerMessage(2, LogLevel.Warning, "PostgreSQL does not answer; what is to be stored waits: {Why}")]
    private static partial void Away(ILogger logger, string why);
}
