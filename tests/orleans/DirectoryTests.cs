using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Silo.Hosting;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// Where grains are is written down on all silos of a cluster, each of which knows a part. The death of one takes its part along, and must
/// not take the grains of the others: a node that is given up there asks its worker who it is, and its gpus forget what they have passed
/// on.
/// </summary>
public sealed class DirectoryTests
{
    private const int Nodes = 200;

    [Fact]
    public async Task When_a_silo_of_three_dies_the_grains_of_the_others_are_not_given_up()
    {
        await using var silos = await TestSilos.StartAsync(new SharedStorage(), silos: 3, configure: silo =>
        {
            GrainPlaces.Configure(silo);

            // Who is dead is said here, and found out by nobody on a machine that is slow.
            silo.Configure<ClusterMembershipOptions>(
                membership => membership.ProbeTimeout = membership.MaxProbeTimeout = TimeSpan.FromMinutes(5));
        });
        var all = silos.Cluster.Silos.ToArray();
        IServiceProvider[] each = [.. all.Select(silo => silos.Cluster.GetSiloServiceProvider(silo.SiloAddress))];
        for (var node = 0; node < Nodes; node++)
            await ConnectAsync(node, each[node % 3]);
        var before = silos.Services.Observed.Count;

        await silos.Cluster.KillSiloAsync(all[2]);
        Assert.True(await each[0].GetRequiredService<IClusterMembershipService>().TryKill(all[2].SiloAddress));
        foreach (var survivor in each[..2])
        {
            await foreach (var seen in survivor.GetRequiredService<IClusterMembershipService>().MembershipUpdates)
            {
                if (seen.GetSiloStatus(all[2].SiloAddress) == SiloStatus.Dead)
                    break;
            }
        }

        // The workers of the dead one come to the others, which load their nodes.
        var orphans = Enumerable.Range(0, Nodes).Where(node => node % 3 == 2).ToArray();
        foreach (var node in orphans)
            await ConnectAsync(node, each[node % 2]);

        // Asked through the silo that has it and through the other, every node is found, and knows what it was told: none was loaded but
        // those.
        for (var node = 0; node < Nodes; node++)
        {
            foreach (var survivor in each[..2])
                Assert.Equal(SessionOf(node), (await DescribeAsync(node, survivor)).Session);
        }

        Assert.Equal(before + orphans.Length, silos.Services.Observed.Count);
    }

    private static NodeId NodeOf(int node) => new($"n{node:d5}");

    private static WorkerSession SessionOf(int node) => new(1 + node, 1);

    private static Task ConnectAsync(int node, IServiceProvider silo) => GrainCalls.Deliver(silo.GetRequiredService<IGrainFactory>(), GrainAddress.Of(NodeOf(node)), new WorkerConnected(SessionOf(node), new Hello
    {
        Node = NodeOf(node),
        Session = SessionOf(node),
        DataAddress = $"{NodeOf(node)}:7000",
        Gpus = [],
    }));

    private static async Task<NodeView> DescribeAsync(int node, IServiceProvider silo) =>
        JsonSerializer.Deserialize(
            await GrainCalls.Find(silo.GetRequiredService<IGrainFactory>(), GrainAddress.Of(NodeOf(node))).Describe(),
            MachinesJson.Default.NodeView)!;
}
