using System.Collections.Concurrent;
using System.ComponentModel;
using Coordinator.Cli.Demo;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Local;

/// <summary>
/// A cluster on this machine: a silo process and N worker processes of this same program, on loopback, kept up by supervisors.
/// What is killed comes back; after <see cref="DisposeAsync"/>, or after this process died in whatever way, none of them is left.
/// </summary>
public sealed class LocalCluster : IKillTargets, IAsyncDisposable
{
    private static readonly TimeSpan SiloStartLimit = TimeSpan.FromSeconds(30);

    private readonly LocalClusterOptions options;
    private readonly RunDirectory directory;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<ChildNote> notes = new();
    private readonly List<Task> running = [];
    private readonly TaskCompletionSource<ClusterFailure> failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Supervisor> workers = [];
    private Supervisor? silo;
    private string url = "";

    private LocalCluster(LocalClusterOptions options, RunDirectory directory)
    {
        this.options = options;
        this.directory = directory;
        TokenFile = directory.File("token");
    }

    /// <summary>Address of the silo.</summary>
    public string Url => url;

    /// <summary>File with the token that the silo asks for.</summary>
    public string TokenFile { get; }

    /// <summary>Completes if a process cannot be kept up.</summary>
    public Task<ClusterFailure> Failure => failure.Task;

    /// <summary>Number of workers.</summary>
    public int Workers => workers.Count;

    /// <summary>The silo and then the workers, as they are now.</summary>
    public IReadOnlyList<ChildStatus> Children => [silo!.Status, .. workers.Select(worker => worker.Status)];

    /// <summary>What happened to the processes so far, oldest first.</summary>
    public IReadOnlyList<ChildNote> Notes => [.. notes];

    /// <summary>Name of a worker's node.</summary>
    public static string WorkerName(int worker) => $"worker-{worker + 1}";

    /// <summary>Starts the silo, waits until it listens, then starts the workers without waiting for them.</summary>
    /// <exception cref="ClusterException">The silo did not come up.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions options, RunDirectory directory, CancellationToken cancel)
    {
        var cluster = new LocalCluster(options, directory);
        try
        {
            SiloToken.LoadOrCreate(cluster.TokenFile);
            await cluster.StartSiloAsync(cancel);
            for (var worker = 0; worker < options.Workers; worker++)
                cluster.StartWorker(worker);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>SIGKILL to a worker.</summary>
    /// <returns>Its process id, or null where it was down.</returns>
    public int? KillWorker(int worker) => workers[worker].Kill();

    /// <summary>SIGKILL to the silo.</summary>
    /// <returns>Its process id, or null where it was down.</returns>
    public int? KillSilo() => silo!.Kill();

    /// <summary>Ends all processes and waits until they are gone.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running);
        stop.Dispose();
    }

    private async Task StartSiloAsync(CancellationToken cancel)
    {
        silo = new Supervisor(
            "silo",
            start => OwnExecutable.Command([
                "silo", "--name", $"silo-{start}", "--data-dir", directory.File("silo"), "--token-file", TokenFile,
                "--url", url.Length > 0 ? url : $"http://127.0.0.1:{options.Port}", "--parent-pipe"]),
            directory.File("silo.log"),
            new RestartPolicy { Tries = options.Port == 0 ? 5 : 1 },
            notes.Enqueue);
        var end = Supervise(silo);
        var first = await Task.WhenAny(silo.FirstReady, end, Task.Delay(SiloStartLimit, cancel));
        cancel.ThrowIfCancellationRequested();
        if (first == silo.FirstReady)
        {
            url = await silo.FirstReady;
            return;
        }

        if (first == end && failure.Task.IsCompletedSuccessfully)
            throw new ClusterException(await failure.Task);
        throw new ClusterException(new ClusterFailure(
            $"The silo did not say that it listens within {SiloStartLimit.TotalSeconds:0} s.",
            $"See {directory.File("silo.log")}; a machine under heavy load may only need another try.",
            Output.ExitCodes.RunFailed));
    }

    private void StartWorker(int worker)
    {
        var name = WorkerName(worker);
        Supervisor? supervisor = null;
        supervisor = new Supervisor(
            name,
            start => OwnExecutable.Command([
                "worker", "--silo", url, "--token-file", TokenFile, "--node", name, "--gpus", $"{options.GpusPerWorker}",
                "--data-dir", directory.File(name), "--parent-pipe", .. options.WorkerArguments(worker, start)]),
            directory.File(name + ".log"),
            new RestartPolicy(),
            notes.Enqueue,
            line => options.WorkerSaid?.Invoke(worker, supervisor!.Status.Pid, line));
        workers.Add(supervisor);
        Supervise(supervisor);
    }

    private Task Supervise(Supervisor supervisor)
    {
        var run = RunAsync();
        running.Add(run);
        return run;

        async Task RunAsync()
        {
            // Off the caller's thread: starting a process takes milliseconds, and five are started in a row.
            await Task.Yield();
            try
            {
                if (await supervisor.RunAsync(stop.Token) is { } failed)
                    failure.TrySetResult(failed);
            }
            catch (Exception cannot) when (cannot is Win32Exception or IOException or UnauthorizedAccessException)
            {
                failure.TrySetResult(new ClusterFailure(
                    $"{supervisor.Status.Name} cannot be started: {cannot.Message}",
                    $"See that {directory.Path} can be written, and that processes can still be started.",
                    Output.ExitCodes.RunFailed));
            }
        }
    }
}
