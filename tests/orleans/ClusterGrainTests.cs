using System.Text.Json;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Grains.Wire;
using Coordinator.Machines;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

public sealed class ClusterGrainTests : IAsyncLifetime
{
    private readonly InProcessTestCluster silos;

    public ClusterGrainTests()
    {
        var builder = new InProcessTestClusterBuilder(initialSilosCount: 1);
        builder.ConfigureSilo((_, silo) =>
            silo.AddMemoryGrainStorageAsDefault().Services.AddMachineMessages().AddSingleton<IGrainServices, DroppingServices>());
        builder.ConfigureClient(client => client.Services.AddMachineMessages());
        silos = builder.Build();
    }

    public Task InitializeAsync() => silos.DeployAsync();

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task A_cluster_grain_hosts_the_cluster_machine_in_a_real_silo()
    {
        var cluster = silos.Client.GetGrain<IClusterGrain>("cluster");
        var report = new NodeReported(
            new NodeId("n1"), new WorkerSession(1, 1), 1, true, "host:1", [new GpuDescription(0, "cpu", "cpu", "cpu")]);

        await cluster.ReportNode(report);

        var view = JsonSerializer.Deserialize(await cluster.Describe(), MachinesJson.Default.ClusterView)!;
        Assert.Equal("n1", Assert.Single(view.Nodes).Id.Value);
    }

    private sealed class DroppingServices : IGrainServices
    {
        public string Silo => "test";

        public TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

        public CancellationToken Stopping => CancellationToken.None;

        public Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations) => Task.FromResult(true);

        public void Send(NodeId node, CoordinatorMessage message)
        {
        }

        public void Send(GrainAddress to, GrainMessage message)
        {
        }

        public void OnStorageAway(GrainAddress grain, Exception why)
        {
        }

        public void OnGivenUp(GrainAddress grain, Exception why)
        {
        }
    }
}
