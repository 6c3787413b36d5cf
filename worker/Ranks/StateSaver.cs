using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// A rank's part in checkpoints: a copy of its slice, for which the device waits, and the writing of the copy, for which nobody does. The
/// copy's memory is kept for the next one; what is written at a time in a process is bounded, since ranks may be many.
/// </summary>
internal sealed class StateSaver(RankHostOptions options, IRankDevice device, FaultPlan faults, Action<Action> postState, Action<RankInput> answer)
{
    private static readonly SemaphoreSlim s_writers = new(Math.Max(2, Environment.ProcessorCount / 2));

    private readonly int blockElements = options.Spec.Collective.BlockElements;
    private float[] staging = [];

    /// <summary>Ends with the writing under way.</summary>
    public Task Writing { get; private set; } = Task.CompletedTask;

    /// <summary>Copies the slice on the device's thread, after what was asked for before, and then writes it. Called by the rank's loop; one at a time.</summary>
    public void Save(SaveState save)
    {
        if (options.Checkpoints is not { } folder)
        {
            answer(new StateSaved(save.Checkpoint, null, 0, 0, "this worker has no folder for checkpoints; start the workers with --checkpoint-dir"));
            return;
        }

        var offset = (long)save.Start * blockElements;
        var length = (int)Math.Clamp(device.StateElements - offset, 0, (long)save.Count * blockElements);
        var copied = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        postState(() =>
        {
            try
            {
                var began = Stopwatch.GetTimestamp();
                if (staging.Length < length)
                    staging = GC.AllocateUninitializedArray<float>(length);
                device.ReadState(offset, staging.AsSpan(0, length));
                copied.SetResult(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
            catch (Exception e)
            {
                copied.SetException(e);
                throw;
            }
        });
        Writing = Task.Run(() => WriteAsync(folder, save, offset, length, copied.Task));
    }

    /// <summary>
    /// Reads the state. On the device's thread. With <paramref name="verifyFirst"/> the checkpoint is read twice, and the device's state is
    /// overwritten only once all of it has been found right.
    /// </summary>
    /// <returns>Why it is not there, null where it is; and whether the state that was there before is gone.</returns>
    public (string? Failure, bool IsStateTouched) Load(CheckpointRef checkpoint, bool verifyFirst)
    {
        if (options.Checkpoints is not { } folder)
            return ("this worker has no folder for checkpoints; start the workers with --checkpoint-dir", false);
        var isTouched = false;
        try
        {
            var manifest = folder.ReadManifest(options.Job, checkpoint.Id, checkpoint.ManifestSha256);
            if (manifest.Elements != device.StateElements)
                return ($"the checkpoint holds {manifest.Elements} elements, and the job's state has {device.StateElements}", false);
            if (verifyFirst)
                folder.Read(options.Job, manifest, (_, _) => { });
            folder.Read(options.Job, manifest, (offset, elements) =>
            {
                isTouched = true;
                device.WriteState(offset, elements);
            });
            return (null, true);
        }
        catch (CheckpointException e)
        {
            return (e.Message, isTouched);
        }
    }

    private async Task WriteAsync(CheckpointFolder folder, SaveState save, long offset, int length, Task<double> copied)
    {
        try
        {
            var snapshotMs = await copied.ConfigureAwait(false);
            await s_writers.WaitAsync().ConfigureAwait(false);
            try
            {
                var began = Stopwatch.GetTimestamp();
                faults.Saving(save.Checkpoint.Step);
                var part = folder.WritePart(options.Job, save.Checkpoint, save.Rank, save.Ranks, offset, staging.AsSpan(0, length));
                answer(new StateSaved(save.Checkpoint, part, snapshotMs, Stopwatch.GetElapsedTime(began).TotalMilliseconds, null));
            }
            finally
            {
                s_writers.Release();
            }
        }
        catch (Exception e)
        {
            // A failed write never stops training.
            answer(new StateSaved(save.Checkpoint, null, 0, 0, e.Message));
        }
    }
}
