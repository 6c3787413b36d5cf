using Coordinator.Conformance;
using Coordinator.Tests.Architecture;
using Xunit.Abstractions;

namespace Coordinator.Tests.Conformance;

/// <summary>The transcripts of tests/conformance on the simulator.</summary>
public sealed class TranscriptTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Transcript.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public Task The_simulator_does_as_the_transcript_says(string name) =>
        TranscriptPlayer.PlayAsync(Transcript.Load(name), SimulatorUnderTest.Begin);

    [Theory]
    [MemberData(nameof(Names))]
    public Task The_simulator_with_turns_during_writes_does_as_the_transcript_says(string name) =>
        TranscriptPlayer.PlayAsync(Transcript.Load(name), SimulatorUnderTest.BeginPipelined);

    [Fact]
    public void Every_transcript_in_the_folder_is_played_and_says_which_rule_it_holds()
    {
        var files = Repository.Ending(".txt")
            .Where(file => file.Path.StartsWith("tests/conformance/transcripts/", StringComparison.Ordinal))
            .Select(file => Path.GetFileNameWithoutExtension(file.Path)).ToArray();

        Assert.Equal(files, Transcript.Names);
        Assert.All(Transcript.Names.Select(Transcript.Load), transcript =>
        {
            Assert.EndsWith(".", transcript.Rule);
            Assert.Contains(transcript.Steps, step =>
                step.Text.StartsWith("expect", StringComparison.Ordinal) || step.Text.StartsWith("await", StringComparison.Ordinal));
        });
        foreach (var engine in new[] { "the simulator", "the simulator with turns during writes" })
            output.WriteLine($"conformance: {files.Length} transcripts on {engine}");
    }
}
