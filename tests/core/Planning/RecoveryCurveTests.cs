using Coordinator.Planning.Simulation;

namespace Coordinator.Tests.Planning;

public sealed class RecoveryCurveTests
{
    private static readonly IReadOnlyList<GenerationCost> Small = RecoveryCurve.At(200);
    private static readonly IReadOnlyList<GenerationCost> Large = RecoveryCurve.At(800);

    [Fact]
    public void Messages_of_a_loss_and_a_return_grow_with_the_ranks_and_no_faster()
    {
        Assert.Equal(["start", "one rank lost", "it returns"], Small.Select(cost => cost.What));
        Assert.All(Small.Zip(Large), pair => Assert.InRange((double)pair.Second.Messages / pair.First.Messages, 3.5, 4.2));
        Assert.All(Large, cost => Assert.InRange(cost.Messages / 800.0, 3, 8));
    }

    [Fact]
    public void So_do_their_bytes()
    {
        Assert.All(Small.Zip(Large).Skip(1), pair => Assert.InRange((double)pair.Second.Bytes / pair.First.Bytes, 3.5, 4.5));
        Assert.All(Large.Skip(1), cost => Assert.InRange(cost.Bytes / 800.0, 500, 4_000));
    }

    [Fact]
    public void What_grows_faster_is_the_membership_that_every_node_is_told_whole_at_the_start()
    {
        Assert.Equal("membership", Large[0].LargestKind);
        Assert.InRange((double)Large[0].LargestBytes / Small[0].LargestBytes, 5, 16);

        // Nodes that follow each other: a few bytes for each of the others.
        Assert.InRange(Large[0].LargestBytes / 800.0 / 800, 1, 6);
    }
}
