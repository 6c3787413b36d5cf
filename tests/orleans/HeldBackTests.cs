using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Conformance;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>A node whose heartbeats its gateway holds back is asked for there before it is taken for silent.</summary>
public sealed class HeldBackTests
{
    private static readonly WorkerSession Session = new(1, 1);

    [Theory]
    [InlineData(0.5, 9.5)]
    [InlineData(4.0, 6.0)]
    [InlineData(null, 5.0)]
    public async Task A_silence_counts_from_what_the_worker_said_last_whoever_heard_it(double? age, double expected)
    {
        await using var engine = (OrleansUnderTest)await OrleansUnderTest.Begin(new EngineSetup());
        var node = TwoWorkers.First;
        await engine.PostAsync(GrainAddress.Of(node), new WorkerConnected(Session, TwoWorkers.Hello(node, 1)));
        await engine.SettleAsync();
        var passed = TimeSpan.Zero;
        while (passed < TimeSpan.FromSeconds(4.9))
            passed += await engine.AdvanceAsync(TimeSpan.FromSeconds(4.9) - passed);
        if (age is { } ago)
            engine.Services.HeldBack[node] = new WorkerSaid(Session, new Heartbeat(1, [])) { Age = TimeSpan.FromSeconds(ago) };
        while (!(await engine.ReadEventsAsync()).Any(told => told.Kind == EventKinds.NodeDown))
            passed += await engine.AdvanceAsync(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromSeconds(expected), passed);
    }
}
