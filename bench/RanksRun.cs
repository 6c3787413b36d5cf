using System.Collections.Concurrent;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Measures;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Faults;

namespace Coordinator.Bench;

/// <summary>One job to its end, on worker processes of its own, some of which end themselves by SIGKILL at the seeded steps.</summary>
internal sealed class RanksRun(JobSpec spec, int workers, IReadOnlyDictionary<int, long> killAt)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    private readonly ConcurrentQueue<DateTimeOffset> kills = [];
    private readonly List<TimedEvent> events = [];

    /// <summary>Runs it.</summary>
    /// <exception cref="RecoveryFailedException">The job failed, or took too long.</exception>
    public async Task<RanksSample> RunAsync(RunDirectory directory, CancellationToken cancel)
    {
        var perWorker = (spec.Ranks + workers - 1) / workers;
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions
            {
                Workers = workers,
                GpusPerWorker = perWorker,
                WorkerArguments = (worker, start) => start == 1 && killAt.TryGetValue(worker, out var step) ? new FaultRule(
                    FaultAction.Kill, FaultPoint.Compute, step).Arguments : [],
                WorkerSaid = (_, _, line) => Hear(line),
            },
            directory,
            cancel);
        await using (cluster)
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var job = (await client.SubmitAsync(spec, cancel: cancel)).Id;
            await FollowAsync(client, cluster, job, cancel);
            var view = (await client.GetJobAsync(job, cancel))!;
            List<StepRecord> steps = [];
            long after = 0;
            while (await client.GetStepsAsync(job, after, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
            {
                steps.AddRange(page.Items.Select(stored => stored.Step));
                after = page.Next;
            }

            return new RanksSample(
                spec.Ranks,
                workers,
                view.ModelSha256 ?? "",
                steps,
                StepLedger.Of(steps, spec.Training.Steps).Lost,
                [.. kills],
                events,
                view.Members.Count);
        }
    }

    /// <summary>A worker that is about to kill itself, as its fault wants, says so first.</summary>
    private void Hear(string line)
    {
        if (line.StartsWith("fault kill@", StringComparison.Ordinal)) kills.Enqueue(DateTimeOffset.UtcNow);
    }

    private async Task FollowAsync(CoordinatorClient client, LocalCluster cluster, JobId job, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        long next = 0;
        try
        {
            while (true)
            {
                var page = await client.GetEventsAsync(null, next, 1000, TimeSpan.FromSeconds(20), cancel: limit.Token);
                next = page.Next;
                foreach (var stored in page.Items.Where(stored => stored.Event.Job == job).Select(
                    stored => new TimedEvent(stored.Time, stored.Event)))
                {
                    // One a rank and generation: of no use here, and many.
                    if (stored.Event.Kind is not (EventKinds.RankState or EventKinds.RankJoined)) events.Add(stored);
                    if (stored.Event.Kind == EventKinds.JobFinished) return;
                    if (stored.Event.Kind is EventKinds.JobFailed or EventKinds.Diverged)
                        throw new RecoveryFailedException($"{spec.Ranks} ranks: {stored.Event.Text}");
                }

                if (cluster.Failure.IsCompleted) throw new ClusterException(await cluster.Failure);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new RecoveryFailedException($"{spec.Ranks} ranks did not apply {spec.Training.Steps} steps within "
                + $"{Patience.TotalMinutes:0} min; last: {(events.Count > 0 ? events[^1].Event.Text : "nothing happened")}");
        }
    }
}

/// <summary>What one run showed.</summary>
internal sealed record RanksSample(
    int Ranks, int Workers, string Sha256, IReadOnlyList<StepRecord> Steps, long Lost, IReadOnlyList<DateTimeOffset> Kills, IReadOnlyList<TimedEvent> Events, int LastMembers)
{
    /// <summary>Time of a step in a generation of all ranks, median, its first two left out: they follow a change.</summary>
    public double StepMilliseconds
    {
        get
        {
            HashSet<long> whole = [.. Events.Where(stored => stored.Event.Kind == EventKinds.GenerationForming
                && stored.Event.Numbers!["ranks"] == Ranks).Select(stored => stored.Event.Generation!.Value)];
            double[] times = [.. Steps.GroupBy(step => step.Generation).Where(generation => whole.Contains(generation.Key))
                .SelectMany(generation => generation.OrderBy(step => step.Step).Skip(2)).Select(step => step.Milliseconds).Order()];
            return times.Length == 0 ? double.NaN : times[times.Length / 2];
        }
    }

    /// <summary>From each kill to the first step on all ranks of the generation that followed.</summary>
    public IReadOnlyList<TimeSpan> KillToStep => Recoveries.FromKills(Kills.Order(), Events);

    /// <summary>From the decision that the first generation forms to its first step on all ranks.</summary>
    public TimeSpan? Forming =>
        Events.FirstOrDefault(stored => stored.Event.Kind == EventKinds.GenerationForming) is { } forming
            && Events.FirstOrDefault(stored => stored.Event.Kind == EventKinds.GenerationRunning) is { } running
            ? running.Time - forming.Time
            : null;
}
