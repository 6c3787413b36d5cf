using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Worker.Agent;

/// <summary>What a worker does for a job's checkpoints beside its ranks: it writes the manifest, and removes what is not kept.</summary>
internal sealed class CheckpointKeeper(WorkerOptions options, WorkerServices services, Action<WorkerMessage> tell)
{
    private readonly Lock gate = new();

    /// <summary>Carries an order out, one at a time, and says how it went.</summary>
    public Task CarryOutAsync(CheckpointOrder order)
    {
        lock (gate)
        {
            switch (order)
            {
                case SealCheckpoint seal:
                    Seal(seal);
                    break;
                case PruneCheckpoints prune:
                    Prune(prune);
                    break;
            }
        }

        return Task.CompletedTask;
    }

    private void Seal(SealCheckpoint seal)
    {
        try
        {
            if (services.Checkpoints is not { } folder)
                throw new CheckpointException("this worker has no folder for checkpoints; start the workers with --checkpoint-dir");
            options.Faults.Sealing(seal.Checkpoint.Step);
            var sha256 = folder.Seal(new CheckpointManifest
            {
                Job = seal.Job.Value,
                Timeline = seal.Checkpoint.Timeline,
                Step = seal.Checkpoint.Step,
                Generation = seal.Checkpoint.Generation,
                DeviceClass = seal.DeviceClass,
                Elements = seal.Parts.Sum(part => part.Elements),
                Parts = seal.Parts,
            });
            tell(new CheckpointSealed
            {
                Job = seal.Job,
                Generation = seal.Generation,
                Node = options.Node,
                Checkpoint = seal.Checkpoint,
                ManifestSha256 = sha256,
            });
        }
        catch (CheckpointException e)
        {
            services.Log.Warn($"{seal.Job}: {e.Message}");
            tell(new CheckpointFailed
            {
                Job = seal.Job,
                Generation = seal.Generation,
                Node = options.Node,
                Checkpoint = seal.Checkpoint,
                Detail = e.Message,
            });
        }
    }

    private void Prune(PruneCheckpoints prune)
    {
        try
        {
            foreach (var removed in services.Checkpoints?.Prune(prune.Job, [.. prune.Keep]) ?? [])
                services.Log.Info($"{prune.Job}: removed checkpoint {removed}");
        }
        catch (CheckpointException e)
        {
            // The next one that is pruned tries again.
            services.Log.Warn($"{prune.Job}: {e.Message}");
        }
    }
}
