using Coordinator.Machines;
using Coordinator.Runs.View;

namespace Coordinator.Runs.Measures;

/// <summary>Times from a kill, or from its detection, to the first step that all ranks applied after it.</summary>
public static class Recoveries
{
    /// <summary>
    /// From the moment of each kill to the end of the first recovery that began after it, by the wall clock of this machine.
    /// Kills that no recovery followed (a spare, or the job had ended) are left out.
    /// </summary>
    public static IReadOnlyList<TimeSpan> FromKills(IEnumerable<DateTimeOffset> kills, IReadOnlyList<TimedEvent> events)
    {
        var spans = new List<TimeSpan>();
        foreach (var kill in kills)
        {
            var forming = events.FirstOrDefault(stored => stored.Event.Kind == EventKinds.GenerationForming && stored.Time >= kill);

            // A generation that was overtaken by another failure never runs; the later one that does ends this recovery.
            var running = forming is null ? null : events.FirstOrDefault(stored =>
                stored.Event.Kind == EventKinds.GenerationRunning && stored.Time >= forming.Time
                && stored.Event.Generation >= forming.Event.Generation);
            if (running is not null)
                spans.Add(running.Time - kill);
        }

        return spans;
    }

    /// <summary>
    /// From detection to the first new step on all ranks, as the job's grain measured it, for generations that left a member out.
    /// </summary>
    public static IReadOnlyList<TimeSpan> FromDetection(IReadOnlyList<TimedEvent> events)
    {
        var pending = false;
        var spans = new List<TimeSpan>();
        foreach (var stored in events)
        {
            pending |= stored.Event.Kind is EventKinds.RankExcluded;
            if (stored.Event is { Kind: EventKinds.GenerationRunning, DurationMs: { } milliseconds } && pending)
            {
                spans.Add(TimeSpan.FromMilliseconds(milliseconds));
                pending = false;
            }
        }

        return spans;
    }

    /// <summary>The middle value; the mean of the two middle ones of an even number. Null of none.</summary>
    public static TimeSpan? Median(IReadOnlyList<TimeSpan> spans)
    {
        if (spans.Count == 0)
            return null;
        var sorted = spans.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
