using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>The gang under the coordinator: a silo and three workers.</summary>
internal sealed class OwnGang(string folder, NetworkHosts? network) : BesideGang(folder, network)
{
    private static readonly JobId Job = new("gang");
    private readonly RunDirectory directory = RunDirectory.Create(Path.Combine(folder, "run"));
    private LocalCluster? cluster;
    private CoordinatorClient? client;
    private SiloCalls? calls;

    /// <inheritdoc/>
    public override async Task StartAsync(string[] command, CancellationToken cancel)
    {
        cluster = await LocalCluster.StartAsync(GangsRun.Options(Network), directory, cancel);
        client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        calls = new SiloCalls(client, cluster);
        await calls.AskAsync((silo, limit) => silo.SubmitGangAsync(GangsRun.Spec(command, Shared, Steps, Network), Job, limit), cancel);
    }

    /// <inheritdoc/>
    public override async Task<(int Node, int Process)> VictimAsync(CancellationToken cancel)
    {
        var view = (await calls!.AskAsync((silo, limit) => silo.GetGangAsync(Job, limit), cancel))!;
        var node = view.Nodes[1];
        return (
            Enumerable.Range(0, cluster!.Workers).Single(worker => LocalCluster.WorkerName(worker) == node.Node.Value),
            node.Ranks[0].ProcessId);
    }

    /// <inheritdoc/>
    public override void KillAgent(int node) => cluster!.KillWorker(node);

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (cluster is not null)
            await cluster.DisposeAsync();
        client?.Dispose();
        directory.Dispose();
        await base.DisposeAsync();
    }
}
