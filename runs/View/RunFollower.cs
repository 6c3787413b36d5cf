using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Server.Client;

namespace Coordinator.Runs.View;

/// <summary>
/// Keeps what is known of a run up to date by asking a silo again and again. A silo that is away is not an error: the follower
/// goes on asking, and its data says since when.
/// </summary>
public sealed class RunFollower(IRunSource source, string title, LocalCluster? cluster = null)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan EventWait = TimeSpan.FromSeconds(5);

    // A silo that is frozen answers nothing and closes nothing.
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(10);

    private readonly object gate = new();
    private readonly DateTimeOffset started = DateTimeOffset.Now;
    private readonly List<TimedEvent> events = [];
    private readonly List<StepRecord> steps = [];
    private readonly TaskCompletionSource<JobView> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private JobView? job;
    private IReadOnlyList<NodeView> nodes = [];
    private DateTimeOffset? awaySince;
    private volatile bool sawEnd;
    private long lastOrdinal;
    private long lastStepOrdinal;

    /// <summary>Completes with the job once it has finished or failed and all its steps were read.</summary>
    public Task<JobView> Ended => ended.Task;

    /// <summary>The job as last heard of; null before the first answer.</summary>
    public JobView? Job
    {
        get
        {
            lock (gate)
                return job;
        }
    }

    /// <summary>For how long the silo has not been heard; zero while it is.</summary>
    public TimeSpan Away
    {
        get
        {
            lock (gate)
                return awaySince is { } since ? DateTimeOffset.Now - since : TimeSpan.Zero;
        }
    }

    /// <summary>What is known now.</summary>
    public RunData Snapshot()
    {
        lock (gate)
        {
            // Read once: what is said of a moment in the past must not change between two looks.
            var now = DateTimeOffset.Now;
            return new RunData
            {
                Now = now,
                Started = started,
                Title = title,
                Job = job,
                Nodes = nodes,
                Events = [.. events],
                Steps = [.. steps],
                SiloAway = awaySince is { } since ? now - since : null,
                SiloSupervised = cluster is not null,
                Children = cluster?.Children ?? [],
                Notes = cluster?.Notes ?? [],
            };
        }
    }

    /// <summary>Asks until cancelled.</summary>
    /// <exception cref="CoordinatorApiException">The silo refuses to answer: repeating would not help.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        await Task.WhenAll(Repeat(PollAsync, cancel), Repeat(ReadEventsAsync, cancel));
    }

    /// <summary>Reads all events that are stored by now; for the end of a run, when none may be missing.</summary>
    /// <returns>How many.</returns>
    public async Task<int> DrainEventsAsync(CancellationToken cancel)
    {
        List<TimedEvent> all = [];
        long after = 0;
        while (true)
        {
            var page = await source.EventsAsync(after, TimeSpan.Zero, cancel);
            if (page.Next == after)
                break;
            all.AddRange(page.Events);
            after = page.Next;
        }

        lock (gate)
        {
            events.Clear();
            events.AddRange(all);
        }

        return all.Count;
    }

    private async Task Repeat(Func<CancellationToken, Task> once, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(CallLimit);
                await once(limit.Token);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception away) when (
                away is CoordinatorApiException { MayRepeat: true } or HttpRequestException or IOException or OperationCanceledException)
            {
                lock (gate)
                    awaySince ??= DateTimeOffset.Now;
            }

            await Task.Delay(Period, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private async Task PollAsync(CancellationToken cancel)
    {
        var endWasSeen = sawEnd;
        var freshJob = await source.JobAsync(cancel);
        var freshNodes = await source.NodesAsync(cancel);
        var freshSteps = await source.StepsAsync(lastStepOrdinal, cancel);
        lastStepOrdinal = freshSteps.Next;
        lock (gate)
        {
            job = freshJob;
            nodes = freshNodes;
            steps.AddRange(freshSteps.Steps);
            awaySince = null;
        }

        // A grain's view may be ahead of its storage. The event of the end is stored with the last steps: whoever reads it, and then
        // reads no further steps, has them all.
        if (freshJob.Phase is "finished" or "failed" && endWasSeen && freshSteps.Steps.Count == 0)
            ended.TrySetResult(freshJob);
    }

    private async Task ReadEventsAsync(CancellationToken cancel)
    {
        var page = await source.EventsAsync(lastOrdinal, EventWait, cancel);
        lastOrdinal = page.Next;
        lock (gate)
            events.AddRange(page.Events);
        foreach (var stored in page.Events)
        {
            // A job that was given more steps after its end has another one before it.
            if (stored.Event.Kind is EventKinds.JobFinished or EventKinds.JobFailed or EventKinds.JobExtended)
                sawEnd = stored.Event.Kind != EventKinds.JobExtended;
        }
    }
}
