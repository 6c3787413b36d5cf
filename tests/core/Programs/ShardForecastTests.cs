using Coordinator.Worker.External;

namespace Coordinator.Tests.Programs;

/// <summary>Which shards a rank is expected to compute next: what it computed in the step before, in the same order.</summary>
public sealed class ShardForecastTests
{
    [Fact]
    public void A_rank_computes_the_same_shards_step_after_step()
    {
        var forecast = new ShardForecast(most: 4);
        forecast.After(1, 2);
        forecast.After(1, 3);

        Assert.Equal([(2, 3), (3, 2), (3, 3), (4, 2)], forecast.After(2, 2));
        Assert.Equal([(3, 2), (3, 3), (4, 2), (4, 3)], forecast.After(2, 3));
    }

    [Fact]
    public void Of_a_first_step_what_was_computed_so_far_is_expected_again()
    {
        var forecast = new ShardForecast(most: 3);
        Assert.Equal([(2, 5), (3, 5), (4, 5)], forecast.After(1, 5));
        Assert.Equal([(2, 5), (2, 6), (3, 5)], forecast.After(1, 6));
    }

    [Fact]
    public void Another_generation_deals_other_shards_and_is_learnt_within_a_step()
    {
        var forecast = new ShardForecast(most: 2);
        forecast.After(1, 0);
        forecast.After(1, 1);
        forecast.After(2, 0);
        Assert.Equal([(4, 7), (5, 7)], forecast.After(3, 7));
        Assert.Equal([(5, 7), (6, 7)], forecast.After(4, 7));
    }

    [Fact]
    public void A_shard_that_is_computed_again_to_be_compared_changes_nothing()
    {
        var forecast = new ShardForecast(most: 2);
        forecast.After(1, 0);
        forecast.After(1, 1);
        forecast.After(2, 0);
        Assert.Equal([(2, 1), (3, 0)], forecast.After(2, 0));
    }
}
