using Coordinator.Machines;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>Evidence condemns nobody before it is due, the smallest set of nodes then, and nobody of the next generation.</summary>
public sealed class FailureEvidenceTests
{
    private readonly JobTurns turns = new(members: 4);
    private readonly FailureEvidence evidence;

    public FailureEvidenceTests() => evidence = new FailureEvidence(turns.Context, turns.Links);

    private string[] Condemned
    {
        get
        {
            var failed = new SortedDictionary<GpuId, string>();
            evidence.Condemn(failed);
            return [.. failed.Keys.Select(gpu => gpu.Node.ToString())];
        }
    }

    [Fact]
    public void A_closed_connection_condemns_at_once_whoever_explains_every_accusation()
    {
        Accuse(1, 3, Evidence.ConnectionClosed);
        Accuse(2, 3, Evidence.ConnectionClosed);
        Assert.Equal(["n3"], Condemned);
        Assert.Empty(Condemned);
    }

    [Fact]
    public void Silence_condemns_only_after_it_was_gathered()
    {
        Accuse(1, 3, Evidence.Silent);
        Accuse(2, 3, Evidence.Silent);
        Assert.Empty(Condemned);
        turns.Begin(turns.Context.State.Spec.FaultTolerance.GatherDelay);
        Assert.Equal(["n3"], Condemned);
    }

    [Fact]
    public void Evidence_of_another_generation_or_of_strangers_is_none_and_one_accusation_is_news_once()
    {
        Assert.False(evidence.Add(Accusation(1, 3, Evidence.ConnectionClosed) with { Generation = 2 }));
        Assert.False(evidence.Add(Accusation(1, 9, Evidence.ConnectionClosed)));
        Assert.False(turns.Context.IsDirty);
        Assert.True(evidence.Add(Accusation(1, 3, Evidence.ConnectionClosed)));
        Assert.True(turns.Context.IsDirty);
        Assert.False(evidence.Add(Accusation(1, 3, Evidence.Silent)));
        evidence.Clear();
        Assert.Null(evidence.HardDue);
        Assert.Empty(Condemned);
    }

    [Fact]
    public void Accusations_by_a_member_that_has_failed_anyway_condemn_nobody_else()
    {
        Accuse(1, 3, Evidence.ConnectionClosed);
        var failed = new SortedDictionary<GpuId, string> { [JobTurns.Gpu(1)] = "process replaced" };
        evidence.Condemn(failed);
        Assert.Equal([JobTurns.Gpu(1)], failed.Keys);
    }

    [Fact]
    public void A_fault_is_a_members_own_word_and_lasts_where_its_worker_is_unable()
    {
        Assert.True(evidence.AddFault(JobTurns.Gpu(2), "no memory"));
        Assert.False(evidence.AddFault(JobTurns.Gpu(2), "again"));
        var failed = new SortedDictionary<GpuId, string>();
        evidence.AddFaulted(failed);
        Assert.Equal("fault: no memory", failed[JobTurns.Gpu(2)]);
        Assert.False(evidence.IsLasting(JobTurns.Gpu(2), "fault"));
        evidence.MarkUnable(JobTurns.Gpu(2));
        Assert.True(evidence.IsLasting(JobTurns.Gpu(2), "fault"));
    }

    private static PeerAccused Accusation(int by, int of, Evidence on) =>
        new()
        {
            Job = JobTurns.Job,
            Generation = 3,
            Accuser = JobTurns.Node(by),
            Accused = JobTurns.Node(of),
            Evidence = on,
            Detail = "reset",
        };

    private void Accuse(int by, int of, Evidence on) => Assert.True(evidence.Add(Accusation(by, of, on)));
}
