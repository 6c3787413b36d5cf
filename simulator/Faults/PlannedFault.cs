namespace Coordinator.Simulator;

/// <summary>
/// A fault and its cue: the first time that any rank applies a step, or the nth time that a moment comes. Cues by progress rather
/// than by time put the faults into the run, whatever its speed.
/// </summary>
internal sealed record PlannedFault(FaultKind Kind, long? Step, Moment? Moment, int Nth)
{
    /// <summary>Draws the faults of a seed: a subset of the kinds, then some faults of those kinds.</summary>
    public static List<PlannedFault> Draw(Prng prng, Scenario scenario)
    {
        var kinds = Enum.GetValues<FaultKind>().Where(_ => prng.Chance(0.5)).ToList();
        if (kinds.Count == 0)
            kinds.Add(FaultKind.WorkerCrash);
        var faults = new List<PlannedFault>();
        for (var left = prng.Between(3, 8); left > 0; left--)
        {
            var kind = prng.Pick(kinds);
            if (prng.Chance(0.5))
            {
                faults.Add(new PlannedFault(kind, prng.Between(1, (int)scenario.Steps), null, 0));
                continue;
            }

            var moment = prng.Pick(Enum.GetValues<Moment>());
            var often = moment is Simulator.Moment.ContributionStaged or Simulator.Moment.ApplyStarted or Simulator.Moment.Applied ? 60 : 12;
            faults.Add(new PlannedFault(kind, null, moment, moment is Simulator.Moment.LastStepStarted or Simulator.Moment.ModelUpload ? 1 + prng.Below(2) : prng.Between(1, often)));
        }

        return faults;
    }
}
