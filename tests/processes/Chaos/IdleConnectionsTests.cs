using System.Net;
using System.Net.Sockets;
using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

public sealed class IdleConnectionsTests
{
    private const int PerWorker = 1024;

    [Fact]
    public async Task A_generation_forms_beside_thousands_of_idle_and_slow_connections_and_the_model_is_the_same()
    {
        var undisturbed = await LoopbackRun.TrainAsync(Workload.Gpt, workers: 2, gpus: 1);
        await using var run = await LoopbackRun.StartAsync();
        var strangers = new List<Socket>();
        try
        {
            run.StartWorker("worker-1", 1, FaultPlan.None);
            run.StartWorker("worker-2", 1, FaultPlan.None);
            foreach (var address in await AddressesAsync(run, workers: 2))
            {
                for (var i = 0; i < PerWorker; i++)
                    strangers.Add(await OpenAsync(address, isSlow: i % 2 == 0));
            }

            var watch = await run.SubmitAsync(Workload.Gpt, ranks: 2);
            var disturbed = await watch.EndAsync(run.ModelPath);

            Assert.DoesNotContain(disturbed.Events, stored => stored.Event.Kind == EventKinds.RankExcluded);
            Assert.Empty(disturbed.Complaints(undisturbed.ModelSha256!, Workload.Gpt.Steps));
        }
        finally
        {
            strangers.ForEach(stranger => stranger.Dispose());
        }
    }

    /// <summary>Data addresses of workers, once all of them are there.</summary>
    private static async Task<IReadOnlyList<string>> AddressesAsync(LoopbackRun run, int workers)
    {
        using var limit = new CancellationTokenSource(ChaosRuns.Limit);
        for (var (up, after) = (0, 0L); up < workers;)
        {
            var events = await run.Client.GetEventsAsync(null, after, wait: TimeSpan.FromSeconds(5), cancel: limit.Token);
            (up, after) = (up + events.Items.Count(stored => stored.Event.Kind == EventKinds.NodeUp), events.Next);
        }

        return [.. (await run.Client.GetNodesAsync(limit.Token)).Select(node => node.DataAddress)];
    }

    private static async Task<Socket> OpenAsync(string address, bool isSlow)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(address));
        if (isSlow)
            await socket.SendAsync("CR"u8.ToArray());
        return socket;
    }
}
