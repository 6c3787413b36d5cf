using Coordinator.Conformance;
using Coordinator.Machines;
using Xunit.Abstractions;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// The same transcript files as for the simulator, on real Orleans silos: over storage that several of them could share, and over that of a
/// silo that is alone.
/// </summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Transcript.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Orleans_does_as_the_transcript_says(string name) =>
        TranscriptPlayer.PlayAsync(Transcript.Load(name), OrleansUnderTest.Begin);

    [Theory]
    [MemberData(nameof(Names))]
    public Task A_silo_that_is_alone_on_SQLite_does_as_the_transcript_says(string name) =>
        TranscriptPlayer.PlayAsync(Transcript.Load(name), OrleansUnderTest.BeginAlone);

    [Fact]
    public void A_message_that_is_written_to_after_it_was_sent_is_found()
    {
        // The check of every transcript's end, checked on what the host of the grains hands over: to a grain, to a worker, to the store,
        // and from outside.
        var release = new ReleaseRank
        {
            Job = new JobId("j"),
            Incarnation = 1,
            Timeline = 0,
            Generation = 1,
            Gpu = new GpuId(new NodeId("n1"), 0),
        };
        Changed<RankOrder>(
            release, (services, list) => services.Send(GrainAddress.Of(new NodeId("n1")), new NodeOrders(new JobId("j"), 1, null, list)));
        Changed<RankOrder>(
            release, (services, list) => services.Post(GrainAddress.Of(new NodeId("n1")), new NodeOrders(new JobId("j"), 1, null, list)));
        Changed(new ShardRun(0, 0, 4), (services, list) => services.Send(new NodeId("n1"), new ShardsAssigned(new JobId("j"), 1, 1, list)));
        Changed(
            new StepRecord(1, 1, 1, 1, 1, 1),
            (services, list) => _ = services.Store(GrainAddress.Of(new JobId("j")), 1, [new ObserveSteps(new JobId("j"), 0, list)]));

        static void Changed<T>(T item, Action<ConformanceServices, List<T>> send)
        {
            var world = new OrleansWorld(new EngineSetup(), OrleansFences.None, world => new OrleansDisk(world));
            using var services = new ConformanceServices(world, null!);
            services.Die();
            List<T> list = [];
            send(services, list);
            Assert.Null(world.FirstChanged());
            list.Add(item);
            Assert.NotNull(world.FirstChanged());
        }
    }

    [Fact]
    public void All_transcripts_are_there()
    {
        output.WriteLine($"conformance: {Transcript.Names.Count} transcripts each on shared storage and on SQLite alone, on Orleans "
            + $"{typeof(Grain).Assembly.GetName().Version}");
        Assert.True(Transcript.Names.Count >= 30);
    }
}
