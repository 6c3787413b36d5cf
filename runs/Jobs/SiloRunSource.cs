using Coordinator.Machines;
using Coordinator.Runs.View;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Jobs;

/// <summary>A job's data from a silo's HTTP API.</summary>
public sealed class SiloRunSource(CoordinatorClient client, JobId id) : IRunSource
{
    /// <summary>What is done where the silo does not know the job: it died before it had stored it, say. Null: nothing.</summary>
    public Func<CancellationToken, Task>? Unknown { get; init; }

    /// <inheritdoc/>
    public async Task<JobView> JobAsync(CancellationToken cancel)
    {
        if (await client.GetJobAsync(id, cancel) is { } job)
            return job;
        if (Unknown is not null)
            await Unknown(cancel);
        throw new IOException($"the silo does not know job {id} yet");
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<NodeView>> NodesAsync(CancellationToken cancel) => client.GetNodesAsync(cancel);

    /// <inheritdoc/>
    public async Task<StepPage> StepsAsync(long after, CancellationToken cancel)
    {
        var page = await client.GetStepsAsync(id, after, cancel: cancel);
        return new StepPage([.. page.Items.Select(stored => stored.Step)], page.Next);
    }

    /// <inheritdoc/>
    public async Task<EventPage> EventsAsync(long after, TimeSpan wait, CancellationToken cancel)
    {
        // Not the job's alone: that a node came or went belongs to the job's story, and names no job.
        var page = await client.GetEventsAsync(null, after, wait: wait, cancel: cancel);
        var mine = page.Items.Where(stored => stored.Event.Job is null || stored.Event.Job == id);
        return new EventPage([.. mine.Select(stored => new TimedEvent(stored.Time, stored.Event))], page.Next);
    }
}
