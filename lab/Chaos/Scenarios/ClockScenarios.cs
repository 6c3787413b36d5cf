using Coordinator.Runs.Clusters;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>A wall clock that jumps under a running silo; then processes die and are started again at the new time.</summary>
internal static class ClockScenarios
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        Row(
            "clock-stepped-forward",
            "the silo's wall clock jumps an hour forward, then a worker and a silo are killed and come back at the new time",
            Hour),
        Row(
            "clock-stepped-back",
            "the silo's wall clock jumps an hour back, then a worker and a silo are killed and come back at the new time",
            -Hour) with { Quick = true },
    ];

    private static ChaosScenario Row(string name, string about, TimeSpan step) => new(name, about, async run =>
    {
        await run.FractionAsync(0.1);
        run.Clock.Step(step);
        run.Note($"stepped the clock by {(step < TimeSpan.Zero ? "-" : "+")}1 h");
        await run.FractionAsync(0.85);
        var victim = LocalCluster.WorkerName(run.Victims[0]);
        run.Kill([run.Victims[0]]);
        await ProcessScenarios.OutAsync(run, victim);
        await run.UntilAsync(
            $"{victim} to be back", data => data.Job is { Phase: "running" } job && job.Members.Count == run.Scenario.Workers);
        run.Kill([], run.Draw.Below(run.Silos.Count));
    })
    {
        // The job waits for the killed worker, whose clock makes it slow, and has few steps left for it.
        Change = spec => spec with { MinRanks = spec.Ranks },
        Limit = TimeSpan.FromMinutes(3),
        Place = ChaosPlace.SteppedClock,
        Check = ChaosScenarios.SomebodyOut,
    };
}
