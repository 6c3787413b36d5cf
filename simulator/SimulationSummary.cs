using System.Globalization;
using System.Text;

namespace Coordinator.Simulator;

/// <summary>What came of a batch of seeds.</summary>
public sealed record SimulationSummary
{
    /// <summary>First seed.</summary>
    public required ulong FirstSeed { get; init; }

    /// <summary>Seeds run.</summary>
    public required int Seeds { get; init; }

    /// <summary>Reports of seeds in which an invariant does not hold.</summary>
    public required IReadOnlyList<SimulationReport> Violations { get; init; }

    /// <summary>Faults that struck, by name: in how many seeds, and how often.</summary>
    public required IReadOnlyDictionary<string, (int Seeds, int Times)> Faults { get; init; }

    /// <summary>Events over all seeds.</summary>
    public required long Events { get; init; }

    /// <summary>Steps applied over all ranks and seeds.</summary>
    public required long StepsApplied { get; init; }

    /// <summary>Generations formed over all seeds.</summary>
    public required long Generations { get; init; }

    /// <summary>Virtual time over all seeds.</summary>
    public required TimeSpan VirtualTime { get; init; }

    /// <summary>How long the batch took, where a clock was given.</summary>
    public TimeSpan? Elapsed { get; init; }

    /// <summary>Whether every invariant held in every seed.</summary>
    public bool Passed => Violations.Count == 0;

    /// <summary>The summary as text, with the table of faults; violations follow in full.</summary>
    public string Render()
    {
        var text = new StringBuilder();
        var c = CultureInfo.InvariantCulture;
        text.AppendLine(c, $"{Seeds} seeds from {FirstSeed}: {(Passed ? "no violation" : $"{Violations.Count} violations")}");
        text.AppendLine(c, $"{Events} events, {StepsApplied} steps applied, {Generations} generations, {VirtualTime.TotalSeconds:0} s of virtual time");
        if (Elapsed is { TotalSeconds: > 0 } elapsed)
            text.AppendLine(c, $"{elapsed.TotalSeconds:0.0} s, {Seeds / elapsed.TotalSeconds:0.0} seeds/s");
        text.AppendLine().AppendLine(c, $"{"fault",-22} {"seeds",6} {"times",6}");
        foreach (var (name, (seeds, times)) in Faults)
            text.AppendLine(c, $"{name,-22} {seeds,6} {times,6}");
        foreach (var violation in Violations)
            text.AppendLine().AppendLine(violation.Render());
        return text.ToString();
    }
}
