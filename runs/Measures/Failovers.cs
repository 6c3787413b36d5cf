using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Runs.Measures;

/// <summary>A worker was welcomed by a silo; both count from 0.</summary>
public sealed record WorkerWelcome(DateTimeOffset At, int Worker, int Silo);

/// <summary>
/// What a silo's death did to a job, from what the job's steps and events say of themselves. All times are of this machine's wall clock:
/// the killer's, the silos' and, rebuilt from step times, the workers'.
/// </summary>
public static class Failovers
{
    // Clocks drift apart by some milliseconds a minute; a silo that is away holds records back for seconds.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>
    /// When each step was applied. A step's time runs from the application of the step before, so their sum is the worker's clock but for
    /// where it began; and no step is recorded before it is applied, so the promptest record nearby says where. The answer is late by that
    /// record's way to the disk, some milliseconds, and never early.
    /// </summary>
    /// <param name="steps">All steps of one job, in order, of a run in which the worker that reports stayed the same.</param>
    public static IReadOnlyList<DateTimeOffset> AppliedAt(IReadOnlyList<StoredStep> steps)
    {
        var clock = new TimeSpan[steps.Count];
        for (var i = 1; i < clock.Length; i++)
            clock[i] = clock[i - 1] + TimeSpan.FromMilliseconds(steps[i].Step.Milliseconds);

        // The smallest distance between record and worker's clock in a window that moves along.
        var applied = new DateTimeOffset[clock.Length];
        var promptest = new LinkedList<int>();
        for (int i = 0, next = 0; i < clock.Length; i++)
        {
            for (; next < clock.Length && clock[next] <= clock[i] + Window; next++)
            {
                while (promptest.Last is { Value: var last } && Start(last) >= Start(next))
                    promptest.RemoveLast();
                promptest.AddLast(next);
            }

            while (clock[promptest.First!.Value] < clock[i] - Window)
                promptest.RemoveFirst();
            applied[i] = Start(promptest.First.Value) + clock[i];
        }

        return applied;

        DateTimeOffset Start(int step) => steps[step].RecordedAt - clock[step];
    }

    /// <summary>
    /// From a moment until the first step applied after it is recorded: the coordinator works again. Null where none follows.
    /// </summary>
    public static TimeSpan? ToRecord(DateTimeOffset from, IReadOnlyList<StoredStep> steps, IReadOnlyList<DateTimeOffset> applied)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            if (applied[i] > from)
                return steps[i].RecordedAt - from;
        }

        return null;
    }

    /// <summary>
    /// The silo on which the job's grain lived at a moment: the one that stored its submission, or that loaded it later. Null before.
    /// </summary>
    public static string? HomeAt(DateTimeOffset at, IReadOnlyList<StoredEvent> events) =>
        events.LastOrDefault(stored => stored.Event.Kind is EventKinds.JobSubmitted or EventKinds.JobActivated && stored.Time <= at)?.Silo;

    /// <summary>From a kill until the job's grain was loaded again; null where it was not before <paramref name="until"/>.</summary>
    public static TimeSpan? ToLoad(DateTimeOffset kill, DateTimeOffset until, IReadOnlyList<StoredEvent> events) =>
        events.FirstOrDefault(stored => stored.Event.Kind == EventKinds.JobActivated
            && stored.Time > kill
            && stored.Time < until) is { } loaded ? loaded.Time - kill : null;

    /// <summary>
    /// From the kill of silos until every worker that was connected to one of them is welcomed again; null where none was.
    /// </summary>
    /// <exception cref="InvalidOperationException">A worker never came back.</exception>
    public static TimeSpan? ToWelcome(DateTimeOffset kill, IReadOnlyCollection<int> silos, IReadOnlyList<WorkerWelcome> welcomes)
    {
        TimeSpan? longest = null;
        foreach (var worker in welcomes.GroupBy(welcome => welcome.Worker))
        {
            if (worker.LastOrDefault(welcome => welcome.At <= kill) is not { } before || !silos.Contains(before.Silo))
                continue;
            var again = worker.FirstOrDefault(welcome => welcome.At > kill)
                ?? throw new InvalidOperationException($"worker {worker.Key} was not welcomed by any silo after {kill:HH:mm:ss.fff}");
            if (longest is null || again.At - kill > longest)
                longest = again.At - kill;
        }

        return longest;
    }
}
