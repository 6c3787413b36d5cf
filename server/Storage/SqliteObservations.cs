using System.Data.Common;
using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>A SQLite file as the place of events and steps alone, for a silo of one process whose grain states are stored elsewhere.</summary>
public sealed class SqliteObservations(SqliteStore store, TimeProvider time) : IObservationStore, IDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim one = new(1);
    private long batches;
    private volatile string? problem;

    /// <summary>Why nothing can be stored at the moment; null while it can.</summary>
    public string? Problem => problem;

    /// <inheritdoc/>
    public async Task<bool> StoreAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        var now = time.GetUtcNow();
        NewEvent[] events = [.. observations.OfType<ObserveEvent>().Select(observed => new NewEvent(now, observed.Event))];
        ObserveSteps[] steps = [.. observations.OfType<ObserveSteps>()];
        await one.WaitAsync().ConfigureAwait(false);
        try
        {
            // One number however often it is tried: a commit whose answer was lost is not stored twice.
            var batch = new StoreBatch(++batches, [], events, steps) { Observer = (grain, incarnation) };
            return await CommitAsync(batch).ConfigureAwait(false);
        }
        finally
        {
            one.Release();
        }
    }

    /// <inheritdoc/>
    public Task AppendAsync(CoordinatorEvent observed) => Task.Run(() => store.Append(observed));

    /// <inheritdoc/>
    public Task<IReadOnlyList<JobId>> ListJobsAsync(CancellationToken cancel = default) => Task.Run(store.ListJobs, cancel);

    /// <inheritdoc/>
    public void Dispose() => one.Dispose();

    private async Task<bool> CommitAsync(StoreBatch batch)
    {
        while (true)
        {
            try
            {
                var refused = await Task.Run(() => store.Commit(batch)).ConfigureAwait(false);
                problem = null;
                return refused.Count == 0;
            }
            catch (DbException away)
            {
                problem = $"storage does not answer: {away.Message}";
                await Task.Delay(Retry, time).ConfigureAwait(false);
            }
        }
    }
}
