using System.Diagnostics;
using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>
/// A job with a program of its own on a cluster of real processes: how fast its steps are, and what a killed process costs.
/// </summary>
internal sealed class ProgramCluster : IAsyncDisposable
{
    /// <summary>Steps at a generation's beginning that count for no speed.</summary>
    private const int WarmUp = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly RunDirectory directory;
    private readonly LocalCluster cluster;
    private readonly CoordinatorClient client;
    private readonly JobId job;
    private readonly List<StoredEvent> events = [];
    private long nextEvent;

    private ProgramCluster(RunDirectory directory, LocalCluster cluster, CoordinatorClient client, JobId job) =>
        (this.directory, this.cluster, this.client, this.job) = (directory, cluster, client, job);

    /// <summary>Starts a cluster of so many workers, and the job on them.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="script">Its program.</param>
    /// <param name="ranks">Workers, with a rank each.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task<ProgramCluster> StartAsync(JobSpec spec, string script, int ranks, CancellationToken cancel)
    {
        var directory = RunDirectory.Create(null);
        (spec, var packed) = OwnProgram.Freeze(spec with { Ranks = ranks, MinRanks = 1 }, script, directory);
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions { Workers = ranks, WorkerArguments = (_, _) => ["--allow-programs"] }, directory, cancel);
        var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        await client.UploadDataAsync(packed!, spec.Program!.Sha256, cancel);
        var submitted = await client.SubmitAsync(spec, cancel: cancel);
        return new ProgramCluster(directory, cluster, client, submitted.Id);
    }

    /// <summary>Targets of a step, as the job has counted them.</summary>
    public long TargetsOfStep { get; private set; }

    /// <summary>Targets a second, once the job is over: of all steps but those at the beginning.</summary>
    public async Task<double> TargetsPerSecondAsync(CancellationToken cancel)
    {
        await WaitAsync(0, stored => stored.Event.Kind == EventKinds.JobFinished, "the end of the job", cancel);
        List<StepRecord> steps = [];
        long after = 0;
        while (await client.GetStepsAsync(job, after, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
        {
            steps.AddRange(page.Items.Select(stored => stored.Step));
            after = page.Next;
        }

        var counted = steps.Skip(WarmUp).ToArray();
        TargetsOfStep = counted[^1].Targets;
        return counted.Sum(step => step.Targets) * 1000.0 / counted.Sum(step => step.Milliseconds);
    }

    /// <summary>Kills one program's process after the other, and tells of each until when the others and it had made a step.</summary>
    public async Task<IReadOnlyList<(TimeSpan Next, TimeSpan Whole)>> KillAsync(int kills, CancellationToken cancel)
    {
        List<(TimeSpan, TimeSpan)> samples = [];
        var ranks = cluster.Workers;
        await WaitAsync(0, IsRunning(ranks), "the first generation", cancel);
        for (var kill = 0; kill < kills; kill++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
            while (await TakeAsync(TimeSpan.Zero, cancel))
            {
            }

            var processes = LifecycleProcess.With($"{directory.Path}/worker-", "/bundles/");
            var from = events.Count;
            var at = DateTimeOffset.UtcNow;
            LifecycleProcess.Signal([processes[kill % processes.Count]], Life.Kill);
            var next = await WaitAsync(from, stored => stored.Event.Kind == EventKinds.GenerationRunning, "the next step", cancel);
            var whole = await WaitAsync(from, IsRunning(ranks), "the next step of all ranks", cancel);
            samples.Add((next.Time - at, whole.Time - at));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"kill {kill + 1}: the others' next step after {samples[^1].Item1.TotalSeconds:F2} s, "
                    + $"that of all after {samples[^1].Item2.TotalSeconds:F2} s"));
        }

        await client.CancelJobAsync(job, "the bench has measured", cancel);
        return samples;
    }

    /// <summary>What programs' logs say of how long their starts took.</summary>
    public IReadOnlyList<string> Starts() =>
    [
        .. Directory.EnumerateFiles(directory.Path, "gpu-*-start-*.log", SearchOption.AllDirectories).SelectMany(File.ReadAllLines)
            .Where(line => line.Contains(" coordinator F started in ", StringComparison.Ordinal))
            .Select(line => line[(line.IndexOf("started in ", StringComparison.Ordinal) + "started in ".Length)..]),
    ];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await cluster.DisposeAsync();
        directory.RemoveIfTemporary();
    }

    private Predicate<StoredEvent> IsRunning(int ranks) => stored => stored.Event is { Kind: EventKinds.GenerationRunning } running
        && events.Exists(other => other.Event is { Kind: EventKinds.GenerationForming } forming
            && forming.Generation == running.Generation && forming.Numbers!["ranks"] == ranks);

    private async Task<StoredEvent> WaitAsync(int from, Predicate<StoredEvent> wanted, string what, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            if (events.FindIndex(from, wanted) is >= 0 and var found)
                return events[found];
            if (events.Find(stored => stored.Event.Kind == EventKinds.JobFailed) is { } failed)
                throw new RecoveryFailedException($"the job failed: {failed.Event.Text}");
            if (clock.Elapsed > Patience)
                throw new RecoveryFailedException($"waited {Patience.TotalMinutes:0} minutes in vain for {what}");
            await TakeAsync(TimeSpan.FromSeconds(5), cancel);
        }
    }

    private async Task<bool> TakeAsync(TimeSpan wait, CancellationToken cancel)
    {
        var page = await client.GetEventsAsync(null, nextEvent, 1000, wait, cancel: cancel);
        nextEvent = page.Next;
        events.AddRange(page.Items);
        return page.Items.Count > 0;
    }
}
