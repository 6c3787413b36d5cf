using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>The cluster, the job, and one kill after the other.</summary>
internal sealed class RecoveryRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // A job lets a worker that failed a fourth time, each within a minute of the one before, wait longer and longer. That is its
    // guard against a machine that goes up and down, and not what is measured here.
    private const int RoundsBeforeRest = 3;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(62);

    private readonly RecoveryOptions options;
    private readonly LocalCluster cluster;
    private readonly CoordinatorClient client;
    private readonly JobId job;
    private readonly CancellationToken cancel;
    private readonly SurvivorLog log;
    private readonly List<StoredEvent> events = [];
    private readonly List<RecoverySample> samples = [];
    private long nextEvent;

    private RecoveryRun(
        RecoveryOptions options, LocalCluster cluster, CoordinatorClient client, JobId job, SurvivorLog log, CancellationToken cancel)
    {
        this.options = options;
        this.cluster = cluster;
        this.client = client;
        this.job = job;
        this.log = log;
        this.cancel = cancel;
    }

    public static async Task<RecoveryReport> RunAsync(RecoveryOptions options, string command, CancellationToken cancel)
    {
        var before = MachineLoad.Now();
        var directory = RunDirectory.Create(options.WorkDirectory);
        var done = false;
        try
        {
            var (spec, data) = TrainingData.Freeze(options.Job(), null, directory);
            SurvivorLog log = new();
            var cluster = await LocalCluster.StartAsync(
                new LocalClusterOptions { Workers = options.Workers, WorkerSaid = (_, _, line) => log.Hear(line) }, directory, cancel);
            await using (cluster)
            {
                using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
                if (data is not null) await client.UploadDataAsync(data, spec.Data.Sha256, cancel);
                var job = await client.SubmitAsync(spec, cancel: cancel);
                RecoveryRun run = new(options, cluster, client, job.Id, log, cancel);
                await run.KillAsync();
                var (steps, view) = await run.EndAsync();
                done = true;
                return new RecoveryReport(command, options, before, MachineLoad.Now(), run.samples, run.events, steps, view, cluster.Notes);
            }
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }
    }

    private async Task KillAsync()
    {
        SeededDraw draw = new(options.Seed);
        await WaitAsync("the first generation", WholeAndRunning(0, out _));
        int[] order = [];
        for (var kill = 1; kill <= options.Kills; kill++)
        {
            var place = (kill - 1) % options.Workers;
            if (place == 0) order = draw.Order(options.Workers);
            if (kill > 1 && (kill - 1) % (RoundsBeforeRest * options.Workers) == 0) await RestAsync();

            // Some steps in which nothing happens, and then any moment of a step.
            await Task.Delay(TimeSpan.FromMilliseconds(500 + (1000 * draw.Fraction())), cancel);
            await DrainAsync();
            var victim = order[place];
            var name = LocalCluster.WorkerName(victim);
            var from = events.Count;
            var at = DateTimeOffset.UtcNow;
            var pid = cluster.KillWorker(victim) ?? throw new RecoveryFailedException($"{name} was down when it was to be killed");
            await WaitAsync($"a whole generation after the kill of {name}", WholeAndRunning(from, out var generation));
            samples.Add(new RecoverySample(kill, name, pid, at, log.FirstLoss(at, name), generation(), events[from..]));
            if (!options.Json) Console.WriteLine(samples[^1].ToString());
            log.Forget();
        }
    }

    private async Task RestAsync()
    {
        var left = Rest - (DateTimeOffset.UtcNow - samples[^1].At);
        if (left > TimeSpan.Zero) await Task.Delay(left, cancel);
    }

    /// <summary>
    /// A generation with all workers whose ranks have all applied a step, among the events behind <paramref name="from"/>.
    /// </summary>
    private Func<StoredEvent?> WholeAndRunning(int from, out Func<long> generation)
    {
        long found = 0;
        generation = () => found;
        return () =>
        {
            long whole = -1;
            foreach (var stored in events.Skip(from))
            {
                var e = stored.Event;
                if (e.Kind == EventKinds.GenerationForming) whole = e.Numbers!["ranks"] == options.Workers ? e.Generation!.Value : -1;
                if (e.Kind != EventKinds.GenerationRunning || e.Generation != whole) continue;
                found = whole;
                return stored;
            }

            return null;
        };
    }

    private async Task<StoredEvent> WaitAsync(string what, Func<StoredEvent?> find)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        try
        {
            while (true)
            {
                if (find() is { } found) return found;
                await TakeAsync(TimeSpan.FromSeconds(20), limit.Token);
                if (events.Find(stored => stored.Event.Kind is EventKinds.JobFailed or EventKinds.JobFinished) is { } end)
                    throw new RecoveryFailedException($"the job ended: {end.Event.Text}");
                if (cluster.Failure.IsCompleted) throw new ClusterException(await cluster.Failure);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new RecoveryFailedException($"waited {Patience.TotalSeconds:0} s in vain for {what}");
        }
    }

    private async Task DrainAsync()
    {
        while (await TakeAsync(TimeSpan.Zero, cancel))
        {
        }
    }

    private async Task<bool> TakeAsync(TimeSpan wait, CancellationToken cancel)
    {
        var page = await client.GetEventsAsync(null, nextEvent, 1000, wait, cancel: cancel);
        nextEvent = page.Next;
        events.AddRange(page.Items);
        return page.Items.Count > 0;
    }

    private async Task<(IReadOnlyList<StepRecord> Steps, JobView Job)> EndAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);

        // The ledger is to hold the step in which the last recovery ended.
        long last = events.Max(stored => stored.Event.Step ?? 0), seen = 0;
        for (long from = 0; seen < last;)
        {
            var page = await client.GetStepsAsync(job, from, 10_000, TimeSpan.FromSeconds(5), limit.Token);
            from = page.Next;
            seen = page.Items.Count > 0 ? page.Items[^1].Step.Step : seen;
        }

        await client.CancelJobAsync(job, "the bench has measured", cancel);
        while (!events.Exists(stored => stored.Event.Kind == EventKinds.JobFailed)) await TakeAsync(TimeSpan.FromSeconds(5), limit.Token);
        List<StepRecord> steps = [];
        long after = 0;
        while (await client.GetStepsAsync(job, after, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
        {
            steps.AddRange(page.Items.Select(stored => stored.Step));
            after = page.Next;
        }

        return (steps, (await client.GetJobAsync(job, cancel))!);
    }

    /// <summary>What workers say of the peers that they lose, with the time at which it was read.</summary>
    private sealed class SurvivorLog
    {
        private readonly List<(DateTimeOffset At, string Line)> lines = [];

        public void Hear(string line)
        {
            lock (lines) lines.Add((DateTimeOffset.UtcNow, line));
        }

        public DateTimeOffset? FirstLoss(DateTimeOffset after, string lost)
        {
            lock (lines)
            {
                var first = lines.FirstOrDefault(
                    said => said.At >= after && said.Line.Contains($"lost {lost}", StringComparison.Ordinal));
                return first.Line is null ? null : first.At;
            }
        }

        public void Forget()
        {
            lock (lines) lines.Clear();
        }
    }
}
