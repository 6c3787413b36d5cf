using System.Buffers;
using System.Diagnostics;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// A rank's part in checkpoints: a copy of its slice, for which the device waits, and the writing of the copy, for which nobody does. The
/// copy's memory is kept for the next one; what is written at a time in a process is bounded, since ranks may be many.
/// </summary>
internal sealed class StateSaver(
    RankHostOptions options,
    IRankDevice device,
    NonfiniteNumbers numbers,
    FaultPlan faults,
    Action<Action> postState,
    Action<RankInput> answer) : IDisposable
{
    private static readonly SemaphoreSlim Writers = new(Math.Max(2, Environment.ProcessorCount / 2));

    private static readonly TimeSpan RoomPause = TimeSpan.FromSeconds(1);

    private readonly int blockElements = options.Spec.Collective.BlockElements;
    private HostFloats staging = new(0);
    private CancellationTokenSource? loading;
    private volatile bool isHurried;

    /// <summary>Ends with the writing under way.</summary>
    public Task Writing { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// Copies the slice on the device's thread, after what was asked for before, and then writes it. Called by the rank's loop; one at a
    /// time.
    /// </summary>
    public void Save(SaveState save)
    {
        if (options.Checkpoints is not { } folder)
        {
            answer(new StateSaved(
                save.Checkpoint, null, 0, 0, "this worker has no folder for checkpoints; start the workers with --checkpoint-dir"));
            return;
        }

        var offset = (long)save.Start * blockElements;
        var length = Math.Clamp(device.StateElements - offset, 0, (long)save.Count * blockElements);
        var copied = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        postState(() =>
        {
            try
            {
                var began = Stopwatch.GetTimestamp();
                if (staging.Length < length)
                    staging = new HostFloats(length);
                staging.Walk(0, length, (at, piece) => device.ReadState(offset + at, piece));
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
    /// Reads the state on a thread of storage's own, and writes it to the device piece by piece, on the device's thread. Storage that says
    /// nothing for <see cref="RankHostOptions.ReadLimit"/> is this checkpoint's fault and not the rank's, which goes on all the while.
    /// </summary>
    public void Load(LoadState order)
    {
        Dispose();
        var load = new CancellationTokenSource();
        loading = load;
        isHurried = false;
        _ = LoadAsync(order, load.Token);
    }

    /// <summary>
    /// Somebody waits for the end of the load: storage that says nothing is not waited for as long as before, and nothing is said against
    /// the checkpoint where it is given up for that. One that reads on is waited for.
    /// </summary>
    public void Hurry() => isHurried = true;

    /// <summary>
    /// Nobody needs the load under way: pieces of it that the device has not begun to take are dropped, and it is not answered. Another may
    /// follow. Any thread may call it.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref loading, null) is not { } load)
            return;
        load.Cancel();
        load.Dispose();
    }

    private async Task LoadAsync(LoadState order, CancellationToken abandon)
    {
        var (load, failure, isGivenUp) = (new LoadUnderWay(), (string?)null, false);
        try
        {
            if (options.Checkpoints is not { } folder)
            {
                failure = "this worker has no folder for checkpoints; start the workers with --checkpoint-dir";
            }
            else
            {
                failure = await StorageRead.RunAsync(
                    folder.PathOf(options.Job, order.Checkpoint.Id),
                    LimitNow,
                    reading => Read(folder, order, reading, load, abandon),
                    abandon: abandon).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (abandon.IsCancellationRequested)
        {
            return;
        }
        catch (StorageTimeoutException silent)
        {
            (failure, isGivenUp) = (silent.Message, LimitNow() < options.ReadLimit);
        }
        catch (Exception e)
        {
            failure = e is CheckpointException or IOException ? e.Message : $"{e.GetType().Name}: {e.Message}";
        }

        if (failure is not null)
            load.HasFailed = true;
        postState(() => answer(new StateLoaded(order.Ticket, failure, IsStateTouched: failure is null || load.IsTouched, isGivenUp)));

        TimeSpan LimitNow() => isHurried && options.HurriedReadLimit < options.ReadLimit ? options.HurriedReadLimit : options.ReadLimit;
    }

    private string? Read(CheckpointFolder folder, LoadState order, StorageRead reading, LoadUnderWay load, CancellationToken abandon)
    {
        var checkpoint = order.Checkpoint;
        var manifest = folder.ReadManifest(options.Job, checkpoint.Id, checkpoint.ManifestSha256);
        if (manifest.Elements != device.StateElements)
            return $"the checkpoint holds {manifest.Elements} elements, and the job's state has {device.StateElements}";
        reading.Moved();

        // A state that is there is overwritten only once all that takes its place has been found right.
        if (order.VerifyFirst)
            folder.Read(options.Job, manifest, (_, _) => reading.Moved());
        folder.Read(options.Job, manifest, (offset, elements) =>
        {
            // A device that is slow to take a piece is no fault of the storage.
            while (!load.Room.Wait(RoomPause, abandon))
                reading.Moved();
            reading.Moved();
            var piece = ArrayPool<float>.Shared.Rent(elements.Length);
            var length = elements.Length;
            elements.CopyTo(piece);
            postState(() =>
            {
                try
                {
                    if (load.HasFailed || abandon.IsCancellationRequested)
                        return;
                    load.IsTouched = true;
                    device.WriteState(offset, piece.AsSpan(0, length));
                }
                catch
                {
                    load.HasFailed = true;
                    throw;
                }
                finally
                {
                    ArrayPool<float>.Shared.Return(piece);
                    load.Room.Release();
                }
            });
        });
        return null;
    }

    private async Task WriteAsync(CheckpointFolder folder, SaveState save, long offset, long length, Task<double> copied)
    {
        try
        {
            var snapshotMs = await copied.ConfigureAwait(false);
            await Writers.WaitAsync().ConfigureAwait(false);
            try
            {
                var began = Stopwatch.GetTimestamp();
                faults.Saving(save.Checkpoint.Step);
                var part = folder.WritePart(options.Job, save.Checkpoint, save.Rank, save.Ranks, offset, staging, length);
                var writeMs = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                var nonfinite = 0L;
                staging.Walk(0, length, (at, piece) => nonfinite += numbers.Count(offset + at, piece));
                answer(new StateSaved(save.Checkpoint, part, snapshotMs, writeMs, null, nonfinite));
            }
            finally
            {
                Writers.Release();
            }
        }
        catch (Exception e)
        {
            // A failed write never stops training.
            answer(new StateSaved(save.Checkpoint, null, 0, 0, e.Message));
        }
    }

    /// <summary>One try to load: how many pieces may wait for the device, and whether those that still do are worth anything.</summary>
    private sealed class LoadUnderWay
    {
        public SemaphoreSlim Room { get; } = new(4);

        public volatile bool HasFailed;

        /// <summary>Anything was written to the device. Of the device's thread.</summary>
        public bool IsTouched { get; set; }
    }
}
