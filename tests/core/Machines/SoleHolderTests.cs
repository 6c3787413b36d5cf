using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A job whose state has one holder left says so, and gets a second one first of all.</summary>
public sealed class SoleHolderTests : ClusterAlone
{
    [Fact]
    public void A_job_whose_state_one_rank_alone_holds_says_so_asks_as_such_and_says_when_others_hold_it_again()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        Assert.DoesNotContain(EventKinds.StateOneHolder, job.Events);
        Assert.False(job.Request.OneHolder);
        job.Restarts(2, life: 1);
        job.Answers(1, 1);
        Assert.DoesNotContain(EventKinds.StateOneHolder, job.Events);
        job.Advances(1, 2);
        job.Records(1, 2);
        Assert.Equal(
            "only n1/0 holds the state: if it fails, the job has no checkpoint to go back to; a second holder comes before anything else",
            job.Texts[EventKinds.StateOneHolder]);
        Assert.EndsWith("; only n1/0 holds the state", job.Reason, StringComparison.Ordinal);
        Assert.True(job.Request.OneHolder);

        // It has been said already by whoever loaded it before.
        job.Events.Clear();
        job.Reload();
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.True(job.Request.OneHolder);
        Assert.DoesNotContain(EventKinds.StateOneHolder, job.Events);

        job.Offer((1, 0), (3, 0));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Records(1, 2);
        job.Answers(1, 2);
        job.Answers(3, null);
        job.Advances(1, 3);
        Assert.True(job.Request.OneHolder);
        job.Advances(3, 3);
        Assert.Equal("2 ranks hold the state, and no longer n1/0 alone", job.Texts[EventKinds.StateHeldAgain]);
        Assert.False(job.Request.OneHolder);
        Assert.DoesNotContain("holds the state", job.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_job_that_is_to_have_one_rank_says_nothing_of_it()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Train(1);
        Assert.DoesNotContain(EventKinds.StateOneHolder, job.Events);
        Assert.False(job.Request.OneHolder);
    }

    [Fact]
    public void Too_few_ranks_to_go_on_with_of_which_one_is_left_say_so_while_they_wait()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(1, 2);
        job.Restarts(2, life: 1);
        Assert.Contains(EventKinds.StateOneHolder, job.Events);
        Assert.EndsWith("; only n1/0 holds the state", job.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_next_free_gpu_goes_to_whose_state_one_gpu_alone_holds_and_the_others_by_priority()
    {
        Request("high", wanted: 3, [Gpu(1)], priority: 9);
        Request("low", wanted: 3, [Gpu(2)], priority: 1, oneHolder: true);
        Report(1);
        Report(2);
        Report(3);
        Assert.Equal([Gpu(2), Gpu(3)], Gpus("low"));
        Report(4);
        Assert.Equal([Gpu(1), Gpu(4)], Gpus("high"));
        Report(5);
        Assert.Equal([Gpu(1), Gpu(4), Gpu(5)], Gpus("high"));
    }

    private static GpuId Gpu(int node) => new(new NodeId($"n{node}"), 0);

    private void Report(int node) => Hear(new NodeReported(
        new NodeId($"n{node}"), new WorkerSession(1, 1), Next(), true, "host:1", [new GpuDescription(0, "gpu", "a", "cpu")]));

    private void Request(string job, int wanted, GpuId[] used, int priority, bool oneHolder = false) =>
        Hear(new GpusRequested(new JobId(job), 1, Next(), wanted, used, [])
        {
            Priority = priority,
            Minimum = 1,
            OneHolder = oneHolder,
        });
}
