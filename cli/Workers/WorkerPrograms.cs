using System.Collections.Concurrent;
using System.Net;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Programs;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Cli.Workers;

/// <summary>The built-in programs for a worker: fetches a job's frozen data once and makes each rank's device.</summary>
/// <param name="store">Frozen data.</param>
/// <param name="options">How CPU devices compute.</param>
/// <param name="gpus">The worker's devices, by the gpu's index; null: the CPU for every one.</param>
/// <param name="backends">Make devices that are not the CPU, not disposed of; null where there are none.</param>
public sealed class WorkerPrograms(
    DataStore store,
    CpuDeviceOptions options,
    IReadOnlyList<DeviceDescription>? gpus = null,
    DeviceBackendSet? backends = null) : IProgramFactory, IDisposable
{
    // Whoever has a sound copy, the command that submitted the job above all, brings it up again within two seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim keeping = new(1);
    private readonly ConcurrentDictionary<string, Lazy<Task<FrozenData>>> open = new();

    // Held by the devices that begin with them, and by nobody else: they are as large as the model.
    private readonly ConcurrentDictionary<JobId, WeakReference<InitialWeights>> weights = new();
    private readonly SemaphoreSlim reading = new(1);

    // Files that were found right here once.
    private readonly ConcurrentDictionary<string, bool> verified = new();
    private readonly CancellationTokenSource ended = new();

    /// <summary>How silos are given data again of which they have no sound copy; null: they are not.</summary>
    public SiloFiles? Silos { get; init; }

    /// <summary>How long data are waited for that no silo has, before they count as missing everywhere.</summary>
    public TimeSpan DataPatience { get; init; } = Patience;

    /// <summary>Starts jobs' own programs, where its policy allows any; null: none are started.</summary>
    public ProgramLauncher? Launcher { get; init; }

    /// <summary>Where such programs and their logs lie; there where <see cref="Launcher"/> is.</summary>
    public ProgramFolders? Folders { get; init; }

    /// <summary>Where to say what was put right.</summary>
    public IWorkerLog? Log { get; init; }

    /// <summary>The tensors of a job's model, for its file.</summary>
    public static IReadOnlyList<ModelTensor> Layout(JobSpec spec) =>
        [.. TrainingPrograms.Create(spec).Layout.Tensors.Select(
            tensor => new ModelTensor(tensor.Name, [.. tensor.Shape.Select(axis => (long)axis)], tensor.Offset))];

    /// <inheritdoc/>
    public IRankDevice Create(JobId job, JobSpec spec, GpuId gpu, CancellationToken cancel)
    {
        var folder = spec.Program is { } own ? Wait(FolderAsync(spec, own, cancel), cancel) : "";
        var program = TrainingPrograms.Create(spec, folder);
        try
        {
            // Such a program computes on whatever it likes, and its worker's device only gives it its place in the job.
            if (ProgramKinds.Of(spec) is { IsProcess: true })
            {
                var data = spec.Data.Sha256.Length > 0 ? Folders!.DataFor(spec.Data.Sha256, store.FileOf(spec.Data.Sha256)) : null;
                var name = ProgramFolders.StartLogName(gpu.Index, Folders!.NextStart(job, gpu.Index));
                var launch = ProgramStart.Of(
                    job, spec, spec.Program!, folder, data, Launcher!, new RankLogOptions(Folders.LogsOf(job), name));
                return program.CreateCpuDevice(null, options with { Launch = launch, Cancel = cancel });
            }

            var samples = Samples(program, spec, cancel);
            var start = spec.Initial is { } initial ? Wait(WeightsAsync(job, initial, program.Layout, cancel), cancel) : null;
            var device = Create(program, spec, samples, gpus?[gpu.Index]);
            return program.Watch(start is null ? device : new PretrainedDevice(device, start));
        }
        catch
        {
            (program as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task KeepAsync(JobSpec spec)
    {
        if (Silos is not { } silos || !await keeping.WaitAsync(0))
            return;
        try
        {
            foreach (var sha256 in new[] { spec.Data.Sha256, spec.Initial?.Sha256, spec.Program?.Sha256 }.OfType<string>())
                await KeepAsync(silos, sha256);
        }
        finally
        {
            keeping.Release();
        }
    }

    /// <summary>
    /// Trains a tiny model for two steps, with all that a rank consists of. A process that has just started compiles its code at the
    /// first call; were that while a generation waits for the newcomer, everybody would wait.
    /// </summary>
    public async Task WarmUpAsync(TimeSpan limit)
    {
        var spec = new JobSpec
        {
            Model = new ModelSpec { Layers = 1, Heads = 2, Channels = 32, Block = 16 },
            Training = new TrainingSpec { Steps = 2, BatchSize = 8, Shards = 4, MicroBatch = 1 },
        };
        foreach (var kind in gpus?.DistinctBy(device => device.DeviceClass) ?? [null])
            await WarmUp.RunAsync(spec, Create(TrainingPrograms.Create(spec), spec, new Zeros(), kind), limit);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ended.Cancel();
        foreach (var data in open.Values)
        {
            if (data is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
                data.Value.Result.Dispose();
        }
    }

    private async Task KeepAsync(SiloFiles silos, string sha256)
    {
        if (!verified.ContainsKey(sha256))
            return;
        try
        {
            if (await silos.RestoreDataAsync(sha256, store.FileOf(sha256), ended.Token))
                Log?.Info($"the silo had no sound copy of data {sha256}: it has this worker's now");
        }
        catch (Exception e)
        {
            // Nobody waits for this, and it comes again.
            Log?.Warn($"data {sha256} cannot be brought to the silo again: {e.Message}");
        }
    }

    private IRankDevice Create(ITrainingProgram program, JobSpec spec, ISampleSource? samples, DeviceDescription? device) =>
        device is null || device.Device == "cpu"
        ? program.CreateCpuDevice(samples, options)
        : (backends ?? throw new InvalidOperationException($"nothing makes the device {device.Device}")).Create(spec, program, samples,
        device);

    private ISampleSource? Samples(ITrainingProgram program, JobSpec spec, CancellationToken cancel) => program.Samples.Kind switch
    {
        SampleKind.Rows => new RowSampler(Wait(OpenAsync(spec.Data), cancel), spec.Training.Seed),
        SampleKind.Windows => new WindowSampler(Wait(OpenAsync(spec.Data), cancel), program.Samples.Tokens - 1, spec.Training.Seed),
        _ => null,
    };

    /// <summary>
    /// Fetched and verified by their hash, like data; ranks of a job share what was read. Every worker looks at them, also for jobs that no
    /// command line has looked at.
    /// </summary>
    private async Task<InitialWeights> WeightsAsync(JobId job, InitialSpec initial, ParameterLayout layout, CancellationToken cancel)
    {
        await reading.WaitAsync(cancel);
        try
        {
            if (weights.TryGetValue(job, out var known) && known.TryGetTarget(out var shared))
                return shared;
            var read = await FindAsync(
                initial.Sha256, initial.Bytes, (path, moved) => InitialWeights.Read(path, initial, layout, moved), cancel);
            weights[job] = new WeakReference<InitialWeights>(read);
            verified.TryAdd(initial.Sha256, true);
            return read;
        }
        finally
        {
            reading.Release();
        }
    }

    /// <summary>Fetched and verified by its hash, like data, and unpacked once for all ranks of the worker.</summary>
    /// <exception cref="RankFaultException">This worker runs no such programs.</exception>
    private async Task<string> FolderAsync(JobSpec spec, ProgramSpec own, CancellationToken cancel)
    {
        if (Launcher is not { Policy: { Allowed: true } policy })
            throw OwnPrograms.Refused(user: null);
        if (policy.User is { } user && ProgramKinds.Of(spec) is { IsLoaded: true })
            throw OwnPrograms.Refused(user.Name);
        var frozen = new DataSpec { Sha256 = own.Sha256, Bytes = own.Bytes };
        var folder = Folders!.BundleOf(own.Sha256);
        await FindAsync(own.Sha256, own.Bytes, (path, moved) =>
        {
            using (FrozenData.Open(path, frozen, moved))
                ProgramFolder.Unpack(path, folder);
            return true;
        }, cancel);
        verified.TryAdd(own.Sha256, true);
        if (spec.Data.Sha256.Length > 0)
            await OpenAsync(spec.Data);
        return folder;
    }

    /// <summary>
    /// The thread that asked is one that may wait, and on which the device is to be made; the task goes on without it where it gives up.
    /// </summary>
    private static T Wait<T>(Task<T> task, CancellationToken cancel) => task.WaitAsync(cancel).GetAwaiter().GetResult();

    /// <summary>
    /// Ranks of one worker share the file. A failed attempt is forgotten, so that the next one tries again; so is a file that could not be
    /// read while it was in use.
    /// </summary>
    private async Task<FrozenData> OpenAsync(DataSpec spec)
    {
        if (open.TryGetValue(spec.Sha256, out var known) && known is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }
            && known.Value.Result.IsDamaged)
        {
            open.TryRemove(new KeyValuePair<string, Lazy<Task<FrozenData>>>(spec.Sha256, known));
        }
        var opening = open.GetOrAdd(spec.Sha256, _ => new Lazy<Task<FrozenData>>(() => OpenOnceAsync(spec)));
        try
        {
            return await opening.Value;
        }
        catch
        {
            open.TryRemove(new KeyValuePair<string, Lazy<Task<FrozenData>>>(spec.Sha256, opening));
            throw;
        }
    }

    private async Task<FrozenData> OpenOnceAsync(DataSpec spec)
    {
        var data = await FindAsync(spec.Sha256, spec.Bytes, (path, moved) => FrozenData.Open(path, spec, moved), ended.Token);
        verified.TryAdd(spec.Sha256, true);
        return data;
    }

    /// <exception cref="MissingDataException">It is neither here nor on any silo.</exception>
    private async Task<T> FindAsync<T>(string sha256, long bytes, Func<string, Action, T> read, CancellationToken cancel)
    {
        for (var until = Monotonic.Now + DataPatience; ;)
        {
            try
            {
                return await store.ReadAsync(sha256, read, cancel);
            }
            catch (HttpRequestException none) when (none.StatusCode == HttpStatusCode.NotFound)
            {
                if (Monotonic.Now >= until)
                {
                    throw new MissingDataException(
                        $"the job's data, SHA-256 {sha256}, {bytes} bytes, are missing or damaged everywhere: there is no sound copy in "
                            + $"{store.Directory}, and the silo says: {none.Message}. "
                        + "Bring them up again (the command that submitted the job does so while it runs), or submit the job anew with its "
                        + "--data",
                        none);
                }
            }

            await Task.Delay(Pause, cancel);
        }
    }

    private sealed class Zeros : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens) => tokens.Clear();
    }
}
