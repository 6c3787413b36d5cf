using Coordinator.Conformance;
using Coordinator.Machines;
using Xunit.Abstractions;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>The same transcript files as for the embedded engine and the simulator, on real Orleans silos.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Transcript.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Orleans_does_as_the_transcript_says(string name) => TranscriptPlayer.PlayAsync(Transcript.Load(name), OrleansUnderTest.Begin);

    [Fact]
    public void A_message_that_is_written_to_after_it_was_sent_is_found()
    {
        // The check of every transcript's end, checked.
        var world = new OrleansWorld(new EngineSetup(), OrleansFences.None);
        List<RankOrder> orders = [];
        world.Sent(new NodeOrders(new JobId("j"), 1, null, orders));
        Assert.Null(world.FirstChanged());
        orders.Add(new ReleaseRank { Job = new JobId("j"), Incarnation = 1, Timeline = 0, Generation = 1, Gpu = new GpuId(new NodeId("n1"), 0) });
        Assert.NotNull(world.FirstChanged());
    }

    [Fact]
    public void All_transcripts_are_there()
    {
        output.WriteLine($"conformance: {Transcript.Names.Count} transcripts on Orleans {typeof(Grain).Assembly.GetName().Version}");
        Assert.True(Transcript.Names.Count >= 30);
    }
}
