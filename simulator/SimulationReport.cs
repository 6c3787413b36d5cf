using System.Globalization;
using Coordinator.Simulator.Faults;

namespace Coordinator.Simulator;

/// <summary>What came of one seed.</summary>
public sealed record SimulationReport
{
    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The bug that was planted.</summary>
    public PlantedBug Plant { get; init; }

    /// <summary>The invariant that does not hold, or null.</summary>
    public string? Invariant { get; init; }

    /// <summary>What was seen.</summary>
    public string Message { get; init; } = "";

    /// <summary>Virtual time at the end.</summary>
    public required TimeSpan VirtualTime { get; init; }

    /// <summary>Events that ran.</summary>
    public required long Events { get; init; }

    /// <summary>Steps applied, over all ranks.</summary>
    public required long StepsApplied { get; init; }

    /// <summary>Steps of the job.</summary>
    public required long Steps { get; init; }

    /// <summary>Generations that the job formed.</summary>
    public required long Generations { get; init; }

    /// <summary>How often the site's cap was lowered.</summary>
    public int CapsLowered { get; init; }

    /// <summary>Whether that was asked for, and not the seed's.</summary>
    public bool Power { get; init; }

    /// <summary>Whether the job was given more steps than it was submitted with.</summary>
    public bool StepsRaised { get; init; }

    /// <summary>Whether that was asked for, and not the seed's.</summary>
    public bool MoreSteps { get; init; }

    /// <summary>Whether operators were to drain, and that was not the seed's.</summary>
    public bool Drains { get; init; }

    /// <summary>Whether the job's program was a process beside each rank.</summary>
    public bool Programs { get; init; }

    /// <summary>How often the process of such a program hung, died or disagreed with itself.</summary>
    public int ProgramsFailed { get; init; }

    /// <summary>How often one said that it is made up otherwise than the job's.</summary>
    public int ProgramsRefused { get; init; }

    /// <summary>How often which fault struck in which phase of the protocol.</summary>
    public required IReadOnlyDictionary<(string Phase, string Fault), int> Faults { get; init; }

    /// <summary>How many faults struck; what operators do is none.</summary>
    public int FaultsStruck => Faults.Where(pair => FaultTable.IsFault(pair.Key.Fault)).Sum(pair => pair.Value);

    /// <summary>Hash over the whole trace: equal for equal seeds.</summary>
    public required ulong TraceHash { get; init; }

    /// <summary>The last trace lines.</summary>
    public IReadOnlyList<string> LastTrace { get; init; } = [];

    /// <summary>Whether every invariant held.</summary>
    public bool Passed => Invariant is null;

    /// <summary>The command that replays the seed.</summary>
    public string ReplayCommand =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"coordinator simulate protocol --seed {Seed}{(Plant == PlantedBug.None ? "" : $" --bug {Plant}")}"
                + $"{(Power ? " --power" : "")}{(MoreSteps ? " --more-steps" : "")}{(Programs ? " --programs" : "")}"
                + $"{(Drains ? " --drains" : "")} --trace");

    /// <summary>The report as text, several lines where something is wrong.</summary>
    public string Render()
    {
        var faults = string.Join(
            ", ", Faults.Select(pair => $"{pair.Key.Fault} at {pair.Key.Phase}{(pair.Value > 1 ? $" ×{pair.Value}" : "")}"));
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"seed {Seed}: {(Passed ? "ok" : $"VIOLATION of {Invariant}")}, {VirtualTime.TotalSeconds:0.000} s virtual, {Events} events, "
                + $"{Steps} steps, {Generations} generations; faults: "
                + $"{(faults.Length == 0 ? "none" : faults)}{(CapsLowered > 0 ? $"; power cap lowered ×{CapsLowered}" : "")}"
                + $"{(StepsRaised ? "; steps raised" : "")}"
                + $"{(Programs ? $"; programs failed ×{ProgramsFailed}, of another make ×{ProgramsRefused}" : "")}");
        if (Passed)
            return head;
        return string.Join(
            Environment.NewLine,
            [head, $"  {Message}", "  the last events:", .. LastTrace.Select(line => "  " + line), $"  replay: {ReplayCommand}"]);
    }
}
