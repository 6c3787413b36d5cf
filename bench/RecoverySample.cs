using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>One kill and what came of it.</summary>
internal sealed class RecoverySample
{
    public RecoverySample(
        int kill, string worker, int pid, DateTimeOffset at, DateTimeOffset? noticed, long whole, IReadOnlyList<StoredEvent> events)
    {
        (Kill, Worker, Pid, At) = (kill, worker, pid, at);
        Noticed = noticed - at;
        var forming = events.First(stored => stored.Event.Kind == EventKinds.GenerationForming);
        var running = events.First(stored => stored.Event.Kind == EventKinds.GenerationRunning && stored.Ordinal > forming.Ordinal);
        var planned = events.Last(stored => stored.Event.Kind == EventKinds.GenerationPlanned && stored.Ordinal < running.Ordinal);
        Cause = forming.Event.Cause ?? "";
        Detected = forming.Time - at;
        Answered = events.Last(stored => stored.Event.Kind == EventKinds.RankState && stored.Ordinal < planned.Ordinal).Time - at;
        Planned = planned.Time - at;
        Gross = running.Time - at;
        Step = running.Event.Step ?? 0;

        // A survivor that was given up, or a second generation before a step was made, makes one recovery long.
        Generations = events.Count(stored => stored.Event.Kind == EventKinds.GenerationForming && stored.Ordinal < running.Ordinal);
        AlsoExcluded = events.Count(stored => stored.Event.Kind == EventKinds.RankExcluded) - 1;
        var up = events.FirstOrDefault(stored => stored.Event is { Kind: EventKinds.NodeUp } e && e.Node?.Value == worker);
        var join = events.First(stored => stored.Event.Kind == EventKinds.GenerationForming && stored.Event.Generation == whole);
        var joined = events.First(stored => stored.Event.Kind == EventKinds.GenerationRunning && stored.Event.Generation == whole);
        Connected = up?.Time - at;
        Rejoined = joined.Time - at;
        JoinTook = joined.Time - join.Time;
        InOne = join.Ordinal == forming.Ordinal;
    }

    public int Kill { get; }

    public string Worker { get; }

    public int Pid { get; }

    public DateTimeOffset At { get; }

    /// <summary>Kill to a survivor's line that it lost the peer; as late as this process read it.</summary>
    public TimeSpan? Noticed { get; }

    public string Cause { get; }

    /// <summary>Kill to the decision that a new generation forms.</summary>
    public TimeSpan Detected { get; }

    /// <summary>Kill to the last survivor's promise.</summary>
    public TimeSpan Answered { get; }

    /// <summary>Kill to the plans.</summary>
    public TimeSpan Planned { get; }

    /// <summary>Kill to the first step that all ranks of the new generation have applied.</summary>
    public TimeSpan Gross { get; }

    public long Step { get; }

    public int Generations { get; }

    public int AlsoExcluded { get; }

    /// <summary>Kill to the new process's connection with the silo.</summary>
    public TimeSpan? Connected { get; }

    /// <summary>Kill to the first step of a generation with all workers.</summary>
    public TimeSpan Rejoined { get; }

    /// <summary>How long the return of the worker interrupted the others.</summary>
    public TimeSpan JoinTook { get; }

    /// <summary>The new process came before the others had gone on without the old one.</summary>
    public bool InOne { get; }

    public override string ToString() =>
        $"kill {Kill,3}  {Worker}  noticed {Ms(Noticed)}  forming {Ms(Detected)}  answers {Ms(Answered)}  plans {Ms(Planned)}  step {Step} "
            + $"on all ranks {Ms(Gross)}"
        + $"  back {Ms(Rejoined)} (connected {Ms(Connected)}, join took "
        + $"{Ms(JoinTook)}){(Generations > 1 ? $"  in {Generations} generations" : "")}"
        + (AlsoExcluded > 0 ? $"  {AlsoExcluded} survivors excluded" : "") + (Cause == "connection closed" ? "" : $"  ({Cause})");

    private static string Ms(TimeSpan? span) => span is { } known ? $"{known.TotalMilliseconds,5:F0}" : "    -";
}
