using Coordinator.Tests.Processes.Chaos;
using Coordinator.Tests.Support.Golden;

namespace Coordinator.Tests.Processes.Golden;

/// <summary>Whole runs over real sockets in this process write the recorded files.</summary>
public sealed class GoldenFileTests
{
    private static readonly Workload[] Undivided = [Workload.Gpt, Workload.GptWithDropout, Workload.Linear];

    [Fact]
    public async Task Whole_runs_write_the_recorded_files()
    {
        foreach (var workload in Undivided)
            GoldenHashes.AssertIs($"file: {workload.Name}", await Undisturbed.Sha256Async(workload));
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(7, 1)]
    public async Task An_odd_number_of_workers_writes_the_recorded_file(int workers, int gpus)
    {
        foreach (var workload in new[] { Workload.Gpt, Workload.Linear })
            GoldenHashes.AssertIs($"file: {workload.Name}", (await LoopbackRun.TrainAsync(workload, workers, gpus)).ModelSha256);
    }

    [Fact]
    public void Every_recorded_hash_of_a_file_is_held_by_a_test()
    {
        string[] held = [.. Undivided.Select(workload => $"file: {workload.Name}"), .. GoldenProcessTests.Names];
        var recorded = GoldenHashes.Names.Where(
            name => name.StartsWith("file: ", StringComparison.Ordinal) || name.StartsWith("process: ", StringComparison.Ordinal));
        Assert.Equal(held.Order(StringComparer.Ordinal), recorded.Order(StringComparer.Ordinal));
    }
}
