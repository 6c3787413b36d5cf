using System.Text;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Silo.Gateway;
using Coordinator.Silo.Storage;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using Orleans.Serialization.Invocation;
using Orleans.Serialization.TypeSystem;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// The names under which rows are stored, written out once more: whoever changes one here leaves the rows of every database behind.
/// </summary>
public sealed class StableNamesTests
{
    [Fact]
    public async Task Grains_and_interfaces_are_called_what_stored_rows_call_them()
    {
        await using var silos = await TestSilos.StartAsync(new SharedStorage());
        var services = silos.Cluster.GetSiloServiceProvider(silos.Cluster.Silos[0].SiloAddress);
        var types = services.GetRequiredService<GrainTypeResolver>();
        var interfaces = services.GetRequiredService<GrainInterfaceTypeResolver>();

        Assert.Equal(
            ["cluster", "node", "gpu", "trainingjob", "gang"],
            new[] { typeof(ClusterGrain), typeof(NodeGrain), typeof(GpuGrain), typeof(TrainingJobGrain), typeof(GangGrain) }.Select(
                grain => types.GetGrainType(grain).ToString()));
        Assert.Equal(
            ["cluster/cluster", "node/n1", "gpu/n1/0", "trainingjob/j1", "gang/g1"],
            new[]
            {
                silos.Grains.GetGrain<IClusterGrain>("cluster").GetGrainId(),
                silos.Grains.GetGrain<INodeGrain>("n1").GetGrainId(),
                silos.Grains.GetGrain<IGpuGrain>("n1/0").GetGrainId(),
                silos.Grains.GetGrain<ITrainingJobGrain>("j1").GetGrainId(),
                silos.Grains.GetGrain<IGangGrain>("g1").GetGrainId(),
            }.Select(id => id.ToString()));
        Assert.Equal(
            [
                "Coordinator.Grains.IMachineGrain", "Coordinator.Grains.IClusterGrain", "Coordinator.Grains.INodeGrain",
                "Coordinator.Grains.IGpuGrain", "Coordinator.Grains.ITrainingJobGrain", "Coordinator.Grains.IGangGrain",
                "Coordinator.Silo.Gateway.IGatewayService",
            ],
            new[]
            {
                typeof(IMachineGrain),
                typeof(IClusterGrain),
                typeof(INodeGrain),
                typeof(IGpuGrain),
                typeof(ITrainingJobGrain),
                typeof(IGangGrain),
                typeof(IGatewayService),
            }.Select(one => interfaces.GetGrainInterfaceType(one).ToString()));
        Assert.Equal("wake", GrainNames.WakeReminder);
    }

    [Fact]
    public void Every_grain_and_every_interface_has_its_name_in_code()
    {
        var all = typeof(GrainNames).Assembly.GetTypes()
            .Where(type => typeof(IGrain).IsAssignableFrom(type) && type.Namespace == typeof(GrainNames).Namespace).ToArray();
        Assert.Equal(6, all.Count(type => type.IsInterface));
        Assert.All(
            all.Where(type => type.IsInterface),
            type => Assert.True(type.IsDefined(typeof(GrainInterfaceTypeAttribute), inherit: false), $"{type} has no GrainInterfaceType"));
        Assert.All(
            all.Where(type => type is { IsInterface: false, IsAbstract: false }),
            type => Assert.True(type.IsDefined(typeof(GrainTypeAttribute), inherit: false), $"{type} has no GrainType"));
    }

    [Fact]
    public async Task A_state_is_called_as_its_grains_type_is()
    {
        // Rows are found by this name and the key: a job named `cluster` has a row of its own, and the rows of earlier builds are where
        // they were.
        var storage = new SharedStorage();
        await using var silos = await TestSilos.StartAsync(storage);
        foreach (var address in (GrainAddress[])[
            GrainAddress.Cluster, GrainAddress.Of(TwoWorkers.Job), GrainAddress.Of(TwoWorkers.GpuOf(TwoWorkers.First)),
            GrainAddress.Of(TwoWorkers.First),
        ])
        {
            await GrainCalls.Find(silos.Grains, address).Describe();
        }

        Assert.Equal(
            [("cluster", "cluster"), ("gpu", "gpu"), ("trainingjob", "trainingjob")],
            storage.StateNames.Select(pair => (pair.Key, pair.Value)).Order());
    }

    [Fact]
    public async Task Operations_are_called_between_silos_what_they_always_were()
    {
        await using var silos = await TestSilos.StartAsync(new SharedStorage());
        var names = silos.Cluster.GetSiloServiceProvider(silos.Cluster.Silos[0].SiloAddress).GetRequiredService<TypeConverter>();
        var calls = typeof(GrainNames).Assembly.GetTypes().Where(type => typeof(IInvokable).IsAssignableFrom(type))
            .Select(type => names.Format(type));

        Assert.Equal(
            from face in (string[])
            [
                "Cluster ReportNode ReportGpu ReportUnreached RequestGpus SetPower SetSiteCap ApprovePower SetCoolingZone ClearCoolingZone "
                    + "Drain Uncordon",
                "Gang Submit Cancel OfferGpus Report",
                "Gpu Attach Order ReportFault Mark Measure AcknowledgeCondition",
                "Machine Describe TakeAll",
                "Node Connect Hear Disconnect Order OrderGang ReadLog AcknowledgeReport",
                "TrainingJob Submit Cancel OfferGpus ReportLink WithdrawGpu Report SaveCheckpoint Extend AcknowledgeModel FindPart",
            ]
            let words = face.Split(' ')
            from operation in words.Skip(1).Order(StringComparer.Ordinal)
            select $"(\"inv\",[GrainRef],[Coordinator.Grains.I{words[0]}Grain],\"{operation}\")",
            calls.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_stored_state_has_the_members_that_it_always_had() => Assert.Equal(
        """{"json":"{}","incarnation":2,"sequence":3,"writer":"w"}""",
        Encoding.UTF8.GetString(
            new StateSerializer().Serialize(new StoredMachine { Json = "{}", Incarnation = 2, Sequence = 3, Writer = "w" })));

    [Fact]
    public void A_stored_state_is_short_and_one_that_an_earlier_build_wrote_longer_is_read()
    {
        const string stored = """{"json":"{\"phase\":\"running\"}","incarnation":2,"sequence":0}""";
        var state = new StoredMachine { Json = """{"phase":"running"}""", Incarnation = 2 };
        Assert.Equal(stored, Encoding.UTF8.GetString(new StateSerializer().Serialize(state)));
        Assert.Equal(state.Json, new StateSerializer().Deserialize<StoredMachine>(
            BinaryData.FromString(stored.Replace("\\\"", "\\u0022", StringComparison.Ordinal))).Json);
    }
}
