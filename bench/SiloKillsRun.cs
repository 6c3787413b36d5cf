using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Processes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>A blow: when, and which silos died, from 0.</summary>
internal sealed record SiloBlow(DateTimeOffset At, IReadOnlyList<int> Silos);

/// <summary>A job to its end, with who was welcomed by which silo meanwhile.</summary>
internal sealed record SiloKillsTraining(
    JobView Job, IReadOnlyList<StoredStep> Steps, IReadOnlyList<StoredEvent> Events, IReadOnlyList<WorkerWelcome> Welcomes, IReadOnlyList<SiloBlow> Blows, TimeSpan Took, double Load);

/// <summary>
/// The disturbed run, and the undisturbed ones beside it, each on a cluster of its own. A process that starts costs seconds of a core,
/// which the workers of this machine then lack whoever died; so beside each run stand as many silos of a cluster that nobody uses, on the
/// same database, and in undisturbed runs it is those that are killed, at the same times. What differs is whether the job's own silos die.
/// </summary>
internal sealed class SiloKillsRun
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SiloKillsOptions options;
    private readonly LocalCluster cluster;
    private readonly LocalCluster? strangers;
    private readonly CoordinatorClient client;
    private readonly Welcomes welcomes;
    private readonly CancellationToken cancel;

    private SiloKillsRun(
        SiloKillsOptions options,
        LocalCluster cluster,
        LocalCluster? strangers,
        CoordinatorClient client,
        Welcomes welcomes,
        CancellationToken cancel) =>
        (this.options, this.cluster, this.strangers, this.client, this.welcomes, this.cancel) = (
            options, cluster, strangers, client, welcomes, cancel);

    public static async Task<SiloKillsReport> RunAsync(SiloKillsOptions options, string command, CancellationToken cancel)
    {
        var directory = RunDirectory.Create(options.WorkDirectory);
        var done = false;
        try
        {
            var (trial, data) = TrainingData.Freeze(options.Trial(), null, directory);
            if (options.Steps is null)
                options = options with { Steps = options.StepsFor(await TrainAsync("trial", trial, null)) };
            var spec = options.Job(options.Steps!.Value) with { Data = trial.Data };
            List<SiloKillsTraining> undisturbed = [await TrainAsync("undisturbed-1", spec, Victims.Strangers)];
            var disturbed = await TrainAsync("disturbed", spec, Victims.JobsOwn);
            for (var run = 2; run <= options.Undisturbed; run++)
                undisturbed.Add(await TrainAsync($"undisturbed-{run}", spec, Victims.Strangers));
            done = true;
            return new SiloKillsReport(command, options, MachineLoad.Now(), disturbed, undisturbed);

            async Task<SiloKillsTraining> TrainAsync(string name, JobSpec job, Victims? victims)
            {
                Console.WriteLine($"{name}: {job.Training.Steps} steps");
                Welcomes welcomes = new();
                var cluster = await LocalCluster.StartAsync(
                    new LocalClusterOptions
                    {
                        Workers = options.Workers,
                        Backend = options.Backend(),
                        WorkerSaid = (worker, _, line) => welcomes.Hear(worker, line),
                    }, RunDirectory.Create(directory.File(name)), cancel);
                await using (cluster)
                {
                    using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
                    await client.UploadDataAsync(data!, job.Data.Sha256, cancel);
                    var strangers = await StrangersAsync(name, cluster);
                    await using (strangers)
                    {
                        return await new SiloKillsRun(options, cluster, strangers, client, welcomes, cancel).TrainAsync(job, victims);
                    }
                }
            }

            // A silo that is alone has its files to itself.
            async Task<LocalCluster?> StrangersAsync(string name, LocalCluster beside) => options.Backend().IsCluster
                ? await LocalCluster.StartAsync(
                    new LocalClusterOptions { Workers = 0, Backend = options.Backend() with { Database = beside.Database } },
                    RunDirectory.Create(directory.File(name + "-strangers")),
                    cancel)
                : null;
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }
    }

    private async Task<SiloKillsTraining> TrainAsync(JobSpec spec, Victims? victims)
    {
        var job = (await client.SubmitAsync(spec, cancel: cancel)).Id;
        await UntilAsync("the first steps to be recorded", async () => (await LookAsync(job))?.Recorded > 0);
        var began = DateTimeOffset.UtcNow;
        var struck = victims switch { Victims.JobsOwn => cluster, Victims.Strangers => strangers, _ => null };
        var blows = struck is null ? [] : await StrikeAsync(job, struck);
        var view = await EndAsync(job);
        var took = DateTimeOffset.UtcNow - began;
        return new SiloKillsTraining(
            view,
            await StepsAsync(job),
            await EventsAsync(),
            welcomes.By(cluster.Url.Split(',')),
            blows,
            took,
            MachineLoad.Now().Load ?? double.NaN);
    }

    /// <summary>One after the other, then all but one, then all.</summary>
    private async Task<IReadOnlyList<SiloBlow>> StrikeAsync(JobId job, LocalCluster struck)
    {
        SeededDraw draw = new(1);
        List<SiloBlow> blows = [];
        for (var kill = 0; kill < options.Singles; kill++) await StrikeAsync([draw.Below(struck.Silos)]);
        var spared = draw.Below(struck.Silos);
        if (struck.Silos > 2) await StrikeAsync([.. Enumerable.Range(0, struck.Silos).Where(silo => silo != spared)]);
        if (struck.Silos > 1) await StrikeAsync([.. Enumerable.Range(0, struck.Silos)]);
        await RestAsync(struck);
        if (struck == cluster && await IsFinishedAsync(job))
            throw new RecoveryFailedException("the job had finished before the last blow was over: give it more --steps");
        return blows;

        async Task StrikeAsync(int[] silos)
        {
            await RestAsync(struck);

            // Left alone, a job may be done before the last blow, and has seen what it was to be compared by.
            if (struck != cluster && await IsFinishedAsync(job)) return;
            var at = DateTimeOffset.UtcNow;
            foreach (var silo in silos)
            {
                if (struck.KillSilo(silo) is null)
                    throw new RecoveryFailedException($"silo {silo} ended by itself when it was to be killed");
            }

            blows.Add(new SiloBlow(at, silos));
            Console.WriteLine(
                $"  {at.LocalDateTime:HH:mm:ss}  killed {string.Join(", ", silos.Select(silo => struck.Children[silo].Name))}");
        }
    }

    /// <summary>A blow is over when all silos are back: two that are hit at once are two of all.</summary>
    private async Task RestAsync(LocalCluster struck)
    {
        await Task.Delay(options.Every, cancel);
        await UntilAsync(
            "all silos to be back", () => Task.FromResult(struck.Children.Take(struck.Silos).All(silo => silo.Phase == ChildPhase.Ready)));
    }

    private async Task<bool> IsFinishedAsync(JobId job) => await LookAsync(job) is { Phase: "finished" };

    private async Task<JobView> EndAsync(JobId job)
    {
        while (true)
        {
            if (cluster.Failure.IsCompleted) throw new ClusterException(await cluster.Failure);
            var view = await LookAsync(job);
            if (view is { Phase: "finished" }) return view;
            if (view is { Phase: "failed" }) throw new RecoveryFailedException($"the job failed: {view.Reason}");
            await Task.Delay(Poll, cancel);
        }
    }

    private async Task UntilAsync(string what, Func<Task<bool>> isSo)
    {
        for (var waited = TimeSpan.Zero; !await isSo(); waited += Poll)
        {
            if (cluster.Failure.IsCompleted) throw new ClusterException(await cluster.Failure);
            if (waited > Patience) throw new RecoveryFailedException($"waited {Patience.TotalSeconds:0} s in vain for {what}");
            await Task.Delay(Poll, cancel);
        }
    }

    private async Task<JobView?> LookAsync(JobId job)
    {
        try
        {
            return await client.GetJobAsync(job, cancel);
        }
        catch (CoordinatorApiException away) when (away.MayRepeat)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<StoredStep>> StepsAsync(JobId job)
    {
        List<StoredStep> steps = [];
        while (await client.GetStepsAsync(
            job, steps.Count == 0 ? 0 : steps[^1].Ordinal, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
        {
            steps.AddRange(page.Items);
        }
        return steps;
    }

    private async Task<IReadOnlyList<StoredEvent>> EventsAsync()
    {
        List<StoredEvent> events = [];
        while (await client.GetEventsAsync(
            null, events.Count == 0 ? 0 : events[^1].Ordinal, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
        {
            events.AddRange(page.Items);
        }
        return events;
    }

    private enum Victims
    {
        JobsOwn,
        Strangers,
    }

    /// <summary>What workers say when a silo has welcomed them, with the time at which it was read.</summary>
    private sealed class Welcomes
    {
        private const string Said = ": connected to ";

        private readonly List<(DateTimeOffset At, int Worker, Uri Silo)> heard = [];

        public void Hear(int worker, string line)
        {
            var place = line.IndexOf(Said, StringComparison.Ordinal);
            if (place < 0) return;
            lock (heard) heard.Add((DateTimeOffset.UtcNow, worker, new Uri(line[(place + Said.Length)..])));
        }

        public IReadOnlyList<WorkerWelcome> By(string[] urls)
        {
            string[] authorities = [.. urls.Select(url => new Uri(url).Authority)];
            lock (heard)
            {
                return [.. heard.Select(
                    welcome => new WorkerWelcome(welcome.At, welcome.Worker, Array.IndexOf(authorities, welcome.Silo.Authority)))];
            }
        }
    }
}
