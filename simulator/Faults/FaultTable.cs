using System.Globalization;
using System.Text;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// Which fault struck in which phase, over a batch of seeds. A cell that stays empty although it is not impossible means that the
/// swarm does not test what its name says.
/// </summary>
public sealed class FaultTable
{
    private static readonly ProtocolPhase[] Phases = Enum.GetValues<ProtocolPhase>();
    private static readonly InjectedFault[] Kinds = Enum.GetValues<InjectedFault>();

    private static readonly (ProtocolPhase Phase, InjectedFault Kind)[] Possible =
        [.. Kinds.SelectMany(kind => Phases.Where(phase => WhyImpossible(phase, kind) is null).Select(phase => (phase, kind)))];

    /// <summary>The first of the faults that are staged: those for which several things have to come together.</summary>
    internal const InjectedFault FirstStaged = InjectedFault.IdleDeviceFault;

    /// <summary>The first of what operators do, which is no fault.</summary>
    internal const InjectedFault FirstOfOperators = InjectedFault.DrainNode;

    private static readonly (ProtocolPhase Phase, InjectedFault Kind)[] Drawn = [.. Possible.Where(cell => cell.Kind < FirstStaged)];
    private static readonly (ProtocolPhase Phase, InjectedFault Kind)[] Staged =
        [.. Possible.Where(cell => cell.Kind is >= FirstStaged and < FirstOfOperators)];
    private static readonly (ProtocolPhase Phase, InjectedFault Kind)[] Operators =
        [.. Possible.Where(cell => cell.Kind >= FirstOfOperators)];

    private readonly int[,] times = new int[Kinds.Length, Phases.Length];
    private readonly int[] seeds = new int[Kinds.Length];

    /// <summary>Names of the faults.</summary>
    public static IReadOnlyList<string> Faults => [.. Kinds.Select(kind => kind.ToString())];

    /// <summary>Cells that can be hit.</summary>
    public static int PossibleCells => Possible.Length;

    /// <summary>Those cells, fault by fault, of the faults that any seed may draw.</summary>
    internal static IReadOnlyList<(ProtocolPhase Phase, InjectedFault Kind)> DrawnCells => Drawn;

    /// <summary>Those of the staged faults.</summary>
    internal static IReadOnlyList<(ProtocolPhase Phase, InjectedFault Kind)> StagedCells => Staged;

    /// <summary>Those of what operators do.</summary>
    internal static IReadOnlyList<(ProtocolPhase Phase, InjectedFault Kind)> OperatorCells => Operators;

    /// <summary>Whether a name is that of a fault, and not of something that operators do.</summary>
    public static bool IsFault(string name) => Enum.Parse<InjectedFault>(name) < FirstOfOperators;

    /// <summary>Cells in which no fault has struck although one can, as "phase × fault".</summary>
    public IReadOnlyList<string> EmptyCells =>
        [.. Possible.Where(cell => times[(int)cell.Kind, (int)cell.Phase] == 0).Select(cell => $"{cell.Phase} × {cell.Kind}")];

    /// <summary>How often a fault struck.</summary>
    public int TimesOf(string fault) => Phases.Sum(phase => times[(int)Enum.Parse<InjectedFault>(fault), (int)phase]);

    /// <summary>In how many seeds it did.</summary>
    public int SeedsOf(string fault) => seeds[(int)Enum.Parse<InjectedFault>(fault)];

    /// <summary>The table as text: faults by row, phases by column, "-" where impossible, with the reasons below.</summary>
    public string Render()
    {
        var c = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        text.Append(c, $"{"fault",-20}{"seeds",7}{"times",7} |");
        foreach (var phase in Phases)
            text.Append(c, $" {phase,Width}");
        text.AppendLine();
        foreach (var kind in Kinds)
        {
            text.Append(c, $"{kind,-20}{SeedsOf(kind.ToString()),7}{TimesOf(kind.ToString()),7} |");
            foreach (var phase in Phases)
            {
                var count = times[(int)kind, (int)phase];
                text.Append(c, $" {(count > 0 || WhyImpossible(phase, kind) is null ? count.ToString(c) : "-"),Width}");
            }

            text.AppendLine();
        }

        foreach (var kind in Kinds)
        {
            foreach (var why in Phases.Where(phase => WhyImpossible(phase, kind) is not null).GroupBy(phase => WhyImpossible(phase, kind)!))
                text.AppendLine(c, $"- {string.Join(", ", why)} × {kind}: {why.Key}");
        }

        return text.ToString();
    }

    /// <summary>Adds what struck in one seed.</summary>
    internal void Add(IReadOnlyDictionary<(string Phase, string Fault), int> struck)
    {
        var met = new bool[Kinds.Length];
        foreach (var ((phase, fault), count) in struck)
        {
            var kind = (int)Enum.Parse<InjectedFault>(fault);
            times[kind, (int)Enum.Parse<ProtocolPhase>(phase)] += count;
            met[kind] = true;
        }

        for (var kind = 0; kind < met.Length; kind++)
            seeds[kind] += met[kind] ? 1 : 0;
    }

    private const int Width = 12;

    /// <summary>Why a fault cannot strike in a phase; null: it can.</summary>
    private static string? WhyImpossible(ProtocolPhase phase, InjectedFault kind) => (phase, kind) switch
    {
        (ProtocolPhase.NoSilo, InjectedFault.SiloFreeze) => "what is dead or frozen cannot freeze",
        (ProtocolPhase.NoSilo, >= FirstOfOperators) => "a silo that is dead or frozen hears no operator",
        (ProtocolPhase.NoSilo, InjectedFault.GrainReload) => "a silo that is dead or frozen loads nothing",
        (not (ProtocolPhase.Initialising or ProtocolPhase.Applying or ProtocolPhase.Outside), InjectedFault.IdleDeviceFault) =>
            "counted by what the released rank's device does",
        (not (ProtocolPhase.Initialising or ProtocolPhase.Applying), InjectedFault.QuestionWhileWriting
            or InjectedFault.DeviceFaultWhileAsked) => "counted by what the device writes",
        (ProtocolPhase.Finishing, InjectedFault.OldTimelineThaws) => "the job is then beyond the step of the frozen worker",
        (ProtocolPhase.Outside, InjectedFault.OldTimelineThaws) => "counted by the foremost of the workers that go on",
        _ => null,
    };
}
