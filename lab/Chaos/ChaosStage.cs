using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Worker.Faults;

namespace Coordinator.Lab.Chaos;

/// <summary>The processes, hosts, disks and clocks of one run: brought up, followed, and gone after <see cref="DisposeAsync"/>.</summary>
internal sealed class ChaosStage : IAsyncDisposable
{
    private const int DiskMegabytes = 24;
    private const int PageSteps = 10_000;
    private static readonly TimeSpan AskPause = TimeSpan.FromMilliseconds(100);

    private readonly RunDirectory directory;
    private readonly SiloBackend backend;
    private readonly ConcurrentQueue<FaultRule> struck = new();
    private readonly ConcurrentDictionary<string, bool> startedBefore = new();
    private readonly CancellationTokenSource over = new();
    private LocalCluster? cluster;
    private CoordinatorClient? client;
    private RunFollower? follower;
    private Task following = Task.CompletedTask;

    private ChaosStage(RunDirectory directory, SiloBackend backend) => (this.directory, this.backend) = (directory, backend);

    public NetworkHosts? Network { get; private set; }

    public SmallDisk? Disk { get; private set; }

    public SteppedClock? Clock { get; private set; }

    /// <summary>The job.</summary>
    public JobId Job { get; private set; }

    /// <summary>Planned faults that workers said they are about to suffer.</summary>
    public IReadOnlyCollection<FaultRule> Struck => struck;

    /// <summary>What is known of the run now.</summary>
    public RunData Data => follower!.Snapshot();

    public bool ClocksAreRight => Clock is null;

    public string Checkpoints => Disk?.Seen ?? directory.File("checkpoints");

    public IReadOnlyList<string> SiloNames => [.. cluster!.Children.Take(cluster.Silos).Select(child => child.Name)];

    public IReadOnlyList<ChildNote> Notes => cluster!.Notes;

    private string SiloDatabase => Path.Combine(directory.File("silo"), "coordinator.db");

    /// <summary>Brings everything up and submits the job.</summary>
    /// <exception cref="ClusterException">A process did not come up.</exception>
    /// <exception cref="ChaosException">A host, disk or clock cannot be made.</exception>
    public static async Task<ChaosStage> StartAsync(
        ChaosScenario scenario,
        ChaosPlan plan,
        JobSpec spec,
        string data,
        ChaosMachine machine,
        SiloBackend backend,
        RunDirectory directory,
        Func<int, int, IEnumerable<FaultRule>> alsoFaults,
        CancellationToken limit)
    {
        var stage = new ChaosStage(directory, backend);
        try
        {
            var log = directory.File("hosts.log");
            switch (scenario.Place)
            {
                case ChaosPlace.OwnHosts:
                    stage.Network = await NetworkHosts.CreateAsync(scenario.Workers, log);
                    break;
                case ChaosPlace.SmallDisk:
                    stage.Disk = await SmallDisk.CreateAsync(directory.File("checkpoints"), DiskMegabytes, log);
                    break;
                case ChaosPlace.SteppedClock:
                    stage.Clock = new SteppedClock(machine.FakeTimeLibrary!, directory.File("clock"));
                    break;
            }

            stage.cluster = await LocalCluster.StartAsync(
                new LocalClusterOptions
                {
                    Workers = scenario.Workers,
                    Backend = backend,
                    Host = stage.Network?.SiloAddress ?? "127.0.0.1",
                    Launch = stage.Launch,
                    WorkerArguments = (worker, start) =>
                    [
                        .. stage.Network is { } network ? (string[])["--data-address", $"{network.AddressOf(worker)}:0"] : [],
                        .. scenario.Faults(plan, worker, start).Concat(alsoFaults(worker, start)).SelectMany(rule => rule.Arguments),
                    ],
                    WorkerSaid = stage.Heard,
                },
                directory,
                limit);
            await stage.SubmitAsync(spec, data, limit);
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Throws where a process cannot be kept up.</summary>
    /// <exception cref="ClusterException">So it is.</exception>
    public void ThrowIfFailed()
    {
        if (cluster!.Failure.IsCompletedSuccessfully)
            throw new ClusterException(cluster.Failure.Result);
        if (following.IsFaulted)
            following.GetAwaiter().GetResult();
    }

    public int? KillWorker(int worker) => cluster!.KillWorker(worker);

    public (string Name, int Pid)? KillSilo(int silo) => cluster!.KillSilo(silo);

    public IReadOnlyList<string> KillAll() => cluster!.KillAll();

    /// <summary>A signal to all at once: one call of the shell's kill.</summary>
    /// <exception cref="ChaosException">One of them does not run.</exception>
    public void Signal(string signal, IReadOnlyList<string> names)
    {
        var children = cluster!.Children;
        string[] pids =
        [
            .. names.Select(
                name => children.First(child => child.Name == name) is { Phase: ChildPhase.Starting or ChildPhase.Ready, Pid: var pid }
                    ? pid.ToString(CultureInfo.InvariantCulture)
                    : throw new ChaosException($"{name} did not run when it was to get SIG{signal}")),
        ];
        Tool.Run("/bin/sh", ["-c", $"kill -{signal} \"$@\"", "sh", .. pids]);
    }

    public Task<LockedStorage> LockStorageAsync(CancellationToken cancel) =>
        LockedStorage.TakeAsync(SiloDatabase, cluster!.Database, cancel);

    /// <summary>Deletes the record of a step behind the silos' backs.</summary>
    public Task<int> ForgetAsync(long step, CancellationToken cancel) =>
        LockedStorage.ForgetStepAsync(SiloDatabase, cluster!.Database, Job.Value, step, cancel);

    /// <summary>The job's last view, once it has ended and all is stored.</summary>
    public async Task<JobView> EndAsync(CancellationToken limit)
    {
        var ended = follower!.Ended;
        while (!ended.IsCompleted)
        {
            ThrowIfFailed();
            await Task.WhenAny(ended, cluster!.Failure, Task.Delay(Timeout.Infinite, limit));
            limit.ThrowIfCancellationRequested();
        }

        return await ended;
    }

    /// <summary>Reads back everything that was stored, and the model file.</summary>
    public async Task<ChaosRecord> CollectAsync(JobView job, IReadOnlyList<ChaosDeed> deeds, TimeSpan took, CancellationToken limit)
    {
        List<StoredStep> steps = [];
        while (await AskAsync(
            () => client!.GetStepsAsync(Job, steps.Count == 0 ? 0 : steps[^1].Ordinal, PageSteps, cancel: limit),
            limit) is { Items.Count: > 0 } page)
        {
            steps.AddRange(page.Items);
        }
        List<StoredEvent> events = [];
        while (await AskAsync(
            () => client!.GetEventsAsync(null, events.Count == 0 ? 0 : events[^1].Ordinal, PageSteps, cancel: limit),
            limit) is { Items.Count: > 0 } page)
        {
            events.AddRange(page.Items);
        }
        var model = directory.File("model.safetensors");
        var there = await AskAsync(() => client!.DownloadModelAsync(Job, model, limit), limit);
        return new ChaosRecord
        {
            Job = job,
            ModelSha256 = there ? await HashAsync(model, limit) : null,
            Steps = steps,
            Events = events,
            Notes = cluster!.Notes,
            Deeds = deeds,
            Took = took,
            ClocksAreRight = ClocksAreRight,
        };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        try
        {
            await following;
        }
        catch (CoordinatorApiException)
        {
            // Whoever waited for the run was told.
        }

        client?.Dispose();
        if (cluster is not null)
            await cluster.DisposeAsync();
        if (Network is not null)
            await Network.DisposeAsync();
        if (Disk is not null)
            await Disk.DisposeAsync();
        over.Dispose();
    }

    /// <summary>
    /// A process whose clock is libfaketime's runs many times slower. Silos can; of workers it is those that are started again, at the time
    /// that the step has led to: what a worker's wall clock decides is how it is named at its start.
    /// </summary>
    private ProcessStartInfo Launch(string child, ProcessStartInfo command)
    {
        if (Clock is not null)
            return LocalCluster.IsSilo(child) || !startedBefore.TryAdd(child, true) ? Clock.With(command) : command;
        if (LocalCluster.IsSilo(child))
            return command;
        var worker = int.Parse(child[(child.LastIndexOf('-') + 1)..], CultureInfo.InvariantCulture) - 1;
        return Network?.Enter(worker, command) ?? Disk?.Enter(command) ?? command;
    }

    private void Heard(int worker, int pid, string line)
    {
        if (FaultRule.Announced(line) is { } fault)
            struck.Enqueue(fault);
    }

    private async Task SubmitAsync(JobSpec spec, string data, CancellationToken limit)
    {
        client = new CoordinatorClient(cluster!.Url, SiloToken.Load(cluster.TokenFile));
        await client.UploadDataAsync(data, spec.Data.Sha256, limit);
        Job = JobIds.New(spec.Name);
        await client.SubmitAsync(spec, Job, limit);
        follower = new RunFollower(new SiloRunSource(client, Job), "chaos", cluster);
        following = follower.RunAsync(over.Token);
    }

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken limit)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (CoordinatorApiException away) when (away.MayRepeat)
            {
                await Task.Delay(AskPause, limit);
            }
        }
    }

    private static async Task<string> HashAsync(string path, CancellationToken limit)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, limit));
    }
}
