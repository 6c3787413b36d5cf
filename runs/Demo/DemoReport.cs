using Coordinator.Runs.Clusters;
using Coordinator.Runs.Measures;
using Coordinator.Runs.View;

namespace Coordinator.Runs.Demo;

/// <summary>One of the demo's two runs, as it ended.</summary>
/// <param name="File">The model file that it left.</param>
/// <param name="Sha256">Hash of that file's bytes, read back from disk.</param>
/// <param name="Took">Wall time from submission to the end.</param>
/// <param name="Failures">Members that were failed.</param>
/// <param name="StepsLost">Steps of 1 to N that were not recorded exactly once.</param>
public sealed record DemoRun(string File, string Sha256, TimeSpan Took, int Failures, long StepsLost);

/// <summary>What the demo found out; its text is made here so that a terminal and a file read the same.</summary>
public sealed record DemoReport
{
    // Several are killed in a loop that takes microseconds.
    private static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(100);

    /// <summary>The run in which processes were killed.</summary>
    public required DemoRun Disturbed { get; init; }

    /// <summary>The run in which none was.</summary>
    public required DemoRun Undisturbed { get; init; }

    /// <summary>Steps of each run.</summary>
    public required long Steps { get; init; }

    /// <summary>Every SIGKILL of the disturbed run.</summary>
    public required IReadOnlyList<KillRecord> Deaths { get; init; }

    /// <summary>Blows that were planned and did not happen.</summary>
    public IReadOnlyList<PlannedKill> Missed { get; init; } = [];

    /// <summary>Kill to first new step on all ranks.</summary>
    public required IReadOnlyList<TimeSpan> FromKill { get; init; }

    /// <summary>Detection to first new step on all ranks.</summary>
    public required IReadOnlyList<TimeSpan> FromDetection { get; init; }

    /// <summary>What hosted the grains and what computed.</summary>
    public required string Engine { get; init; }

    /// <summary>Silos that the cluster had.</summary>
    public int Silos { get; init; } = 1;

    /// <summary>Whether the files are equal.</summary>
    public bool Identical => Disturbed.Sha256 == Undisturbed.Sha256;

    /// <summary>Whether the demo showed what it promises: equal files, no step lost, every planned blow struck.</summary>
    public bool Good => Identical && Disturbed.StepsLost == 0 && Undisturbed.StepsLost == 0 && Missed.Count == 0;

    /// <summary>Label and text of each line.</summary>
    public IReadOnlyList<(string Label, string Text)> Lines()
    {
        var lines = new List<(string, string)>
        {
            ("disturbed", Disturbed.Sha256),
            ("undisturbed", Undisturbed.Sha256),
            ("", Identical ? "identical" : "DIFFERENT"),
            ("killed", Killed()),
            ("recovery", Recovery("kill to first new step on all ranks", FromKill)),
            ("", Recovery("of that, from detection on", FromDetection)),
            ("steps lost", Lost()),
            ("time", $"disturbed {Words.Duration(Disturbed.Took)}, undisturbed {Words.Duration(Undisturbed.Took)}"),
            ("engine", Engine),
            ("files", Disturbed.File),
            ("", Undisturbed.File),
        };
        if (Undisturbed.Failures > 0)
            lines.Add(("note", $"the undisturbed run was disturbed, too: {Undisturbed.Failures} failures, healed"));
        foreach (var missed in Missed)
        {
            lines.Add(
                ("missed", $"a planned blow did not happen: {missed.Kind} at step {missed.Step}; a longer job (--steps) has room for it"));
        }
        return lines;
    }

    private string Killed()
    {
        var workers = Deaths.Where(death => !LocalCluster.IsSilo(death.Process)).ToArray();
        var parts = new List<string>
        {
            $"{workers.Count(death => death.Kind == KillKind.Workers)} at a seeded step",
            $"{workers.Count(death => death.Kind == KillKind.Collective)} amid a collective",
            $"{workers.Count(death => death.Kind == KillKind.Recovery)} amid a recovery",
        };
        if (workers.Count(death => death.Kind is null) is > 0 and var foreign)
            parts.Add($"{foreign} not by the demo");
        return $"{workers.Length} workers ({string.Join(", ", parts)}); {KilledSilos()}";
    }

    private string KilledSilos()
    {
        var deaths = Deaths.Where(death => LocalCluster.IsSilo(death.Process)).OrderBy(death => death.Time).ToArray();
        if (Silos == 1)
            return $"the silo {(deaths.Length == 1 ? "once" : $"{deaths.Length} times")}";
        List<List<KillRecord>> blows = [];
        foreach (var death in deaths)
        {
            if (blows.Count > 0 && death.Time - blows[^1][^1].Time < AtOnce)
                blows[^1].Add(death);
            else
                blows.Add([death]);
        }

        var names = blows.Select(blow => string.Join(" and ", blow.Select(death => death.Process)) + (blow.Count > 1 ? " at once" : ""));
        return $"of {Silos} silos {(blows.Count == 0 ? "none" : string.Join(", then ", names))}";
    }

    private string Lost()
    {
        var lost = Disturbed.StepsLost + Undisturbed.StepsLost;
        return lost == 0
            ? $"0 of {Steps}, each recorded exactly once"
            : $"{Disturbed.StepsLost} disturbed, {Undisturbed.StepsLost} undisturbed, of {Steps}";
    }

    private static string Recovery(string what, IReadOnlyList<TimeSpan> spans) => Recoveries.Median(spans) is { } median
        ? $"median {Words.Duration(median)}, maximum {Words.Duration(spans.Max())} ({what}; {spans.Count})"
        : $"none measured ({what})";
}
