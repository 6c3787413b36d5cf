using System.Collections.Concurrent;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>
/// Carries a schedule out on processes of the built executable, with real SIGKILL and SIGSTOP. What dies is started again.
/// </summary>
public static class ProcessRun
{
    /// <summary>Runs the job to its end.</summary>
    /// <exception cref="InvalidOperationException">A fault of the schedule did not strike: the run shows nothing.</exception>
    public static async Task<RunRecord> RunAsync(KillSchedule schedule, Func<JobSpec, JobSpec>? change = null)
    {
        var directory = RunDirectory.Create(Path.Combine(Path.GetTempPath(), $"coordinator-chaos-{Guid.NewGuid():n}"));
        try
        {
            return await RunAsync(schedule, directory, change);
        }
        finally
        {
            Directory.Delete(directory.Path, recursive: true);
        }
    }

    private static async Task<RunRecord> RunAsync(KillSchedule schedule, RunDirectory directory, Func<JobSpec, JobSpec>? change)
    {
        var struck = new ConcurrentQueue<string>();
        var taken = new ConcurrentQueue<int>();
        LocalCluster? running = null;
        using var limit = new CancellationTokenSource(ChaosRuns.Limit);
        await using var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions
            {
                Workers = schedule.Workers,
                GpusPerWorker = schedule.Gpus,
                WorkerArguments = (worker, start) =>
                    [.. schedule.Faults.Where(fault => fault.Worker == worker && fault.Start == start).SelectMany(
                        fault => new[] { "--fault", fault.Rule })],
                WorkerSaid = (worker, _, line) =>
                {
                    if (!line.StartsWith("fault ", StringComparison.Ordinal))
                        return;
                    var rule = line["fault ".Length..];
                    foreach (var other in schedule.Faults.Where(fault => fault.Worker == worker && fault.Rule == rule).SelectMany(
                        fault => fault.With))
                    {
                        if (running!.KillWorker(other) is not null)
                            taken.Enqueue(other);
                    }

                    struck.Enqueue($"{worker} {rule}");
                },
            },
            directory,
            limit.Token);
        running = cluster;
        using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        var (spec, file) = schedule.Workload.Freeze(directory.File("source"), schedule.Ranks, schedule.GoOn ? 1 : schedule.Ranks);
        spec = spec with { FaultTolerance = spec.FaultTolerance with { PeerTimeout = schedule.PeerTimeout } };
        spec = change?.Invoke(spec) ?? spec;
        if (file is not null)
            await client.UploadDataAsync(file, spec.Data.Sha256, limit.Token);
        var job = JobIds.New(spec.Name);
        await client.SubmitAsync(spec, job, limit.Token);

        var blows = 0;
        var seen = 0;
        var watch = new JobWatch(client, job)
        {
            OnEvent = stored =>
            {
                if (schedule.Blow is { } blow && stored.Event.Kind == blow.After && ++seen == blow.Times)
                    blows += Strike(cluster, blow);
            },
            Explain = () => $"struck: {string.Join(", ", struck)}; processes: {string.Join(", ", cluster.Children)}\n{Logs(directory)}",
        };
        var record = await watch.EndAsync(directory.File("model.safetensors"));
        var planned = schedule.Faults.Select(fault => $"{fault.Worker} {fault.Rule}").Order().ToArray();
        if (!planned.SequenceEqual(struck.Order()))
        {
            throw new InvalidOperationException(
                $"planned were {string.Join(", ", planned)}; struck have {string.Join(", ", struck)}\n{Story(record)}");
        }
        var together = schedule.Faults.SelectMany(fault => fault.With).Order().ToArray();
        if (!together.SequenceEqual(taken.Order()))
        {
            throw new InvalidOperationException($"to be killed with others were workers {string.Join(", ", together)}; those that were: "
                + $"{string.Join(", ", taken)}\n{Story(record)}");
        }
        var expected = schedule.Blow is { } all ? (all.Silo ? 1 : 0) + all.Workers.Length : 0;
        if (blows != expected)
            throw new InvalidOperationException($"{blows} of {expected} processes were killed from outside\n{Story(record)}");
        return record;
    }

    private static int Strike(LocalCluster cluster, Blow blow)
    {
        var killed = blow.Workers.Count(worker => cluster.KillWorker(worker) is not null);
        return blow.Silo && cluster.KillSilo(0) is not null ? killed + 1 : killed;
    }

    private static string Story(RunRecord record) => string.Join(
        "\n", record.Events.Select(stored => $"  {stored.Time:HH:mm:ss.fff} {stored.Event.Kind} {stored.Event.Cause} {stored.Event.Text}"));

    private static string Logs(RunDirectory directory) =>
        string.Join("\n", Directory.GetFiles(directory.Path, "*.log").Order().Select(log => $"{Path.GetFileName(log)}:\n{Tail(log)}"));

    private static string Tail(string log)
    {
        using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return string.Join("\n", reader.ReadToEnd().Split('\n').TakeLast(30));
    }
}
