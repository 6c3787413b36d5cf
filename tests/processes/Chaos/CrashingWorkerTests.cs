using Coordinator.Runs.Clusters;

namespace Coordinator.Tests.Processes.Chaos;

public sealed class CrashingWorkerTests
{
    [Fact]
    public async Task Real_worker_that_dies_in_every_generation_does_not_keep_the_others_from_the_end()
    {
        var schedule = new KillSchedule("one dies at each of its starts", Workload.Linear, 2, 1)
        {
            // Who computes step 3 has seen the other apply step 1: there is a state that a newcomer must fetch.
            Faults = [.. Enumerable.Range(1, 3).Select(start => new ArmedFault(1, start, start == 1 ? "kill@compute:3" : "kill@fetch:1"))],
        };
        var record = await ProcessRun.RunAsync(schedule);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.Linear), Workload.Linear.Steps));
        Assert.True(record.Job.Failures >= 3, $"{record.Job.Failures} failures");
    }

    [Fact]
    public async Task Real_worker_that_cannot_even_start_is_given_up_with_what_it_said()
    {
        var directory = RunDirectory.Create(Path.Combine(Path.GetTempPath(), $"coordinator-chaos-{Guid.NewGuid():n}"));
        try
        {
            using var limit = new CancellationTokenSource(ChaosRuns.Limit);
            var options = new LocalClusterOptions
            {
                Workers = 2,
                WorkerArguments = (worker, _) => worker == 1 ? ["--fault", "kill@nowhere"] : [],
            };
            await using var cluster = await LocalCluster.StartAsync(options, directory, limit.Token);
            var failure = await cluster.Failure.WaitAsync(limit.Token);
            Assert.StartsWith("worker-2 ", failure.Message, StringComparison.Ordinal);
            Assert.Contains("'kill@nowhere' is no fault", failure.Message, StringComparison.Ordinal);
            Assert.Contains("worker-2.log", failure.Remedy, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory.Path, recursive: true);
        }
    }
}
