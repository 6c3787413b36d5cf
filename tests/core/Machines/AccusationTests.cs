using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// What a job makes of what its members say of each other: hard evidence counts at once, and what was said is the cause that people read.
/// </summary>
public sealed class AccusationTests
{
    private readonly JobAlone job = new(ranks: 3, minRanks: 1);

    [Theory]
    [InlineData(Evidence.ConnectionClosed)]
    [InlineData(Evidence.Invalid)]
    public void Hard_evidence_is_acted_on_at_once(Evidence evidence)
    {
        job.Train(1, 2, 3);
        Accuse(evidence);
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
    }

    [Theory]
    [InlineData(Evidence.ConnectionClosed, "connection closed")]
    [InlineData(Evidence.Silent, "silent")]
    [InlineData(Evidence.Invalid, "invalid data")]
    public void What_a_member_was_accused_of_is_the_cause_of_its_exclusion_and_of_the_generation_without_it(Evidence evidence, string cause)
    {
        job.Train(1, 2, 3);
        Accuse(evidence);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(cause, job.Causes[EventKinds.RankExcluded]);
        Assert.Equal(cause, job.Causes[EventKinds.GenerationForming]);
    }

    private void Accuse(Evidence evidence) => job.Says(1, new PeerAccused
    {
        Job = JobAlone.Job,
        Generation = job.Generation,
        Accuser = JobAlone.Gpu(1).Node,
        Accused = JobAlone.Gpu(2).Node,
        Evidence = evidence,
    });
}
