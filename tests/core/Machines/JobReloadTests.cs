namespace Coordinator.Tests.Machines;

public sealed class JobReloadTests
{
    [Fact]
    public void A_job_that_was_loaded_anew_tells_those_who_trained_in_its_generation_the_change_and_newcomers_all()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.Reload();
        job.ToldFrom.Clear();
        job.Offer((0, 1), (1, 0), (2, 0));
        job.Restarts(0, life: 1);

        Assert.Equal(2, job.Generation);
        Assert.Equal([0L, 1, 1], job.ToldFrom.Values);
    }
}
