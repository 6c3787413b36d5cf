using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>Hosts that cannot reach each other, in both directions or in one.</summary>
internal static class NetworkScenarios
{
    private static readonly TimeSpan CutTime = TimeSpan.FromSeconds(4);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        Row("host-unplugged", "a worker's cable pulled for 4 s and more: the others go on, it rejoins", async run =>
        {
            var victim = run.Victims[0];
            run.Network.Unplug(victim);
            run.Note($"unplugged {LocalCluster.WorkerName(victim)}", isBlow: true);
            await HealedAsync(run);
            await ProcessScenarios.JoinedAsync(run, LocalCluster.WorkerName(victim));
        }) with
        { Quick = true, Check = record => ChaosScenarios.SomebodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        Row(
            "hosts-cut-both-ways",
            "two workers do not hear each other, both hear the silo: one of them is excluded, and rejoins",
            async run =>
            {
                var (a, b) = (run.Victims[0], run.Victims[1]);
                run.Network.Deafen(a, b);
                run.Network.Deafen(b, a);
                run.Note($"cut {LocalCluster.WorkerName(a)} and {LocalCluster.WorkerName(b)} from each other", isBlow: true);
                await HealedAsync(run);
                await run.WholeAsync();
            }) with
        { Check = record => ChaosScenarios.SomebodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        Row("hosts-cut-one-way", "one worker does not hear another, which hears it: one of them is excluded, and rejoins", async run =>
        {
            var (a, b) = (run.Victims[0], run.Victims[1]);
            run.Network.Deafen(a, b);
            run.Note($"{LocalCluster.WorkerName(b)} does not hear {LocalCluster.WorkerName(a)}", isBlow: true);
            await HealedAsync(run);
            await run.WholeAsync();
        }) with
        { Check = record => ChaosScenarios.SomebodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        Row(
            "silo-cut-both-ways",
            "no worker reaches the silo's host for 4 s: training goes on, nobody is excluded",
            run => CutFromSiloAsync(run, hearing: false)) with
        { Check = record => ChaosScenarios.NobodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        Row(
            "silo-cut-one-way",
            "the silo hears its workers, which do not hear it, for 4 s: training goes on, nobody is excluded",
            run => CutFromSiloAsync(run, hearing: true)) with
        { Check = record => ChaosScenarios.NobodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },
    ];

    private static ChaosScenario Row(string name, string about, Func<ChaosRun, Task> act) => new(name, about, async run =>
    {
        await run.FractionAsync(0.1);
        await run.WholeAsync();
        await act(run);
    })
    { Length = ChaosLength.Long, Place = ChaosPlace.OwnHosts };

    private static async Task CutFromSiloAsync(ChaosRun run, bool hearing)
    {
        for (var worker = 0; worker < run.Scenario.Workers; worker++)
        {
            run.Network.Deafen(NetworkHosts.SiloHost, worker);
            if (!hearing)
                run.Network.Deafen(worker, NetworkHosts.SiloHost);
        }

        run.Note(hearing ? "no worker hears the silo" : "cut the silo from all workers");
        await run.PauseAsync(CutTime, "the silo to be out of reach");
        run.Network.Heal();
        var recorded = run.Recorded;
        run.Note("healed", isBlow: true);
        await run.StepAsync(recorded + 1);
    }

    /// <summary>Waits until somebody has been excluded for it, lets the cut last, and heals it.</summary>
    private static async Task HealedAsync(ChaosRun run)
    {
        await run.EventAsync("a worker to be excluded", e => e.Kind == EventKinds.RankExcluded, run.Deeds[^1].At);
        await run.PauseAsync(CutTime, "the cut to last");
        run.Network.Heal();
        run.Note("healed");
    }
}
