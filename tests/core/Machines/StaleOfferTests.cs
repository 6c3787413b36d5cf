using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// An offer that is under way when something is taken back: who is loaded anew passes it over, and nothing counts as drained before each
/// job that might act on it has said that it has heard of the drain.
/// </summary>
public sealed class StaleOfferTests : ClusterAlone
{
    private static readonly DateTimeOffset Noon = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_job_that_was_loaded_anew_passes_over_what_was_offered_to_its_earlier_activation_and_asks()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(1, 2);
        job.Reload();
        var asked = job.Request;
        job.OfferTo(incarnation: 1, confirm: false, 1, 2, 3);
        Assert.Equal(asked.Sequence + 1, job.Request.Sequence);
        Assert.True(job.Request.Heard!.Value.Sequence < 0);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(JobAlone.Gpu(3), job.Request.Used);

        job.OfferTo(incarnation: 2, confirm: false, 1, 2, 3);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains(JobAlone.Gpu(3), job.Request.Used);
    }

    [Fact]
    public void A_job_says_at_once_which_offer_has_come_where_the_cluster_waits_for_that_also_when_it_is_over()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.OfferTo(incarnation: 1, confirm: true, 1);
        Assert.Equal(new OfferNumber(1, 1), job.Request.Heard);
        job.Cancel();
        job.OfferTo(incarnation: 1, confirm: false);
        var last = job.Request.Sequence;
        job.OfferTo(incarnation: 1, confirm: true);
        Assert.Equal((last + 1, 0), (job.Request.Sequence, job.Request.Wanted));

        // Of a cluster that has not heard this activation it is told of gpus that it has no use for.
        job.OfferTo(incarnation: 0, confirm: false, 1);
        Assert.Equal((last + 2, 0), (job.Request.Sequence, job.Request.Wanted));
    }

    [Fact]
    public void A_gpu_that_is_drained_while_it_is_offered_is_drained_once_the_job_has_said_that_it_has_heard_of_it()
    {
        Report(1);
        Report(2);
        Request("j", wanted: 2, [Gpu(1)], heard: 0);
        Assert.Equal([Gpu(1), Gpu(2)], Gpus("j"));
        var before = Offers["j"].Sequence;
        Drain();
        Assert.Equal(DrainView.Draining, Assert.Single(View().Drains).State);
        Assert.Equal("it has not said yet that it has heard of the drain", Assert.Single(View().Drains[0].Jobs).Waits);
        Assert.DoesNotContain(Events, e => e.Kind == EventKinds.DrainDone);

        // It may act on what was offered before, until it has heard what was offered since.
        Settle();
        Assert.True(Offers["j"].Confirm);
        Request("j", wanted: 2, [Gpu(1)], heard: before);
        Assert.Equal(DrainView.Draining, View().Drains[0].State);
        Request("j", wanted: 2, [Gpu(1)], heard: Offers["j"].Sequence);
        Assert.Equal(DrainView.Drained, View().Drains[0].State);
        Assert.Single(Events, e => e.Kind == EventKinds.DrainDone);
        Assert.False(Offers["j"].Confirm);
    }

    [Fact]
    public void A_cluster_that_is_loaded_anew_goes_on_waiting_for_the_jobs_word()
    {
        Report(1);
        Report(2);
        Request("j", wanted: 2, [Gpu(1)], heard: 0);
        Drain();
        Settle();
        Load();
        Hear(new Activated("other"));
        Report(1);
        Report(2);
        Assert.Equal(DrainView.Draining, View().Drains[0].State);
        Request("j", wanted: 2, [Gpu(1)], heard: 100);
        Assert.Equal(DrainView.Draining, View().Drains[0].State);
        Request("j", wanted: 2, [Gpu(1)], heard: Offers["j"].Sequence, ofIncarnation: 1);
        Assert.Equal(DrainView.Drained, View().Drains[0].State);
    }

    [Fact]
    public void A_job_of_an_older_make_that_does_not_say_what_it_has_heard_is_taken_by_its_word()
    {
        Report(1);
        Report(2);
        Hear(new GpusRequested(new JobId("j"), 1, Next(), 2, [Gpu(1)], []));
        Drain();
        Assert.Equal(DrainView.Drained, View().Drains[0].State);
    }

    [Fact]
    public void Offers_name_the_activation_that_was_heard_last()
    {
        Report(1);
        Request("j", wanted: 1, [], heard: 0);
        Assert.Equal(1, Offers["j"].For);
        Load();
        Hear(new Activated("other"));
        Report(1);
        Settle();
        Assert.Equal(0, Offers["j"].For);
    }

    [Fact]
    public void A_parked_job_goes_on_with_a_gpu_that_failed_where_there_is_no_other()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(1, 2);
        job.Faults(1, FaultKind.Unknown, step: 2);
        job.IsReleased(1);
        job.OfferAllAndDrain([1, 2], [1, 2], back: [2]);
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(2, 1);
        job.OfferAllAndDrain([1, 2], [], back: []);
        job.AdvanceUntilAsked(1, within: TimeSpan.FromSeconds(40));
        Assert.Equal([JobAlone.Gpu(1), JobAlone.Gpu(2)], job.Request.Used);
    }

    [Fact]
    public void A_job_does_not_fail_for_want_of_its_state_while_it_may_lie_on_what_is_drained()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1, spec => spec with
        {
            FaultTolerance = spec.FaultTolerance with { StateTimeout = TimeSpan.FromSeconds(30) },
            Checkpoint = spec.Checkpoint with { Interval = "off" },
        });
        job.Train(1);
        job.LosesLink(1);
        job.Advance(TimeSpan.FromSeconds(10));
        job.IsOfferedNothingButDrained();
        job.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("waiting", job.View.Phase);
        Assert.Contains("may hold the job's state", job.Texts[EventKinds.JobWaiting]!, StringComparison.Ordinal);

        // Given back, it is waited for as long as ever.
        job.IsOfferedNothing();
        job.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("waiting", job.View.Phase);
        job.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("failed", job.View.Phase);
    }

    private static GpuId Gpu(int node) => new(new NodeId($"n{node}"), 0);

    private void Drain() => Hear(new DrainOrdered([new NodeId("n2")], [], "new disk", "ann", Noon, null));

    private void Report(int node) => Hear(new NodeReported(
        new NodeId($"n{node}"), new WorkerSession(1, 1), Next(), true, "host:1", [new GpuDescription(0, "gpu", "a", "cpu")]));

    private void Request(string job, int wanted, GpuId[] used, long heard, long ofIncarnation = 0) =>
        Hear(new GpusRequested(new JobId(job), 1, Next(), wanted, used, []) { Heard = new OfferNumber(ofIncarnation, heard) });
}
