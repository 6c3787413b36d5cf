using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// A fault and its cue: the first time that any rank applies a step, the nth time that a moment comes, or the nth time that a worker
/// enters a phase. Cues by progress rather than by time put the faults into the run, whatever its speed; those by phase put them
/// into phases that last too short to be hit by chance.
/// </summary>
internal sealed record PlannedFault(InjectedFault Kind)
{
    /// <summary>How often a fault whose cue found nothing to strike is tried again.</summary>
    private const int MostTries = 6;

    /// <summary>Phases that end soon, or do not come in every seed, are sought more often.</summary>
    private static readonly ProtocolPhase[] PhasesToHit =
    [
        .. Enum.GetValues<ProtocolPhase>(), ProtocolPhase.Waiting, ProtocolPhase.NoSilo, ProtocolPhase.Initialising,
        ProtocolPhase.CatchingUp, ProtocolPhase.CatchingUp, ProtocolPhase.Outside,
    ];

    public long? Step { get; init; }
    public Moment? Moment { get; init; }
    public ProtocolPhase? Phase { get; init; }

    /// <summary>Index of the worker whose phase is the cue, and which is struck; null: the first to be in that phase.</summary>
    public int? Victim { get; init; }
    public int Nth { get; init; }
    public int Tries { get; init; } = MostTries;

    /// <summary>Draws the faults of a seed: a subset of the kinds, then some faults of those kinds.</summary>
    public static List<PlannedFault> Draw(Prng prng, Scenario scenario, bool losesState)
    {
        var all = Enum.GetValues<InjectedFault>().Where(kind => kind is not InjectedFault.AllWorkersKilled and < FaultTable.FirstStaged)
            .ToArray();
        var kinds = all.Where(_ => prng.Chance(0.3)).ToList();
        if (kinds.Count == 0)
            kinds.Add(prng.Pick(all));
        var faults = new List<PlannedFault>();
        if (losesState)
            faults.Add(DrawCue(prng, scenario, InjectedFault.AllWorkersKilled));
        for (var left = prng.Between(4, 9); left > 0; left--)
            faults.Add(DrawCue(prng, scenario, prng.Pick(kinds)));
        return faults;
    }

    private static PlannedFault DrawCue(Prng prng, Scenario scenario, InjectedFault kind)
    {
        if (prng.Chance(0.6))
        {
            var phase = prng.Pick(PhasesToHit);
            var often = phase is ProtocolPhase.Computing or ProtocolPhase.Collective or ProtocolPhase.Applying ? (int)scenario.Steps : 3;
            return new PlannedFault(kind)
            {
                Phase = phase,
                Victim = phase is ProtocolPhase.Initialising or ProtocolPhase.CatchingUp ? null : prng.Below(scenario.Nodes),
                Nth = prng.Between(1, often),
            };
        }

        if (prng.Chance(0.5))
            return new PlannedFault(kind) { Step = prng.Between(1, (int)scenario.Steps) };
        var moment = prng.Pick(Enum.GetValues<Moment>());
        var times = moment switch
        {
            Faults.Moment.ContributionStaged or Faults.Moment.ApplyStarted or Faults.Moment.Applied => 60,
            Faults.Moment.LastStepStarted or Faults.Moment.ModelUpload => 2,
            _ => 12,
        };
        return new PlannedFault(kind) { Moment = moment, Nth = prng.Between(1, times) };
    }
}
