using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;
using Coordinator.Server.Hosting;

namespace Coordinator.Runs.Clusters;

/// <summary>
/// A cluster on this machine: a silo process and N worker processes of this same program, on loopback, kept up by supervisors; or several
/// silo processes on one PostgreSQL database.
/// What is killed comes back; after <see cref="DisposeAsync"/>, or after this process died in whatever way, none of them is left.
/// </summary>
public sealed class LocalCluster : IKillTargets, IAsyncDisposable
{
    // A database is made first, and then several silos find each other: 15 s on two idle cores, and several times that on busy ones.
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StartLook = TimeSpan.FromSeconds(1);

    private readonly LocalClusterOptions options;
    private readonly RunDirectory directory;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<ChildNote> notes = new();
    private readonly List<Task> running = [];
    private readonly TaskCompletionSource<ClusterFailure> failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Supervisor> workers = [];
    private readonly List<SiloChild> silos = [];
    private PostgresProcess? postgres;

    private LocalCluster(LocalClusterOptions options, RunDirectory directory)
    {
        this.options = options;
        this.directory = directory;
        TokenFile = directory.File("token");
    }

    /// <summary>Address of the silo; of several, with commas between them.</summary>
    public string Url => string.Join(',', silos.Select(silo => silo.Url));

    /// <summary>PostgreSQL database of the silos, if they are a cluster.</summary>
    public string? Database => options.Backend.Database ?? postgres?.ConnectionString;

    /// <summary>Name under which the silos know each other in it.</summary>
    public string ClusterName { get; } = $"run-{Guid.NewGuid():N}";

    /// <summary>File with the token that the silo asks for.</summary>
    public string TokenFile { get; }

    /// <summary>Completes if a process cannot be kept up.</summary>
    public Task<ClusterFailure> Failure => failure.Task;

    /// <summary>
    /// Whether the job was training when it was last heard of. What the workers do needs no silo, so nothing is given up meanwhile.
    /// </summary>
    public Func<bool> IsTraining { get; set; } = () => false;

    /// <summary>Number of workers.</summary>
    public int Workers => workers.Count;

    /// <summary>Number of silos.</summary>
    public int Silos => silos.Count;

    /// <summary>The silos and then the workers, as they are now.</summary>
    public IReadOnlyList<ChildStatus> Children =>
        [.. silos.Select(silo => silo.Supervisor.Status), .. workers.Select(worker => worker.Status)];

    /// <summary>What happened to the processes so far, oldest first.</summary>
    public IReadOnlyList<ChildNote> Notes => [.. notes];

    /// <summary>Whether a child of that name is a silo.</summary>
    public static bool IsSilo(string child) => child == "silo" || child.StartsWith("silo-", StringComparison.Ordinal);

    /// <summary>Name of a worker's node.</summary>
    public static string WorkerName(int worker) => $"worker-{worker + 1}";

    /// <summary>Starts the silos, waits until they listen, then starts the workers without waiting for them.</summary>
    /// <exception cref="ClusterException">A silo did not come up.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions options, RunDirectory directory, CancellationToken cancel)
    {
        var cluster = new LocalCluster(options, directory);
        try
        {
            DrawToken(cluster.TokenFile);
            await cluster.StartSilosAsync(cancel);
            if (options.BeforeWorkers is { } before)
                await before(cluster);
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

    /// <summary>SIGKILL to a silo, from 0.</summary>
    /// <returns>Its name and process id, or null where it was down.</returns>
    public (string Name, int Pid)? KillSilo(int silo) =>
        silos[silo].Supervisor.Kill() is { } pid ? (silos[silo].Supervisor.Status.Name, pid) : null;

    /// <summary>SIGKILL to every silo and worker, one right after the other.</summary>
    /// <returns>Names of those that ran.</returns>
    public IReadOnlyList<string> KillAll() =>
        [.. silos.Select(silo => silo.Supervisor).Concat(workers).Where(child => child.Kill() is not null).Select(
            child => child.Status.Name)];

    /// <summary>Ends all processes and waits until they are gone.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running);

        // The database goes last: silos say good-bye in it.
        if (postgres is not null)
            await postgres.DisposeAsync();
        stop.Dispose();
    }

    private static void DrawToken(string path)
    {
        try
        {
            SiloToken.LoadOrCreate(path);
        }
        catch (Exception unusable) when (unusable is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ClusterException(new ClusterFailure(
                $"The run's token file {path} cannot be used: {unusable.InnerException?.Message ?? unusable.Message}",
                "Delete it if it is there, see that its folder can be written and has room, and run the command again: a new token is "
                    + "drawn.",
                ExitCodes.Usage));
        }
    }

    private async Task StartSilosAsync(CancellationToken cancel)
    {
        if (options.Backend is { IsCluster: true, Database: null })
        {
            postgres = await PostgresProcess.StartAsync(directory, notes.Enqueue, MayGiveUp, cancel);
            _ = postgres.Ended.ContinueWith(
                ended => NoteDatabase(ended.Result), cancel, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }

        for (var silo = 0; silo < options.Backend.Silos; silo++)
            silos.Add(options.Backend.IsCluster ? SiloOfCluster(silo) : SiloAlone());
        var ends = silos.Select(silo => Supervise(silo.Supervisor)).ToArray();
        running.AddRange(ends);
        var ready = Task.WhenAll(silos.Select(silo => silo.Supervisor.FirstReady));
        var end = Task.WhenAny(ends);

        // One that is killed while it starts begins again, and so does its time.
        var (starts, clock) = (0, Stopwatch.StartNew());
        while (clock.Elapsed < StartLimit)
        {
            var first = await Task.WhenAny(ready, end, Task.Delay(StartLook, cancel));
            cancel.ThrowIfCancellationRequested();
            if (first == ready)
            {
                var urls = await ready;
                for (var silo = 0; silo < urls.Length; silo++)
                    silos[silo].Url = urls[silo];
                return;
            }

            if (first == end && failure.Task.IsCompletedSuccessfully)
                throw new ClusterException(await failure.Task);
            if (silos.Sum(silo => silo.Supervisor.Status.Starts) is var now && now != starts)
            {
                starts = now;
                clock.Restart();
            }
        }

        throw new ClusterException(new ClusterFailure(
            $"{(silos.Count == 1 ? "The silo" : "The silos")} did not say that {(silos.Count == 1 ? "it listens" : "they listen")} within "
                + $"{StartLimit.TotalSeconds:0} s.",
            $"See the silos' logs in {directory.Path}; a machine under heavy load may only need another try.",
            ExitCodes.RunFailed));
    }

    private SiloChild SiloAlone()
    {
        SiloChild? child = null;
        child = new SiloChild(new Supervisor(
            "silo",
            start => Launched("silo", OwnExecutable.Command([
                "silo", "--name", $"silo-{start}", "--data-dir", directory.File("silo"), "--token-file", TokenFile,
                "--url", child!.Url.Length > 0 ? child.Url : $"http://{options.Host}:{options.Port}", "--parent-pipe"])),
            directory.File("silo.log"),
            new RestartPolicy(),
            notes.Enqueue,
            mayGiveUp: MayGiveUp));
        return child;
    }

    private SiloChild SiloOfCluster(int silo)
    {
        var (siloPort, gatewayPort) = (FreePorts.Next(), FreePorts.Next());
        var connection = directory.File("database");
        PrivateFiles.WriteAllText(connection, Database!);
        SiloChild? child = null;
        child = new SiloChild(new Supervisor(
            $"silo-{silo}",
            _ => Launched($"silo-{silo}", OwnExecutable.Command([
                "silo", "--name", $"silo-{silo}", "--data-dir", directory.File("silo"), "--token-file", TokenFile, "--database",
                $"@{connection}",
                "--cluster", ClusterName, "--silo-port", $"{siloPort}", "--gateway-port", $"{gatewayPort}",
                "--url", child!.Url.Length > 0 ? child.Url : $"http://{options.Host}:{(silo == 0 ? options.Port : 0)}", "--parent-pipe"])),
            directory.File($"silo-{silo}.log"),
            new RestartPolicy(),
            notes.Enqueue,
            mayGiveUp: MayGiveUp));
        return child;
    }

    private void NoteDatabase(ClusterFailure? failed)
    {
        if (failed is not null)
            failure.TrySetResult(failed);
    }

    private void StartWorker(int worker)
    {
        var name = WorkerName(worker);
        Supervisor? supervisor = null;
        supervisor = new Supervisor(
            name,
            start => Launched(name, OwnExecutable.Command([
                "worker", "--silo", Url, "--token-file", TokenFile, "--node", name,
                "--data-dir", directory.File(name), "--checkpoint-dir", options.CheckpointFolder
                    ?? directory.File("checkpoints"), "--parent-pipe", .. options.Devices?.Invoke(worker)
                        ?? ["--gpus", $"{options.GpusPerWorker}"], .. options.WorkerArguments(worker, start)])),
            directory.File(name + ".log"),
            new RestartPolicy(),
            notes.Enqueue,
            line => options.WorkerSaid?.Invoke(worker, supervisor!.Status.Pid, line),
            MayGiveUp);
        workers.Add(supervisor);
        running.Add(Supervise(supervisor));
    }

    /// <summary>Nothing is while the job trains: one of its workers is up, which is not the one that is asked about.</summary>
    private bool MayGiveUp() => !(IsTraining() && workers.Any(worker => worker.Status.Phase == ChildPhase.Ready));

    private ProcessStartInfo Launched(string child, ProcessStartInfo command) => options.Launch?.Invoke(child, command) ?? command;

    private Task Supervise(Supervisor supervisor)
    {
        return RunAsync();

        async Task RunAsync()
        {
            // Off the caller's thread: starting a process takes milliseconds, and five are started in a row.
            await Task.Yield();
            if (await supervisor.RunAsync(stop.Token) is { } failed)
                failure.TrySetResult(failed);
        }
    }

    private sealed class SiloChild(Supervisor supervisor)
    {
        public Supervisor Supervisor { get; } = supervisor;

        /// <summary>Where it listened first, and will again; empty before.</summary>
        public string Url { get; set; } = "";
    }
}
