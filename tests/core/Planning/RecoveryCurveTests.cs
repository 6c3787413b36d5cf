using Coordinator.Simulator.Planning;

namespace Coordinator.Tests.Planning;

public sealed class RecoveryCurveTests
{
    [Fact]
    public void Messages_of_a_loss_and_a_return_grow_with_the_ranks_and_no_faster()
    {
        var (small, large) = (RecoveryCurve.At(100), RecoveryCurve.At(400));
        Assert.Equal(["start", "one rank lost", "it returns"], small.Select(cost => cost.What));
        Assert.All(small.Zip(large), pair => Assert.InRange((double)pair.Second.Messages / pair.First.Messages, 3.5, 4.2));
        Assert.All(large, cost => Assert.InRange(cost.Messages / 400.0, 3, 8));
    }

    [Fact]
    public void The_deal_of_shards_which_every_node_is_told_whole_is_what_grows_faster()
    {
        var (small, large) = (RecoveryCurve.At(200)[1], RecoveryCurve.At(800)[1]);
        Assert.Equal("deal of shards", large.LargestKind);
        Assert.InRange((double)large.LargestBytes / small.LargestBytes, 12, 20);
        Assert.InRange((double)(large.Bytes - large.LargestBytes) / (small.Bytes - small.LargestBytes), 3.5, 4.5);
    }
}
