using Coordinator.Cli.Workers;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Silo.Hosting;
using Coordinator.Tests.Support;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Data;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A silo and workers in the test's own process, over real sockets. A worker here ends by an abort, not by a signal.</summary>
public sealed class LoopbackRun : IAsyncDisposable
{
    private static long boots = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private readonly TemporaryFolder folder;
    private readonly List<(CancellationTokenSource Abort, Task Agent, IDisposable[] Owned)> workers = [];
    private readonly OrleansSilo silo;
    private readonly HttpMessageInvoker http = SiloHttp.Create();

    private LoopbackRun(TemporaryFolder folder, OrleansSilo silo)
    {
        (this.folder, this.silo) = (folder, silo);
        Client = new CoordinatorClient(silo.Url, silo.Token);
    }

    public CoordinatorClient Client { get; }

    /// <summary>How a command reaches the silo.</summary>
    public string[] Silo
    {
        get
        {
            var token = folder.Write("token", silo.Token);
            PrivateFiles.Tighten(token);
            return ["--silo", silo.Url, "--token-file", token];
        }
    }

    /// <summary>Where a test may bring the final model.</summary>
    public string ModelPath => folder.File("model.safetensors");

    public static async Task<LoopbackRun> StartAsync()
    {
        var folder = new TemporaryFolder();
        return new LoopbackRun(folder, await TestSilo.StartAsync(folder.File("silo")));
    }

    /// <summary>An undisturbed run, or one whose workers have faults that end nobody.</summary>
    public static async Task<RunRecord> TrainAsync(Workload workload, int workers, int gpus, string? fault = null)
    {
        await using var run = await StartAsync();
        var watch = await run.SubmitAsync(workload, workers * gpus);
        for (var worker = 0; worker < workers; worker++)
            run.StartWorker($"worker-{worker + 1}", gpus, worker == 0 && fault is not null ? FaultPlan.Parse([fault]) : FaultPlan.None);
        return await watch.EndAsync(run.folder.File("model.safetensors"));
    }

    /// <summary>Submits a job.</summary>
    public async Task<JobWatch> SubmitAsync(Workload workload, int ranks, Func<JobSpec, JobSpec>? change = null)
    {
        var (spec, file) = workload.Freeze(folder.File("source"), ranks, ranks);
        spec = change?.Invoke(spec) ?? spec;
        if (file is not null)
            await Client.UploadDataAsync(file, spec.Data.Sha256);
        var job = JobIds.New(spec.Name);
        await Client.SubmitAsync(spec, job);
        return new JobWatch(Client, job);
    }

    /// <summary>Starts a worker.</summary>
    /// <returns>What ends it at once.</returns>
    public CancellationTokenSource StartWorker(string node, int gpus, FaultPlan faults)
    {
        Uri[] silos = [new Uri(silo.Url)];
        var files = new SiloFiles(silos, silo.Token, http);
        var store = folder.File(node);
        var programs = new WorkerPrograms(new DataStore(store, files.FetchDataAsync), new CpuDeviceOptions());
        var services = new WorkerServices(
            programs,
            new SiloModelSink(files, WorkerPrograms.Layout, Directory.CreateDirectory(store).FullName),
            new SilentLog())
        { Http = http };
        var options = new WorkerOptions
        {
            Node = new NodeId(node),
            Silos = silos,
            Token = silo.Token,
            Gpus = CpuDeviceClass.Devices(gpus),
            Faults = faults,
            Boot = Interlocked.Increment(ref boots),
        };
        var abort = new CancellationTokenSource();
        workers.Add((abort, Task.Run(() => NodeAgent.RunAsync(options, services, CancellationToken.None, abort.Token)), [programs]));
        return abort;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (abort, agent, owned) in workers)
        {
            await abort.CancelAsync();
            await agent.WaitAsync(ChaosRuns.Limit);
            foreach (var thing in owned)
                thing.Dispose();
            abort.Dispose();
        }

        http.Dispose();
        Client.Dispose();
        await silo.StopAsync();
        folder.Dispose();
    }
}
