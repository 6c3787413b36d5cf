using Coordinator.Machines;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Server.Storage;

namespace Coordinator.Lab.Chaos;

/// <summary>Something that was done to a run.</summary>
/// <param name="At">When.</param>
/// <param name="Text">What.</param>
/// <param name="Recorded">Steps that were recorded by then.</param>
/// <param name="IsBlow">Whether recovery is measured from it.</param>
public sealed record ChaosDeed(DateTimeOffset At, string Text, long Recorded, bool IsBlow);

/// <summary>What is left of a run when its job has ended, from storage and the files, and what was done to it.</summary>
public sealed record ChaosRecord
{
    /// <summary>The job's last view.</summary>
    public required JobView Job { get; init; }

    /// <summary>SHA-256 of the model file, read back from disk; null where there is none.</summary>
    public required string? ModelSha256 { get; init; }

    /// <summary>All recorded steps, in the order in which they were recorded.</summary>
    public required IReadOnlyList<StoredStep> Steps { get; init; }

    /// <summary>All stored events.</summary>
    public required IReadOnlyList<StoredEvent> Events { get; init; }

    /// <summary>What happened to the processes.</summary>
    public IReadOnlyList<ChildNote> Notes { get; init; } = [];

    /// <summary>What was done.</summary>
    public IReadOnlyList<ChaosDeed> Deeds { get; init; } = [];

    /// <summary>Wall time from submission to the end.</summary>
    public TimeSpan Took { get; init; }

    /// <summary>Whether silos' and workers' wall clocks were the machine's, so that times of events mean something.</summary>
    public bool ClocksAreRight { get; init; } = true;

    /// <summary>Events of a kind.</summary>
    public IEnumerable<StoredEvent> Of(string kind) => Events.Where(stored => stored.Event.Kind == kind);

    /// <summary>
    /// Events of a kind since the first deed: what happened before, on a machine that had much to do when the processes came up, is none of
    /// its.
    /// </summary>
    public IEnumerable<StoredEvent> OfSinceFirstDeed(string kind) =>
        Of(kind).Where(stored => !ClocksAreRight || (Deeds.Count > 0 && stored.Time >= Deeds[0].At));

    /// <summary>Steps that the return to a checkpoint had to compute again: what older timelines had recorded beyond it.</summary>
    /// <param name="restore">The event of the return.</param>
    public long Undone(CoordinatorEvent restore) => Math.Max(0, Steps.Where(stored => stored.Timeline < restore.Timeline)
        .Select(stored => stored.Step.Step).DefaultIfEmpty(0).Max() - (restore.Step ?? 0));

    /// <summary>Median time of a step, milliseconds; null of none.</summary>
    public double? StepMs
    {
        get
        {
            var sorted = Steps.Select(stored => stored.Step.Milliseconds).Where(double.IsFinite).Order().ToArray();
            return sorted.Length == 0 ? null : sorted[sorted.Length / 2];
        }
    }

    /// <summary>
    /// The longest time from a blow until the run was whole again: until all ranks of the generation that followed had applied a step,
    /// or, where none had to form, until the next step that was applied after the blow was recorded. Null where nothing followed.
    /// </summary>
    public TimeSpan? Recovery
    {
        get
        {
            if (!ClocksAreRight)
                return null;
            var events = Events.Select(stored => new TimedEvent(stored.Time, stored.Event)).ToArray();
            TimeSpan? longest = null;
            foreach (var blow in Deeds.Where(deed => deed.IsBlow))
            {
                var span = Recoveries.FromKills([blow.At], events) is [var formed] ? formed : ToRecord(blow.At);
                if (span is { } known && (longest is null || known > longest))
                    longest = known;
            }

            return longest;
        }
    }

    private TimeSpan? ToRecord(DateTimeOffset blow) =>
        Steps.Count == 0 ? null : Failovers.ToRecord(blow, Steps, Failovers.AppliedAt(Steps));
}
