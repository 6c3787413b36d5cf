using Coordinator.Grains;
using Orleans.TestingHost;

namespace Coordinator.Tests.Orleans;

public sealed class ClusterGrainTests : IAsyncLifetime
{
    private readonly InProcessTestCluster silos = new InProcessTestClusterBuilder(initialSilosCount: 1).Build();

    public Task InitializeAsync() => silos.DeployAsync();

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task A_cluster_grain_activates_and_answers_in_a_real_silo()
    {
        var cluster = silos.Client.GetGrain<IClusterGrain>("cluster");

        await cluster.Deliver("{}");

        Assert.Null(await cluster.Describe());
    }
}
