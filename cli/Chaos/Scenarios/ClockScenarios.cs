using Coordinator.Cli.Local;

namespace Coordinator.Cli.Chaos.Scenarios;

/// <summary>Wall clocks that jump under running processes, which then fail and are started again at the new time.</summary>
internal static class ClockScenarios
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        Row("clock-stepped-forward", "the wall clock of all processes jumps an hour forward, then a worker and a silo are killed", Hour),
        Row("clock-stepped-back", "the wall clock of all processes jumps an hour back, then a worker and a silo are killed", -Hour),
    ];

    private static ChaosScenario Row(string name, string about, TimeSpan step) => new(name, about, async run =>
    {
        await run.FractionAsync(0.1);
        await run.WholeAsync();
        run.Clock.Step(step);
        run.Note($"stepped the clock by {(step < TimeSpan.Zero ? "-" : "+")}1 h");
        await run.PauseAsync(TimeSpan.FromSeconds(2), "the step to be seen");
        var victim = LocalCluster.WorkerName(run.Victims[0]);
        run.Kill([run.Victims[0]]);
        await ProcessScenarios.OutAsync(run, victim);
        await run.UntilAsync($"{victim} to be back", data => data.Job is { Phase: "running" } job && job.Members.Count == run.Scenario.Workers);
        run.Kill([], run.Draw.Below(run.Silos.Count));
    })
    { Length = ChaosLength.Long, Place = ChaosPlace.SteppedClock, Check = ChaosScenarios.SomebodyOut };
}
