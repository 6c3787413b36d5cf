using Coordinator.Conformance;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// The storage of a silo that is alone, checked: with a fence taken down a transcript fails, at the step that speaks of what the fence was
/// for.
/// </summary>
public sealed class SqliteFenceTests
{
    /// <summary>Fence taken down; transcript; the step that fails.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { nameof(SqliteFences.ComparesNoStates), "a-refused-writer-is-discarded", "expect n1 told 0x release" },
        { nameof(SqliteFences.ComparesNoObservers), "a-refused-turn-leaves-no-event", "expect no event job.failed" },
        { nameof(
            SqliteFences.StoresStatesFirst), "a-process-that-dies-before-its-write", "expect stored Job:j generation=0 incarnation=1" },
        { nameof(SqliteFences.NumbersEachTry), "events-survive-a-lost-acknowledgement-once", "expect event 1x job.submitted" },
        { nameof(SqliteFences.AcknowledgesEarly), "a-send-waits-for-its-persist", "expect n1 not told prepare" },
        { nameof(SqliteFences.AcknowledgesEarly), "steps-are-recorded-before-they-are-confirmed", "expect n1 not told steps-recorded" },
        { nameof(SqliteFences.AcknowledgesEarly), "grains-do-not-wait-for-each-other", "expect n1 not told steps-recorded" },
        { nameof(SqliteFences.AcknowledgesEarly), "a-gpu-changes-hands-after-its-release", "expect n1 not told release job=a" },
        { nameof(SqliteFences.WaitsForNothing), "storage-away-for-30-seconds", "expect n1 not told plan" },
        { nameof(SqliteFences.TakesAwayForRefused), "a-failed-write-is-tried-again", "await n1 told prepare generation=1 incarnation=1 "
            + "within 2s" },
        { nameof(SqliteFences.StoresNoObservations), "a-repeated-step-is-recorded-once", "expect steps j 1..5" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public async Task Without_the_fence_the_transcript_fails_at_that_step(string fence, string name, string step)
    {
        var down = Enum.Parse<SqliteFences>(fence);
        var failure = await Assert.ThrowsAsync<TranscriptFailedException>(
            () => TranscriptPlayer.PlayAsync(Transcript.Load(name), setup => OrleansUnderTest.BeginAlone(setup, down)));

        Assert.Equal(step, failure.Step);
    }

    [Fact]
    public void Every_fence_is_missed_by_some_transcript() => Assert.Equal(
        Enum.GetNames<SqliteFences>().Where(name => name != nameof(SqliteFences.None)).Order(StringComparer.Ordinal),
        Table.Select(row => (string)row[0]).Distinct().Order(StringComparer.Ordinal));
}
