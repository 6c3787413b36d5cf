using System.Globalization;
using System.Text;
using Coordinator.Simulator.Faults;

namespace Coordinator.Simulator;

/// <summary>What came of a batch of seeds.</summary>
public sealed class SimulationSummary
{
    private readonly List<SimulationReport> violations = [];

    /// <summary>First seed.</summary>
    public required ulong FirstSeed { get; init; }

    /// <summary>Seeds run.</summary>
    public int Seeds { get; private set; }

    /// <summary>Reports of seeds in which an invariant does not hold.</summary>
    public IReadOnlyList<SimulationReport> Violations => violations;

    /// <summary>Which fault struck in which phase, over all seeds.</summary>
    public FaultTable Faults { get; } = new();

    /// <summary>Fewest steps of any seed's job.</summary>
    public long FewestSteps { get; private set; } = long.MaxValue;

    /// <summary>Fewest faults that struck in any seed.</summary>
    public int FewestFaults { get; private set; } = int.MaxValue;

    /// <summary>The first seed in which no more than that struck.</summary>
    public ulong SeedOfFewestFaults { get; private set; }

    /// <summary>Events over all seeds.</summary>
    public long Events { get; private set; }

    /// <summary>Steps applied over all ranks and seeds.</summary>
    public long StepsApplied { get; private set; }

    /// <summary>Generations formed over all seeds.</summary>
    public long Generations { get; private set; }

    /// <summary>How often the site's power cap was lowered, over all seeds.</summary>
    public int CapsLowered { get; private set; }

    /// <summary>Seeds whose job was given more steps.</summary>
    public int StepsRaised { get; private set; }

    /// <summary>Virtual time over all seeds.</summary>
    public TimeSpan VirtualTime { get; private set; }

    /// <summary>How long the batch took, where a clock was given.</summary>
    public TimeSpan? Elapsed { get; set; }

    /// <summary>
    /// Whether every seed had the steps and the faults that each is to have, and a fault has struck in every phase in which it can.
    /// </summary>
    public bool IsComplete => FewestSteps >= Scenario.MinSteps && FewestFaults >= FaultInjector.MinFaults && Faults.EmptyCells.Count == 0;

    /// <summary>Whether every invariant held in every seed.</summary>
    public bool Passed => Violations.Count == 0;

    /// <summary>Adds one seed's report.</summary>
    public void Add(SimulationReport report)
    {
        Seeds++;
        Faults.Add(report.Faults);
        FewestSteps = Math.Min(FewestSteps, report.Steps);

        // A seed whose run ended at a violation had no time for its faults.
        if (!report.Passed)
            violations.Add(report);
        else if (report.FaultsStruck is var faults && faults < FewestFaults)
            (FewestFaults, SeedOfFewestFaults) = (faults, report.Seed);
        CapsLowered += report.CapsLowered;
        StepsRaised += report.StepsRaised ? 1 : 0;
        (Events, StepsApplied, Generations, VirtualTime) = (
            Events + report.Events, StepsApplied + report.StepsApplied, Generations + report.Generations, VirtualTime + report.VirtualTime);
    }

    /// <summary>The summary as text, with the table of faults; violations follow in full.</summary>
    public string Render()
    {
        var text = new StringBuilder();
        var c = CultureInfo.InvariantCulture;
        text.AppendLine(c, $"{Seeds} seeds from {FirstSeed}: {(Passed ? "no violation" : $"{Violations.Count} violations")}");
        text.AppendLine(c, $"each seed: at least {FewestSteps} steps and {FewestFaults} faults (seed {SeedOfFewestFaults})");
        text.AppendLine(c, $"{Events} events, {StepsApplied} steps applied, {Generations} generations, {VirtualTime.TotalSeconds:0} s of "
            + $"virtual time; the power cap was lowered {CapsLowered} times, and {StepsRaised} jobs were given more steps");
        if (Elapsed is { TotalSeconds: > 0 } elapsed)
            text.AppendLine(c, $"{elapsed.TotalSeconds:0.0} s, {Seeds / elapsed.TotalSeconds:0.0} seeds/s");
        var empty = Faults.EmptyCells;
        text.AppendLine().Append(Faults.Render());
        text.AppendLine(
            c,
            $"{FaultTable.PossibleCells} cells, {(empty.Count == 0 ? "none empty" : $"{empty.Count} empty: {string.Join(", ", empty)}")}");
        foreach (var violation in Violations)
            text.AppendLine().AppendLine(violation.Render());
        return text.ToString();
    }
}
