using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>
/// Nobody who holds the state is left: what was saved is the state. That the newest complete checkpoint was taken, and the one before it
/// where that is damaged, <see cref="ChaosChecks"/> holds of every run; here it is seen to have happened, and how much was computed again.
/// </summary>
internal static class RestoreScenarios
{
    // A save is ordered half a second ahead of its step and takes its own time: what is applied in a second may come on top of the
    // interval.
    private const double LeadMs = 1000;

    private static readonly TimeSpan FrozenBeforeDeath = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FrozenFor = TimeSpan.FromSeconds(3);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        new("all-workers-killed", "SIGKILL to all workers at once: back to the newest complete checkpoint", async run =>
        {
            await run.CheckpointsAsync(1);
            await run.FractionAsync(0.5);
            run.Kill(run.Victims);
        })
        { Check = record => Restored(record, least: 1, intervals: 1) },

        new("all-killed", "SIGKILL to every silo and worker at once, started again over the same directory", async run =>
        {
            await run.CheckpointsAsync(1);
            await run.FractionAsync(0.5);
            run.KillAll();
        })
        { Quick = true, Check = record => Restored(record, least: 1, intervals: 1) },

        new("all-killed-twice", "SIGKILL to every silo and worker at once, and again after the return", async run =>
        {
            await run.CheckpointsAsync(1);
            await run.FractionAsync(0.4);
            run.KillAll();
            await run.EventAsync("the return to a checkpoint", e => e.Kind == EventKinds.CheckpointRestored, run.Deeds[^1].At);
            await run.FractionAsync(0.7);
            run.KillAll();
        })
        { Check = record => Restored(record, least: 2, intervals: 1) },

        new(
            "all-killed-while-saving",
            "SIGKILL to every silo and worker while parts are written: back to the checkpoint before",
            async run =>
            {
                await run.StruckAsync(FaultAction.Freeze, FaultPoint.Save);
                await run.PauseAsync(FrozenBeforeDeath, "workers in the middle of saving");
                run.KillAll();
            })
        {
            Faults = (plan, _, start) => start == 1 ? [new FaultRule(FaultAction.Freeze, FaultPoint.Save, plan.At(0.5), FrozenFor)] : [],
            Check = record => Restored(record, least: 1, intervals: 2),
        },

        new(
            "all-killed-while-sealing",
            "SIGKILL to every silo and worker when all parts are written and the manifest is not: back to the one before",
            async run =>
            {
                await run.StruckAsync(FaultAction.Freeze, FaultPoint.Seal);
                await run.PauseAsync(FrozenBeforeDeath, "a worker about to write the manifest");
                run.KillAll();
            })
        {
            Faults = (plan, _, start) => start == 1 ? [new FaultRule(FaultAction.Freeze, FaultPoint.Seal, plan.At(0.5), FrozenFor)] : [],
            Check = record => Restored(record, least: 1, intervals: 2),
        },

        new(
            "part-corrupted",
            "one bit of the newest checkpoint flipped, then all workers killed: back to the one before",
            run => DamageAsync(run, CheckpointDamage.Corrupt))
        { Quick = true, Check = Damaged },

        new(
            "part-missing",
            "a part of the newest checkpoint removed, then all workers killed: back to the one before",
            run => DamageAsync(run, CheckpointDamage.Remove))
        { Check = Damaged },

        new(
            "manifest-corrupted",
            "one bit of the newest checkpoint's manifest flipped, then all workers killed: back to the one before",
            run => DamageAsync(run, (folder, job, id, _) => CheckpointDamage.CorruptManifest(folder, job, id)))
        { Check = Damaged },
    ];

    /// <summary>Workers are frozen before the damage is done, so that no newer checkpoint is made before they die.</summary>
    private static async Task DamageAsync(ChaosRun run, Func<string, JobId, CheckpointId, int, string> damage)
    {
        await run.CheckpointsAsync(2);
        await run.FractionAsync(0.45);
        run.Freeze(run.Workers);
        await run.PauseAsync(FrozenBeforeDeath, "all workers frozen");
        var job = run.Data.Job!;
        var newest = job.Checkpoints[^1].Id;
        run.Note($"damaged {damage(run.Checkpoints, job.Id, newest, run.Draw.Below(run.Scenario.Workers))} of {newest}");
        run.Kill(run.Victims);
    }

    private static IEnumerable<string> Damaged(ChaosRecord record)
    {
        if (!record.Of(EventKinds.CheckpointUnreadable).Any())
            yield return "no event says that the damaged checkpoint cannot be read";
        foreach (var complaint in Restored(record, least: 2, intervals: 2))
            yield return complaint;
    }

    /// <summary>It went back so often at least, and each time no further than so many intervals and what a save's lead takes.</summary>
    private static IEnumerable<string> Restored(ChaosRecord record, int least, int intervals)
    {
        var restores = record.Of(EventKinds.CheckpointRestored).Select(stored => stored.Event).ToArray();
        if (restores.Length < least)
            yield return $"the job went back to a checkpoint {restores.Length} times instead of {least}";
        var most = (intervals * ChaosPlan.Interval) + (long)(LeadMs / Math.Max(0.1, record.StepMs ?? 1));
        foreach (var restore in restores)
        {
            if (record.Undone(restore) is var undone && undone > most)
            {
                yield return $"{undone} steps were computed again at the return to step {restore.Step}; {intervals} intervals and a save's "
                    + $"lead are {most}";
            }
        }
    }
}
