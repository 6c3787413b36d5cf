using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>
/// Within a silo a message goes by reference: sender, receivers and the one that writes it for a worker share it, on different threads. So
/// no machine writes to what it has sent, and none to what it was sent.
/// </summary>
public sealed class SentMessagesTests
{
    private readonly List<(object Message, string Text)> sent = [];

    private IEnumerable<string> Changed =>
        sent.Where(one => Text(one.Message) != one.Text).Select(one => $"sent as {one.Text} and is now {Text(one.Message)}");

    [Fact]
    public void No_message_is_written_to_after_it_was_sent()
    {
        var messages = 0;
        for (ulong seed = 1; seed <= 12; seed++)
        {
            sent.Clear();
            var report = ProtocolSimulation.Run(
                seed, new SimulationOptions { Sent = Note, Power = seed % 3 == 0, MoreSteps = seed % 4 == 0 });
            Assert.True(report.Passed, report.Render());
            Assert.True(Changed.FirstOrDefault() is not { } changed, $"seed {seed}: {Changed.FirstOrDefault()}");
            messages += sent.Count;
        }

        Assert.True(messages > 1_000, $"{messages} messages were sent");
    }

    [Fact]
    public void One_that_is_written_to_is_found()
    {
        List<RankOrder> orders = [];
        Note(new NodeOrders(new JobId("j"), 1, null, orders));
        Assert.Empty(Changed);
        orders.Add(
            new ReleaseRank { Job = new JobId("j"), Incarnation = 1, Timeline = 0, Generation = 1, Gpu = new GpuId(new NodeId("n1"), 0) });
        Assert.Single(Changed);
    }

    private static string Text(object message) => message is GrainMessage between
        ? JsonSerializer.Serialize(between, MachinesJson.Default.GrainMessage)
        : JsonSerializer.Serialize((CoordinatorMessage)message, MachinesJson.Default.CoordinatorMessage);

    private void Note(object message) => sent.Add((message, Text(message)));
}
