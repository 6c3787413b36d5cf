using Coordinator.Machines;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>Whose fault a fault is: the job's where nobody can do the work, the gpu's where others could.</summary>
public sealed class FaultPolicyTests
{
    [Fact]
    public void A_gpu_is_suspected_once_others_have_done_what_it_could_not()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Faults(2, FaultKind.Unknown, step: 2);
        Assert.Equal(2, job.Generation);
        job.Answers(1, 1);
        Assert.Empty(job.Suspected);
        job.Advances(1, 2);
        job.Records(1, 2);
        Assert.Equal([JobAlone.Gpu(2)], job.Suspected);
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void A_step_that_was_applied_before_the_fault_and_is_recorded_after_it_proves_nothing()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Faults(2, FaultKind.Device, step: 4);
        job.Records(1, 2);
        job.Records(1, 3);
        Assert.Empty(job.Suspected);
    }

    [Fact]
    public void What_fails_on_every_gpu_before_any_step_is_the_jobs_and_no_gpu_is_suspected()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        for (var node = 1; node <= 3; node++)
        {
            job.Offer((1, 0), (2, 0), (3, 0));
            job.Advance(TimeSpan.FromMilliseconds(100));
            Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(node)]);
            Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
            job.Faults(node, FaultKind.Unknown, step: 0);
            job.IsReleased(node);
        }

        Assert.Contains(EventKinds.JobFailed, job.Events);
        Assert.Contains(
            "in 3 generations in a row on 3 gpus (n1/0, n2/0, n3/0), before the first step", job.Reason, StringComparison.Ordinal);
        Assert.Empty(job.Suspected);
    }

    [Fact]
    public void Faults_of_different_kinds_before_any_step_are_accidents()
    {
        var job = FailsOnThree(
            (1, FaultKind.Device, "CUDA error 214: uncorrectable ECC error"),
            (2, FaultKind.Unknown, "out of memory"),
            (3, FaultKind.Device, "the device fell off the bus"));
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void Faults_that_differ_only_in_their_numbers_are_alike()
    {
        var job = FailsOnThree(
            (1, FaultKind.Unknown, "device 0 has 512 bytes left"),
            (2, FaultKind.Unknown, "device 1 has 0 bytes left"),
            (3, FaultKind.Unknown, "device 0 has 70 bytes left"));
        Assert.Contains(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void Faults_that_lie_far_apart_are_accidents()
    {
        var job = FailsOnThree(
            TimeSpan.FromMinutes(45), (1, FaultKind.Device, "lost"), (2, FaultKind.Device, "lost"), (3, FaultKind.Device, "lost"));
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void Where_a_member_has_computed_a_shard_it_can_be_computed_and_faults_before_the_first_step_are_likelier_accidents()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((1, 0), (2, 0), (3, 0));
        for (var node = 1; node <= 3; node++)
        {
            for (var other = node; other <= 3; other++)
                job.AnswersWithHeldWork(other);
            job.Faults(node, FaultKind.Device, step: 1);
            job.IsReleased(node);
        }

        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void A_gpu_that_is_alone_is_tried_three_times()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Offer((1, 0));
        for (var times = 1; times <= 3; times++)
        {
            Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
            IsAsked(job, 1);
            job.Faults(1, FaultKind.Device, step: 0);
            job.IsReleased(1);
        }

        Assert.Contains("n1/0, the only gpu there is for it", job.Reason, StringComparison.Ordinal);
        Assert.Empty(job.Suspected);
    }

    [Fact]
    public void While_there_is_a_gpu_that_was_not_tried_the_job_is_not_to_blame_and_asks_for_it()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        for (var times = 1; times <= 4; times++)
        {
            // Node 2 is offered and out of reach.
            job.LosesLink(2);
            IsAsked(job, 1);
            job.Faults(1, FaultKind.Unknown, step: 0);
            Assert.True(job.Wanted > 1);
            job.IsReleased(1);
        }

        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void Several_gpus_that_fail_one_after_the_other_in_a_job_that_has_trained_are_an_accident_until_every_one_was_tried_six_generations_long()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Faults(1, FaultKind.Unknown, step: 2);
        job.IsReleased(1);
        job.Faults(2, FaultKind.Unknown, step: 2);
        job.IsReleased(2);
        for (var generation = 3; generation <= 6; generation++)
        {
            IsAsked(job, 1);
            Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
            job.Faults(1, FaultKind.Unknown, step: 2);
            job.IsReleased(1);
        }

        Assert.Contains(EventKinds.JobFailed, job.Events);
        Assert.Contains("in 6 generations in a row", job.Reason, StringComparison.Ordinal);
        Assert.Contains("at the same step", job.Reason, StringComparison.Ordinal);
        Assert.Empty(job.Suspected);
    }

    [Fact]
    public void A_gpu_that_has_done_the_work_itself_since_is_not_suspected()
    {
        var fault = new RankFault(JobAlone.Gpu(1), 1, 1, FaultKind.Device, "lost");
        Assert.Empty(FaultPolicy.Suspects([fault], [JobAlone.Gpu(1)]));
        Assert.Equal([fault], FaultPolicy.Suspects([fault, fault], [JobAlone.Gpu(2)]));
        Assert.Empty(FaultPolicy.Suspects([fault with { Kind = FaultKind.Job }], [JobAlone.Gpu(2)]));
    }

    [Fact]
    public void A_worker_that_is_ending_blames_neither_gpu_nor_job()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Offer((1, 0));
        for (var times = 1; times <= 4; times++)
        {
            IsAsked(job, 1);
            job.Faults(1, FaultKind.Worker, step: 0);
            job.IsReleased(1);
        }

        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
        Assert.DoesNotContain("\"detail\"", job.State, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_worker_that_lacks_what_a_rank_needs_interrupts_others_ever_less_often_and_is_waited_for_where_there_are_none(int minRanks)
    {
        var job = new JobAlone(ranks: 2, minRanks: minRanks);
        job.Train(1, 2);
        for (var times = 1; times <= 8; times++)
        {
            if (times > 1)
                IsAsked(job, 2, within: TimeSpan.FromMinutes(5));
            job.Faults(2, FaultKind.Worker, step: 2);
            job.IsReleased(2);
            job.Answers(1, 1);
            job.Advances(1, 2);
        }

        var generation = job.Generation;
        job.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(minRanks == 2, job.Generation > generation);
    }

    [Fact]
    public void Faults_that_are_not_settled_outlive_the_silo()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Faults(2, FaultKind.Unknown, step: 2);
        job.Reload();
        job.Offer((1, 0));
        job.Advance(TimeSpan.FromMilliseconds(100));
        job.Answers(1, 1);
        job.Advances(1, 2);
        job.Records(1, 2);
        Assert.Equal([JobAlone.Gpu(2)], job.Suspected);
    }

    /// <summary>A job of one rank fails on one node after the other.</summary>
    private static JobAlone FailsOnThree(params (int Node, FaultKind Kind, string Detail)[] faults) => FailsOnThree(TimeSpan.Zero, faults);

    private static JobAlone FailsOnThree(TimeSpan between, params (int Node, FaultKind Kind, string Detail)[] faults)
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        foreach (var (node, kind, detail) in faults)
        {
            job.Offer();
            job.Advance(between);
            job.Offer((1, 0), (2, 0), (3, 0));
            job.Advance(TimeSpan.FromMilliseconds(100));
            Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(node)]);
            job.Faults(node, kind, step: 0, detail);
            job.IsReleased(node);
        }

        return job;
    }

    /// <summary>Time passes until the node is asked to take part.</summary>
    private static void IsAsked(JobAlone job, int node) => IsAsked(job, node, TimeSpan.FromSeconds(20));

    private static void IsAsked(JobAlone job, int node, TimeSpan within)
    {
        for (var waited = TimeSpan.Zero; waited < within
            && job.Newest[JobAlone.Gpu(node)] is not PrepareRank; waited += TimeSpan.FromMilliseconds(50))
        {
            job.Advance(TimeSpan.FromMilliseconds(50));
        }
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(node)]);
    }
}
