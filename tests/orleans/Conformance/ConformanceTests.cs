using Coordinator.Conformance;
using Xunit.Abstractions;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>The same transcript files as for the embedded engine and the simulator, on real Orleans silos.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    public static IEnumerable<object[]> Transcripts => Transcript.Names;

    [Theory]
    [MemberData(nameof(Transcripts))]
    public async Task Orleans_conforms(string transcript)
    {
        await using var engine = await OrleansConformanceEngine.StartAsync(new TranscriptStorage());
        await new Player(engine).PlayAsync(Transcript.Of(transcript));
    }

    [Fact]
    public void All_transcripts_are_there()
    {
        output.WriteLine($"conformance: {Transcript.All.Count} transcripts on Orleans {typeof(Grain).Assembly.GetName().Version}");
        Assert.True(Transcript.All.Count >= 25);
    }

    [Fact]
    public async Task A_silo_that_does_not_wait_for_storage_is_caught()
    {
        await using var engine = await OrleansConformanceEngine.StartAsync(new TranscriptStorage(), acknowledgesEarly: true);
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(engine).PlayAsync(Transcript.Of("sends_wait_for_the_state_before_them")));
    }

    [Fact]
    public async Task A_silo_on_a_storage_that_refuses_nobody_is_caught()
    {
        await using var engine = await OrleansConformanceEngine.StartAsync(new TranscriptStorage { RefusesNobody = true });
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(engine).PlayAsync(Transcript.Of("a_refused_write_ends_the_activation")));
    }
}
