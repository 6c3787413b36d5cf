using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Conformance;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>A node whose heartbeats do not get as far as its grain is asked for at its gateway before it is taken for silent.</summary>
public sealed class LastHeardTests
{
    private static readonly WorkerSession Session = new(1, 1);

    [Theory]
    [InlineData(0.5, 5.5)]
    [InlineData(4.5, 9.5)]
    [InlineData(7.0, 12.0)]
    [InlineData(null, 5.0)]
    public async Task A_silence_counts_from_what_the_gateway_heard_last_whatever_reached_the_grain(double? lastSaid, double expected)
    {
        await using var engine = (OrleansUnderTest)await OrleansUnderTest.Begin(new EngineSetup());
        var node = TwoWorkers.First;
        await engine.PostAsync(GrainAddress.Of(node), new WorkerConnected(Session, TwoWorkers.Hello(node, 1)));
        await engine.SettleAsync();
        var passed = TimeSpan.Zero;
        while (!(await engine.ReadEventsAsync()).Any(told => told.Kind == EventKinds.NodeDown))
        {
            // It speaks twice a second until it stops.
            var heard = Math.Min(Math.Floor(passed.TotalSeconds * 2) / 2, lastSaid ?? 0);
            if (lastSaid is not null)
                engine.Services.HeardAt[node] = (Session, engine.Services.Now - passed + TimeSpan.FromSeconds(heard));
            passed += await engine.AdvanceAsync(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(TimeSpan.FromSeconds(expected), passed);
    }
}
