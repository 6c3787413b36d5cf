using Coordinator.Conformance;
using Xunit.Abstractions;

namespace Coordinator.Tests.Conformance;

/// <summary>The transcripts on the embedded engine and on the simulator's; tests/orleans plays the same files on Orleans.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    public static IEnumerable<object[]> Transcripts => Transcript.Names;

    [Theory]
    [MemberData(nameof(Transcripts))]
    public async Task The_embedded_engine_conforms(string transcript)
    {
        await using var engine = new EmbeddedConformanceEngine(new TranscriptStorage());
        await new Player(engine).PlayAsync(Transcript.Of(transcript));
    }

    [Theory]
    [MemberData(nameof(Transcripts))]
    public async Task The_simulators_engine_conforms(string transcript)
    {
        await using var engine = new SimulatorConformanceEngine(new TranscriptStorage());
        await new Player(engine).PlayAsync(Transcript.Of(transcript));
    }

    [Fact]
    public void Every_transcript_says_which_rule_it_holds()
    {
        output.WriteLine($"conformance: {Transcript.All.Count} transcripts");
        Assert.NotEmpty(Transcript.All);
        Assert.All(Transcript.All, transcript => Assert.True(transcript.Rule.Length > 20, transcript.Name));
    }

    [Theory]
    [InlineData("sends_wait_for_the_state_before_them")]
    public async Task An_embedded_engine_that_does_not_wait_for_storage_is_caught(string transcript)
    {
        await using var engine = new EmbeddedConformanceEngine(new TranscriptStorage(), acknowledgesEarly: true);
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(engine).PlayAsync(Transcript.Of(transcript)));
    }

    [Theory]
    [InlineData("sends_wait_for_the_state_before_them")]
    public async Task A_simulator_that_does_not_wait_for_storage_is_caught(string transcript)
    {
        await using var engine = new SimulatorConformanceEngine(new TranscriptStorage(), sendsEarly: true);
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(engine).PlayAsync(Transcript.Of(transcript)));
    }

    [Theory]
    [InlineData("a_refused_write_ends_the_activation")]
    public async Task Engines_on_a_storage_that_refuses_nobody_are_caught(string transcript)
    {
        await using var embedded = new EmbeddedConformanceEngine(new TranscriptStorage { RefusesNobody = true });
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(embedded).PlayAsync(Transcript.Of(transcript)));
        await using var simulator = new SimulatorConformanceEngine(new TranscriptStorage { RefusesNobody = true });
        await Assert.ThrowsAsync<ConformanceException>(() => new Player(simulator).PlayAsync(Transcript.Of(transcript)));
    }
}
