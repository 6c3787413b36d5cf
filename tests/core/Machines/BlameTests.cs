using Coordinator.Machines;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

public sealed class BlameTests
{
    private static Accusation Edge(string accuser, string accused) => new(new NodeId(accuser), new NodeId(accused));

    private static string Cover(params Accusation[] edges) => string.Join(' ', Blame.SmallestCover(edges));

    [Fact]
    public void One_accusation_condemns_the_accused() => Assert.Equal("a", Cover(Edge("b", "a")));

    [Fact]
    public void Whom_all_others_accuse_goes() => Assert.Equal("c", Cover(Edge("a", "c"), Edge("b", "c"), Edge("d", "c")));

    [Fact]
    public void Who_accuses_everybody_goes_himself() => Assert.Equal("a", Cover(Edge("a", "b"), Edge("a", "c"), Edge("a", "d")));

    [Fact]
    public void Two_that_accuse_each_other_lose_the_higher() => Assert.Equal("b", Cover(Edge("a", "b"), Edge("b", "a")));

    [Fact]
    public void Two_dead_are_both_found() => Assert.Equal("c d", Cover(Edge("a", "c"), Edge("b", "c"), Edge("a", "d"), Edge("b", "d")));

    [Fact]
    public void Nobody_is_condemned_without_accusation() => Assert.Equal("", Cover());

    [Fact]
    public void Beyond_twelve_nodes_the_most_accused_goes_first()
    {
        var edges = Enumerable.Range(0, 30).Select(i => Edge($"n{i:00}", "dead")).ToArray();
        Assert.Equal("dead", Cover(edges));
    }
}
