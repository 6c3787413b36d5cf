using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Jobs;

/// <summary>What a run that was asked to end has left.</summary>
/// <param name="Job">The job as last heard of; null: it is not stored.</param>
/// <param name="Saved">The checkpoint that was saved since; null: none was.</param>
/// <param name="Trouble">Why none was; empty where one was, or where the job has finished.</param>
public sealed record RunRemains(JobView? Job, CheckpointRef? Saved, string Trouble);

/// <summary>
/// Saves a run's state before its processes end. Workers train on meanwhile. A silo that is killed while it is asked forgets the request,
/// so it is made again as long as nothing is being saved.
/// </summary>
public sealed class FinalCheckpoint(SiloCalls calls, JobId id)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Asks for a checkpoint and waits until it is recorded, for a minute; for longer while parts of it are being written.
    /// </summary>
    /// <param name="reason">Why, for the job's events.</param>
    /// <exception cref="ClusterException">Our silo cannot be kept up.</exception>
    public async Task<RunRemains> SaveAsync(string reason)
    {
        using var limit = new CancellationTokenSource(Limit);
        JobView? job = null;
        CheckpointId? newest = null;
        long? askedAt = null;
        try
        {
            while (true)
            {
                var view = await calls.AskAsync((silo, cancel) => silo.GetJobAsync(id, cancel), limit.Token);
                if (view is null)
                    return new RunRemains(job, null, "the job had not begun");
                newest ??= job is null && view.Checkpoints is [.., var last] ? last.Id : null;
                job = view;
                if (view.Checkpoints is [.., var saved] && saved.Id != newest)
                    return new RunRemains(view, saved, "");
                if (view.Phase is "finished" or "failed")
                    return new RunRemains(view, null, view.Phase == "finished" ? "" : $"the job has failed: {view.Reason}");
                if (view is { Phase: not "running", Recorded: 0, Checkpoints: [] })
                    return new RunRemains(view, null, "no step had been trained");
                if (IsWriting(view))
                {
                    limit.CancelAfter(Limit);
                }
                else if (askedAt is not { } at || Stopwatch.GetElapsedTime(at) >= AskPeriod)
                {
                    await AskAsync(reason, limit.Token);
                    askedAt = Stopwatch.GetTimestamp();
                }

                await Task.Delay(PollPeriod, limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return new RunRemains(
                job,
                null,
                job is { Saving: { Length: > 0 } trouble } ? trouble : $"there was no checkpoint within {Limit.TotalSeconds:0} s");
        }
    }

    /// <summary>
    /// The step that is saved was applied, and its parts are on their way to the disk: the job itself bounds how long that may take.
    /// </summary>
    private static bool IsWriting(JobView job) => job.Saving.Contains("parts are written", StringComparison.Ordinal);

    private async Task AskAsync(string reason, CancellationToken cancel)
    {
        try
        {
            await calls.AskAsync(
                async (silo, limit) =>
                {
                    await silo.SaveCheckpointAsync(id, reason, limit);
                    return true;
                },
                cancel);
        }
        catch (CoordinatorApiException)
        {
            // The job has ended in between, which its next view says.
        }
    }
}
