
namespace Coordinator.Simulator;

/// <summary>What may be chosen about a simulation beside its seed.</summary>
public sealed record SimulationOptions
{
    /// <summary>A bug built into the simulated hosts, by which the checkers are checked. Default: none.</summary>
    public PlantedBug Plant { get; init; }

    /// <summary>Names of invariants not to be checked, for the proof that each is what catches its planted bug. Default: none.</summary>
    public IReadOnlySet<string> WithoutChecks { get; init; } = new SortedSet<string>(StringComparer.Ordinal);

    /// <summary>Whether faults are injected at all; without them the run must finish undisturbed. Default: true.</summary>
    public bool Faults { get; init; } = true;

    /// <summary>
    /// Whether the site's cap is lowered and raised in mid-run. It is so anyway in every eighth seed with faults. Default: false.
    /// </summary>
    public bool Power { get; init; }

    /// <summary>
    /// Whether the job is given more steps at some moment of its life. It is so anyway in every sixteenth seed with faults. Default: false.
    /// </summary>
    public bool MoreSteps { get; init; }

    /// <summary>
    /// Whether the job's program is a process beside each rank, which starts slowly, hangs, dies, and says or computes other things than
    /// the others. Default: false.
    /// </summary>
    public bool Programs { get; init; }

    /// <summary>
    /// Whether operators drain and give back nodes and gpus in mid-run. They do so anyway in every eighth seed with faults. Default: false.
    /// </summary>
    public bool Drains { get; init; }

    /// <summary>Receives every trace line as it happens; null: only the last ones are kept, for the report of a violation.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>
    /// Receives every message that a grain's machine sends, to a grain or to a worker, at the end of the turn that sends it: from then on
    /// it is shared, and the machine may not write to it. Null: nobody looks.
    /// </summary>
    public Action<object>? Sent { get; init; }

    /// <summary>Trace entries shown with a violation. Default 40, at least 1.</summary>
    public int TraceKept { get; init; } = 40;

    /// <summary>Events after which a seed is taken to be in an endless loop. Default 3 million.</summary>
    public long MaxEvents { get; init; } = 3_000_000;

    /// <summary>Virtual time after the healing within which the job has to end. Default two minutes.</summary>
    public TimeSpan LivenessBound { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Tells how long a batch of seeds took, since the simulator has no clock of its own. Null: no rate is given.</summary>
    public Func<TimeSpan>? Elapsed { get; init; }
}
