using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>
/// 64 ranks, each a node of its own: with a listener of its own and a TCP connection to each of the 63 others. They live in one process,
/// since 64 runtimes are more than a small machine starts in time; what crosses between them crosses sockets all the same.
/// </summary>
public sealed class SixtyFourPeersTests
{
    [Fact]
    public async Task Sixty_four_peers_of_which_some_end_and_return_write_the_file_of_one_rank()
    {
        using var folder = new TemporaryFolder();
        var expected = await Undisturbed.Sha256Async(Workload.Peers);
        await using var run = await LoopbackRun.StartAsync();
        var watch = await run.SubmitAsync(Workload.Peers, 64, spec => spec with
        {
            MinRanks = 1,
            FaultTolerance = spec.FaultTolerance with
            {
                AnswerTimeout = TimeSpan.FromSeconds(30),
                PeerTimeout = TimeSpan.FromSeconds(20),
                ProgressTimeout = TimeSpan.FromSeconds(30),
            },
        });
        var workers = Enumerable.Range(0, 64).ToDictionary(peer => peer, peer => run.StartWorker($"peer-{peer:00}", 1, FaultPlan.None));
        await watch.EventAsync(
            stored =>
                stored.Event.Kind == EventKinds.GenerationRunning && stored.Event.Text.Contains("all 64 ranks", StringComparison.Ordinal),
            "all 64 to be in step");
        foreach (var peer in new[] { 5, 23, 63 })
        {
            await workers[peer].CancelAsync();
            run.StartWorker($"peer-{peer:00}", 1, FaultPlan.None);
        }

        var record = await watch.EndAsync(folder.File("model.safetensors"));
        Assert.Empty(record.Complaints(expected, Workload.Peers.Steps));
        Assert.True(record.Events.Count(stored => stored.Event.Kind == EventKinds.RankExcluded) >= 3);
    }
}
