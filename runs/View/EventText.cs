using Coordinator.Machines;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.View;

/// <summary>Which events a view shows, how they read, and how they are coloured.</summary>
public static class EventText
{
    /// <summary>
    /// Whether a view of a run shows the event. What every member answered, and who joined, is for <c>events</c>, not for a glance.
    /// </summary>
    public static bool IsShown(TimedEvent stored) =>
        stored.Event.Kind is not (EventKinds.RankState or EventKinds.RankJoined or EventKinds.GpuHealth);

    /// <summary>A stored event as a line.</summary>
    public static EventLine Line(TimedEvent stored)
    {
        var happened = stored.Event;
        var text = happened.Text.Length > 0 ? happened.Text : happened.Kind;
        if (happened.Cause is { Length: > 0 } cause && !text.Contains(cause, StringComparison.OrdinalIgnoreCase))
            text += $" ({cause})";
        return new EventLine(stored.Time, text, ToneOf(happened.Kind));
    }

    /// <summary>What happened to a process of ours as a line.</summary>
    public static EventLine Line(ChildNote note) =>
        new(note.Time, $"{note.Child} {note.Text}", note.Exit is null ? Tone.Plain : Tone.Bad);

    private static Tone ToneOf(string kind) => kind switch
    {
        EventKinds.GenerationRunning or EventKinds.JobFinished or EventKinds.NodeUp or EventKinds.PowerRestored => Tone.Good,
        EventKinds.RankExcluded or EventKinds.NodeDown or EventKinds.JobFailed or EventKinds.Diverged => Tone.Bad,
        EventKinds.GenerationForming or EventKinds.JobWaiting or EventKinds.JobShort or EventKinds.GpuError or EventKinds.RankLeaving
            or EventKinds.CheckpointFailed or EventKinds.CheckpointUnreadable or EventKinds.CheckpointRestored or EventKinds.StateRegained
            or EventKinds.PromiseEnded or EventKinds.StateOneHolder
            or EventKinds.PowerShed or EventKinds.GpuThrottled => Tone.Warning,
        _ => Tone.Plain,
    };
}
