using System.Text.Json.Nodes;

namespace Coordinator.Tests.Machines;

public sealed class JobStateVersionTests
{
    [Theory]
    [InlineData(3, 1)]
    [InlineData(64, 2)]
    public void Only_a_state_that_an_older_coordinator_could_not_read_has_a_newer_version_and_it_is_read_again(int ranks, int version)
    {
        var job = new JobAlone(ranks, minRanks: 1);
        job.Train([.. Enumerable.Range(0, ranks)]);

        Assert.Equal(version, JsonNode.Parse(job.State)!["version"]!.GetValue<int>());
        job.Reload();
        job.ToldFrom.Clear();
        job.Offer([.. Enumerable.Range(0, ranks).Select(node => (node, 0))]);
        job.Restarts(0, life: 1);
        Assert.Equal(2, job.Generation);
        Assert.Equal(ranks - 1, job.ToldFrom.Count);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    public void A_state_whose_learning_rate_ends_at_a_step_of_its_own_is_refused_by_a_coordinator_that_would_pass_over_it(int ranks)
    {
        var job = new JobAlone(ranks, minRanks: 1);
        job.Train([.. Enumerable.Range(0, ranks)]);
        job.Extend(steps: 40);

        Assert.Equal(3, JsonNode.Parse(job.State)!["version"]!.GetValue<int>());
        job.Reload();
        Assert.Equal((ranks, 20L), (job.View.Members.Count, job.View.Spec.Optimizer.DecaySteps));
    }
}
