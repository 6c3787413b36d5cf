using Coordinator.Machines;
using Coordinator.Runs.Clusters;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>Processes that are killed or frozen, and of which at least one that holds the state is left.</summary>
internal static class ProcessScenarios
{
    private static readonly TimeSpan Blink = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan LongFreeze = TimeSpan.FromSeconds(3);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        new("worker-killed", "SIGKILL to one worker, later to another", async run =>
        {
            await run.FractionAsync(0.25);
            run.Kill([run.Victims[0]]);
            await run.FractionAsync(0.6);
            run.Kill([run.Victims[1]]);
        })
        { Quick = true, Check = ChaosScenarios.SomebodyOut },

        new("workers-killed-at-once", "SIGKILL to all workers but one at once", async run =>
        {
            await run.FractionAsync(0.4);
            run.Kill(run.Victims.Skip(1));
        })
        { Check = ChaosScenarios.SomebodyOut },

        new("each-worker-killed", "SIGKILL to one worker after the other, each when the last is back", async run =>
        {
            await run.FractionAsync(0.05);
            foreach (var victim in run.Victims)
            {
                await run.WholeAsync();
                run.Kill([victim]);
                await OutAsync(run, LocalCluster.WorkerName(victim));
            }

            await run.WholeAsync();
        })
        { Length = ChaosLength.Long, Check = ChaosScenarios.SomebodyOut },

        new("worker-frozen-briefly", "SIGSTOP to one worker for less than the timeout, then SIGCONT", async run =>
        {
            await run.FractionAsync(0.4);
            await FreezeAsync(run, Blink, run.Workers[run.Victims[0]]);
        })
        { Check = record => ChaosScenarios.NobodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        new("worker-frozen", "SIGSTOP to one worker for longer than the timeout, then SIGCONT: it is refused, and rejoins", async run =>
        {
            await run.FractionAsync(0.1);
            var victim = run.Workers[run.Victims[0]];
            run.Freeze(victim);
            await OutAsync(run, victim);
            await run.PauseAsync(LongFreeze, "a frozen worker while the others go on");
            run.Thaw(victim);
            await JoinedAsync(run, victim);
            await run.WholeAsync();
        })
        { Length = ChaosLength.Long, Quick = true, Check = record =>
            ChaosScenarios.SomebodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        new("silo-killed", "SIGKILL to a silo", async run =>
        {
            await run.FractionAsync(0.3);
            run.Kill([], AnySilo(run));
        })
        { Quick = true, Check = ChaosScenarios.NothingAgain },

        new("silo-frozen", "SIGSTOP to a silo for 3 s, then SIGCONT", async run =>
        {
            await run.FractionAsync(0.2);
            await FreezeAsync(run, LongFreeze, run.Silos[AnySilo(run)]);
        })
        { Check = ChaosScenarios.NothingAgain },

        new("silo-and-worker-killed", "SIGKILL to a silo and a worker at once", async run =>
        {
            await run.FractionAsync(0.4);
            run.Kill([run.Victims[0]], AnySilo(run));
        })
        { Check = ChaosScenarios.SomebodyOut },

        new("silo-and-worker-frozen", "SIGSTOP to a silo and a worker at once for 3 s, then SIGCONT", async run =>
        {
            await run.FractionAsync(0.3);
            await FreezeAsync(run, LongFreeze, run.Silos[AnySilo(run)], run.Workers[run.Victims[0]]);
        })
        { Length = ChaosLength.Long, Check = ChaosScenarios.NothingAgain },

        new("all-frozen", "SIGSTOP to every silo and worker at once for 3 s, then SIGCONT", async run =>
        {
            await run.FractionAsync(0.4);
            await FreezeAsync(run, LongFreeze, [.. run.Silos, .. run.Workers]);
        })
        { Check = ChaosScenarios.NothingAgain },
    ];

    private static int AnySilo(ChaosRun run) => run.Draw.Below(run.Silos.Count);

    private static async Task FreezeAsync(ChaosRun run, TimeSpan time, params IReadOnlyList<string> names)
    {
        run.Freeze(names);
        await run.PauseAsync(time, $"{string.Join(", ", names)} frozen");
        run.Thaw(names);
    }

    /// <summary>Waits until a worker has been excluded since the last deed.</summary>
    internal static Task OutAsync(ChaosRun run, string worker) =>
        run.EventAsync($"{worker} to be excluded", e => e.Kind == EventKinds.RankExcluded && e.Node?.Value == worker, run.Deeds[^1].At);

    /// <summary>Waits until a worker has become a member since the last deed.</summary>
    internal static Task JoinedAsync(ChaosRun run, string worker) =>
        run.EventAsync($"{worker} to rejoin", e => e.Kind == EventKinds.RankJoined && e.Node?.Value == worker, run.Deeds[^1].At);
}
