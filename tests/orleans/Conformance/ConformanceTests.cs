using Coordinator.Conformance;
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
    public void All_transcripts_are_there()
    {
        output.WriteLine($"conformance: {Transcript.Names.Count} transcripts on Orleans {typeof(Grain).Assembly.GetName().Version}");
        Assert.True(Transcript.Names.Count >= 30);
    }
}
