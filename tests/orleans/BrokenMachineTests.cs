using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>A machine that breaks costs its own grain and no other: the silo goes on.</summary>
public sealed class BrokenMachineTests
{
    [Fact]
    public async Task A_grain_whose_stored_state_cannot_be_read_answers_nobody_is_not_written_over_and_harms_no_other()
    {
        var storage = new SharedStorage();
        await storage.WriteStateAsync(
            "state",
            GrainId.Create(GrainNames.Job, "ill"),
            new GrainState<StoredMachine>(new StoredMachine { Json = "nonsense", Incarnation = 1, Sequence = 1 }));
        await using var silos = await TestSilos.StartAsync(storage);

        await Assert.ThrowsAnyAsync<Exception>(() => silos.Deliver(GrainAddress.Of(new JobId("ill")), new SubmitJob(TwoWorkers.Spec)));
        await silos.Deliver(GrainAddress.Of(TwoWorkers.Job), new SubmitJob(TwoWorkers.Spec));

        Assert.Contains(
            "\"phase\":\"waiting\"",
            await GrainCalls.Find(silos.Grains, GrainAddress.Of(TwoWorkers.Job)).Describe(),
            StringComparison.Ordinal);
        Assert.Single(storage.Writes, write => write.Grain.EndsWith("/ill", StringComparison.Ordinal));
    }
}
