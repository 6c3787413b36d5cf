using Coordinator.Machines;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>Storage that is full or does not answer: training goes on.</summary>
internal static class StorageScenarios
{
    private const long SomeSteps = 50;
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(30);

    public static readonly IReadOnlyList<ChaosScenario> All =
    [
        new(
            "checkpoint-disk-full",
            "no byte left where checkpoints are saved, later freed: training goes on, the next one is complete",
            async run =>
            {
                await run.CheckpointsAsync(1);
                run.Note($"filled the checkpoints' disk ({run.Disk.Fill()} bytes were free)");
                await run.EventAsync(
                    "an event that says that a checkpoint failed", e => e.Kind == EventKinds.CheckpointFailed, run.Deeds[^1].At);
                await run.ProgressAsync(SomeSteps);
                run.Disk.Free();
                run.Note("freed it");
                await run.EventAsync("a complete checkpoint", e => e.Kind == EventKinds.CheckpointSaved, run.Deeds[^1].At);
            })
        { Length = ChaosLength.Long, Place = ChaosPlace.SmallDisk, Check = record =>
            ChaosScenarios.NobodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },

        new("storage-locked", "another process holds the silos' database for 30 s: training goes on, the record has no gap", async run =>
        {
            await run.FractionAsync(0.1);
            await using (await run.LockStorageAsync())
            {
                run.Note("locked the silos' storage");
                for (var held = TimeSpan.Zero; held < Away; held += Away / 3)
                {
                    await run.PauseAsync(Away / 3, "the silos' storage to stay locked");
                    await run.ProgressAsync(SomeSteps);
                }
            }

            run.Note("let it go", isBlow: true);
        })
        { Length = ChaosLength.Longest, Limit = TimeSpan.FromMinutes(3), Check = record =>
            ChaosScenarios.NobodyOut(record).Concat(ChaosScenarios.NoProcessEnded(record)) },
    ];
}
