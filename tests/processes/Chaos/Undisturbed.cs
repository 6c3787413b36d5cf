using System.Collections.Concurrent;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>The hash that one worker with one rank reaches, to which every other run is held. Each workload is trained once.</summary>
public static class Undisturbed
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<RunRecord>>> Runs = new();

    public static async Task<string> Sha256Async(Workload workload)
    {
        var record = await Runs.GetOrAdd(workload.Name, _ => new Lazy<Task<RunRecord>>(() => LoopbackRun.TrainAsync(workload, 1, 1))).Value;
        Assert.NotNull(record.ModelSha256);
        Assert.Empty(record.Complaints(record.ModelSha256, workload.Steps));
        return record.ModelSha256;
    }
}
