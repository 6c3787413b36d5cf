using Coordinator.Cli.Demo;
using Coordinator.Cli.Local;
using Coordinator.Cli.Runs;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>A blow: when, and which silos died.</summary>
internal sealed record SiloBlow(DateTimeOffset At, IReadOnlyList<string> Silos);

/// <summary>A job to its end.</summary>
internal sealed record SiloKillsTraining(JobView Job, IReadOnlyList<StoredStep> Steps, IReadOnlyList<StoredEvent> Events, IReadOnlyList<SiloBlow> Blows, TimeSpan Took, double Load);

/// <summary>The disturbed run, and the undisturbed ones beside it.</summary>
internal static class SiloKillsRun
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    public static async Task<SiloKillsReport> RunAsync(SiloKillsOptions options, string command, CancellationToken cancel)
    {
        RunDirectory directory = RunDirectory.Create(options.WorkDirectory);
        bool done = false;
        try
        {
            (JobSpec spec, string? data) = TrainingData.Freeze(options.Job(), null, directory);
            List<SiloKillsTraining> undisturbed = [];
            Console.WriteLine("undisturbed");
            undisturbed.Add(await TrainAsync(options, spec, data!, RunDirectory.Create(directory.File("undisturbed-1")), strike: false, cancel));
            Console.WriteLine("disturbed");
            SiloKillsTraining disturbed = await TrainAsync(options, spec, data!, RunDirectory.Create(directory.File("disturbed")), strike: true, cancel);
            for (int run = 2; run <= options.Undisturbed; run++)
            {
                Console.WriteLine("undisturbed");
                undisturbed.Add(await TrainAsync(options, spec, data!, RunDirectory.Create(directory.File($"undisturbed-{run}")), strike: false, cancel));
            }

            done = true;
            return new SiloKillsReport(command, options, MachineLoad.Now(), disturbed, undisturbed);
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }
    }

    private static async Task<SiloKillsTraining> TrainAsync(SiloKillsOptions options, JobSpec spec, string data, RunDirectory directory, bool strike, CancellationToken cancel)
    {
        LocalCluster cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Workers = options.Workers, Backend = options.Backend() }, directory, cancel);
        await using (cluster)
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            await client.UploadDataAsync(data, spec.Data.Sha256, cancel);
            JobId job = (await client.SubmitAsync(spec, cancel: cancel)).Id;
            DateTimeOffset began = DateTimeOffset.UtcNow;
            List<SiloBlow> blows = [];
            if (strike) await StrikeAsync(options, cluster, client, job, blows, cancel);
            JobView view = await EndAsync(cluster, client, job, cancel);
            TimeSpan took = DateTimeOffset.UtcNow - began;
            return new SiloKillsTraining(view, await StepsAsync(client, job, cancel), await EventsAsync(client, cancel), blows, took, MachineLoad.Now().Load ?? double.NaN);
        }
    }

    /// <summary>One after the other, then all but one, then all.</summary>
    private static async Task StrikeAsync(SiloKillsOptions options, LocalCluster cluster, CoordinatorClient client, JobId job, List<SiloBlow> blows, CancellationToken cancel)
    {
        SeededDraw draw = new(1);
        for (TimeSpan spent = options.Every; spent <= options.For; spent += options.Every)
            await StrikeAsync([draw.Below(cluster.Silos)]);
        int spared = draw.Below(cluster.Silos);
        if (cluster.Silos > 2) await StrikeAsync([.. Enumerable.Range(0, cluster.Silos).Where(silo => silo != spared)]);
        if (cluster.Silos > 1) await StrikeAsync([.. Enumerable.Range(0, cluster.Silos)]);
        await Task.Delay(options.Every, cancel);
        if (await LookAsync(client, job, cancel) is { Phase: "finished" })
            throw new RecoveryFailedException("the job had finished before the last blow was over: give it more --steps");

        async Task StrikeAsync(int[] silos)
        {
            await Task.Delay(options.Every, cancel);
            List<string> hit = [];
            DateTimeOffset at = DateTimeOffset.UtcNow;
            foreach (int silo in silos)
            {
                if (cluster.KillSilo(silo) is { } killed) hit.Add(killed.Name);
            }

            if (hit.Count < silos.Length) throw new RecoveryFailedException("a silo that was to be killed was down: it had not come back from the blow before");
            blows.Add(new SiloBlow(at, hit));
            Console.WriteLine($"  {at:HH:mm:ss}  killed {string.Join(", ", hit)}");
        }
    }

    private static async Task<JobView> EndAsync(LocalCluster cluster, CoordinatorClient client, JobId job, CancellationToken cancel)
    {
        while (true)
        {
            if (cluster.Failure.IsCompleted) throw new ClusterException(await cluster.Failure);
            JobView? view = await LookAsync(client, job, cancel);
            if (view is { Phase: "finished" }) return view;
            if (view is { Phase: "failed" }) throw new RecoveryFailedException($"the job failed: {view.Reason}");
            await Task.Delay(s_poll, cancel);
        }
    }

    private static async Task<JobView?> LookAsync(CoordinatorClient client, JobId job, CancellationToken cancel)
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

    private static async Task<IReadOnlyList<StoredStep>> StepsAsync(CoordinatorClient client, JobId job, CancellationToken cancel)
    {
        List<StoredStep> steps = [];
        while (await client.GetStepsAsync(job, steps.Count == 0 ? 0 : steps[^1].Ordinal, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
            steps.AddRange(page.Items);
        return steps;
    }

    private static async Task<IReadOnlyList<StoredEvent>> EventsAsync(CoordinatorClient client, CancellationToken cancel)
    {
        List<StoredEvent> events = [];
        while (await client.GetEventsAsync(null, events.Count == 0 ? 0 : events[^1].Ordinal, 10_000, cancel: cancel) is { Items.Count: > 0 } page)
            events.AddRange(page.Items);
        return events;
    }
}
