using System.Text.Json;
using Coordinator.Grains;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

public sealed class ViewTests
{
    [Fact]
    public async Task A_view_answers_while_a_turn_waits_for_storage()
    {
        var storage = new SharedStorage();
        await using var silos = await TestSilos.StartAsync(storage);
        var held = storage.HoldNextWrite("silo-a", TwoWorkers.Job.Value);
        var turn = silos.Deliver(GrainAddress.Of(TwoWorkers.Job), new SubmitJob(TwoWorkers.Spec));
        await held.Arrived;

        var view = JsonSerializer.Deserialize(
            await silos.Grains.GetGrain<ITrainingJobGrain>(TwoWorkers.Job.Value).Describe(), MachinesJson.Default.JobView)!;
        Assert.Equal("waiting", view.Phase);
        Assert.False(turn.IsCompleted);
        Assert.Empty(storage.Writes);

        held.Release();
        await turn;
        Assert.NotEmpty(storage.Writes);
    }
}
